/** What became of a message one sent. */
import type { Message } from '@mtchat/client'
import type { People } from './people'

export interface Delivery {
  readonly state: 'sent' | 'read'
  readonly readers: readonly string[]
  /** How many could read it. */
  readonly of: number
}

/** Ids rise with time, so a read mark at or past a message has read it. */
export function deliveryOf(message: Message, people: People): Delivery {
  const others = [...people.present.values()].filter((person) => person.user_id !== people.self)
  const readers = others.filter((person) => person.last_read_message_id !== null && person.last_read_message_id >= message.id)
  return { state: readers.length > 0 ? 'read' : 'sent', readers: readers.map((person) => person.user_id), of: others.length }
}
