/** Who somebody is to the reader: always a name, never an id. */
import type { DialogParticipant, Message, ParticipantSummary, UserId } from '@mtchat/client'

export interface People {
  readonly self: UserId
  readonly present: ReadonlyMap<UserId, DialogParticipant>
  readonly seen: Readonly<Record<UserId, ParticipantSummary>>
}

export interface Person {
  readonly id: UserId | null
  readonly name: string
  readonly company: string
  readonly isSelf: boolean
}

export function peopleOf(
  self: UserId,
  list: readonly DialogParticipant[],
  seen: Readonly<Record<UserId, ParticipantSummary>>,
): People {
  return { self, present: new Map(list.map((person) => [person.user_id, person])), seen }
}

/** The name now, else the one the message was signed with, else the one this client has seen, else *nobody*. */
export function personOf(people: People, id: UserId | null, signed: string | undefined, nobody: string): Person {
  const present = id === null ? undefined : people.present.get(id)
  const seen = id === null ? undefined : people.seen[id]
  return {
    id,
    name: present?.display_name || signed || seen?.display_name || nobody,
    company: present?.company || seen?.company || '',
    isSelf: id === people.self,
  }
}

export function authorOf(people: People, message: Message, nobody: string): Person {
  return personOf(people, message.sender_id, message.sender_name, nobody)
}
