/** Why a message did not go out, in words for people. */
import { ATTACHMENT_LIMITS, type OutboxEntry } from '@mtchat/client'
import type { Translator } from '../../i18n'
import { MAX_LENGTH } from '../composer/content'

type Unsent = Pick<OutboxEntry, 'error' | 'content' | 'attachments' | 'uploads'>

/** A refusal is said to be one: trying again would end the same. */
export function failureOf(entry: Unsent, i18n: Pick<Translator, 't' | 'error'>): string {
  const { error } = entry
  if (!error) return i18n.t('message.failed')
  return error.status >= 400 && !error.retryable ? i18n.t('message.refused', { reason: reasonOf(entry, i18n) }) : i18n.error(error)
}

/** The server has one code for whatever is too much; what that is can be counted here too. */
function reasonOf({ error, content, attachments, uploads }: Unsent, i18n: Pick<Translator, 't' | 'error'>): string {
  if (error!.code === 'INVALID_INPUT' && [...content].length > MAX_LENGTH) return i18n.t('errors.CONTENT_TOO_LONG')
  if (error!.code === 'BAD_REQUEST' && attachments.length + uploads.length > ATTACHMENT_LIMITS.MAX_ATTACHMENTS_PER_MESSAGE) return i18n.t('errors.TOO_MANY_ATTACHMENTS')
  return i18n.error(error!)
}
