/** Whom an `@` may mean. */
import type { DialogParticipant, UserId } from '@mtchat/client'

/** Those whose name, a word of it, or company begins with *query*, then those who have it anywhere. Oneself is left out. */
export function mentionable(list: readonly DialogParticipant[], self: UserId, query: string): readonly DialogParticipant[] {
  const wanted = query.toLocaleLowerCase()
  const rank = (person: DialogParticipant): number => {
    const texts = [person.display_name, person.company ?? ''].map((text) => text.toLocaleLowerCase())
    if (texts.some((text) => text.startsWith(wanted) || text.split(/\s+/).some((word) => word.startsWith(wanted)))) return 0
    return texts.some((text) => text.includes(wanted)) ? 1 : 2
  }
  return list
    .filter((person) => person.user_id !== self)
    .map((person) => ({ person, at: rank(person) }))
    .filter(({ at }) => at < 2)
    .sort((a, b) => a.at - b.at)
    .map(({ person }) => person)
}
