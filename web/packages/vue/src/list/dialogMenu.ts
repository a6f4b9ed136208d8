import type { Dialog } from '@mtchat/client'
import type { Translator } from '../i18n'
import type { MenuItem } from '../primitives/types'
import type { Frame } from '../shell/frame'

/** What one can do with a dialog, in the list and in its header. */
export function dialogMenu(frame: Frame, { t }: Pick<Translator, 't'>, dialog: Dialog): MenuItem[] {
  const { chat, attempt } = frame
  if (!dialog.i_am_participant) {
    return dialog.can_join ? [{ label: t('buttons.join'), icon: 'plus', command: () => frame.askToJoin(dialog.id) }] : []
  }
  const isLoud = dialog.notifications_enabled ?? true
  return [
    dialog.is_pinned
      ? { label: t('buttons.unpin'), icon: 'unpin', command: () => void attempt(() => chat.unpinDialog(dialog.id)) }
      : { label: t('buttons.pin'), icon: 'pin', command: () => void attempt(() => chat.pinDialog(dialog.id)) },
    {
      label: isLoud ? t('buttons.muteNotifications') : t('buttons.unmuteNotifications'),
      icon: isLoud ? 'bell-off' : 'bell',
      command: () => void attempt(() => chat.toggleNotifications(dialog.id, !isLoud)),
    },
    dialog.is_archived
      ? { label: t('buttons.unarchive'), icon: 'unarchive', command: () => void attempt(() => chat.unarchiveDialog(dialog.id)) }
      : { label: t('buttons.archive'), icon: 'archive', command: () => void attempt(() => chat.archiveDialog(dialog.id)) },
    { label: '', separator: true },
    { label: t('buttons.leaveChat'), icon: 'logout', danger: true, command: () => frame.askToLeave(dialog.id) },
  ]
}
