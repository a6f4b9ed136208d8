import type { Translator } from '../i18n'

const named = (person: { name?: string; company?: string | null } | undefined) =>
  person?.company ? `${person.name ?? ''} (${person.company})` : (person?.name ?? '')

/** What the dialog itself says. Unknown events become neutral text, never JSON. */
export function systemText(content: string, { t, list }: Pick<Translator, 't' | 'list'>): string {
  try {
    const event = JSON.parse(content) as { event?: string; text?: string; name?: string; company?: string; participants?: { name?: string; company?: string }[] }
    switch (event.event) {
      case 'chat_created':
        return event.participants?.length
          ? t('system.chatCreated', { participants: list(event.participants.map(named)) })
          : t('system.chatCreatedEmpty')
      case 'participant_joined':
        return t('system.participantJoined', { name: named(event) })
      case 'participant_left':
        return t('system.participantLeft', { name: named(event) })
      default:
        // A host's own event brings words for those who know no better.
        if (event.text) return event.text
    }
  } catch {
    // Not ours to read.
  }
  return t('system.unknown')
}
