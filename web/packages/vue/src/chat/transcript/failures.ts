/** Why a message did not go out, in words for people. */
import type { MTChatError } from '@mtchat/client'
import type { Translator } from '../../i18n'

/** A refusal is said to be one: trying again would end the same. */
export function failureOf(error: MTChatError | null, { t, error: words }: Pick<Translator, 't' | 'error'>): string {
  if (!error) return t('message.failed')
  return error.status >= 400 && !error.retryable ? t('message.refused', { reason: words(error) }) : words(error)
}
