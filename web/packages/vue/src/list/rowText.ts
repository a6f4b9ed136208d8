import type { Dialog, Draft, UserId } from '@mtchat/client'
import type { Translator } from '../i18n'
import { systemText } from '../parts/system'
import { oneLine } from '../parts/text'

export interface RowText {
  readonly title: string
  readonly type: string
  readonly company: string
  /** "Draft:", "You:" or a name with a colon. */
  readonly lead: string
  readonly preview: string
  readonly isDraft: boolean
  readonly time: string
  readonly unread: string
  /** All of it in one line, for screen readers. */
  readonly name: string
}

/** What a row of the list says. */
export function rowText(dialog: Dialog, draft: Draft | undefined, self: UserId, i18n: Translator): RowText {
  const { t } = i18n
  const last = dialog.last_message
  const title = dialog.title?.trim() || t('chat.untitled')
  const type = i18n.objectType(dialog.object_type)
  const others = dialog.participants?.filter(({ user_id }) => user_id !== self) ?? []
  const company = [...new Set(others.flatMap(({ company }) => (company ? [company] : [])))].slice(0, 2).join(', ')
  const draftText = draft ? oneLine(draft.text) || (draft.attachments.length ? t('list.file') : '') : ''
  const isDraft = !!draftText
  let lead = ''
  let preview = dialog.i_am_participant ? '' : dialog.can_join ? t('chat.canJoin') : ''
  if (isDraft) {
    lead = t('list.draft')
    preview = draftText
  } else if (last?.message_type === 'system') {
    preview = systemText(last.content, i18n)
  } else if (last) {
    lead = last.sender_id === self ? t('list.you') : last.sender_name ? `${last.sender_name}:` : ''
    preview = oneLine(last.content) || t('list.file')
  }
  const count = dialog.unread_count ?? 0
  const at = dialog.last_message_at
  return {
    title,
    type,
    company,
    lead,
    preview,
    isDraft,
    time: at ? i18n.brief(at) : '',
    unread: count > 0 ? i18n.badge(count) : '',
    name: [
      title,
      type,
      company,
      count > 0 ? t('list.unread', { count }) : '',
      [lead, preview].filter(Boolean).join(' '),
      at ? i18n.full(at) : '',
      dialog.is_pinned ? t('list.pinned') : '',
      dialog.notifications_enabled === false ? t('list.muted') : '',
    ]
      .filter(Boolean)
      .join(', '),
  }
}
