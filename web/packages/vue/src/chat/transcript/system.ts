/** The dialog's own voice, put into words. */
import type { Translator } from '../../i18n'

const text = (value: unknown) => (typeof value === 'string' ? value.trim() : '')

function nameOf(person: unknown): string {
  const { name, company } = (person ?? {}) as { name?: unknown; company?: unknown }
  return text(company) ? `${text(name)} (${text(company)})` : text(name)
}

/** Never throws: what it does not know becomes neutral text. */
export function systemText(content: string, { t, list }: Pick<Translator, 't' | 'list'>): string {
  let event: Record<string, unknown>
  try {
    const parsed: unknown = JSON.parse(content)
    if (typeof parsed !== 'object' || parsed === null) throw new SyntaxError()
    event = parsed as Record<string, unknown>
  } catch {
    return content.trim() || t('system.unknown')
  }
  switch (event['event']) {
    case 'chat_created': {
      const people = Array.isArray(event['participants']) ? event['participants'].map(nameOf).filter(Boolean) : []
      return people.length ? t('system.chatCreated', { participants: list(people) }) : t('system.chatCreatedEmpty')
    }
    case 'participant_joined':
      return t('system.participantJoined', { name: nameOf(event) })
    case 'participant_left':
      return t('system.participantLeft', { name: nameOf(event) })
    default:
      return text(event['text']) || t('system.unknown')
  }
}
