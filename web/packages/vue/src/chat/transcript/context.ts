/** What the transcript gives to its rows. */
import type { Attachment, ChatClient, DialogId, Message, OutboxEntry } from '@mtchat/client'
import type { ComputedRef, InjectionKey } from 'vue'
import { inject } from 'vue'
import type { People } from './people'
import type { Visibility } from './visibility'

/** A dialog over the transcript, and the message it is about. */
export interface Asked {
  readonly what: 'delete' | 'history' | 'readers'
  readonly message: Message
}

export interface RowContext {
  readonly client: ChatClient
  readonly dialogId: DialogId
  readonly people: ComputedRef<People>
  readonly canWrite: ComputedRef<boolean>
  readonly visibility: Visibility
  readonly quoteOf: (id: string) => Message | null | undefined
  reply(message: Message): void
  edit(message: Message): void
  remove(message: Message): void
  jumpTo(id: string): void
  copy(text: string): void
  /** Where the host's pages show the message; "" when nobody said. */
  linkTo(message: Message): string
  showHistory(message: Message): void
  showReaders(message: Message): void
  openViewer(attachment: Attachment): void
  restore(entry: OutboxEntry): void
}

export const ROW_CONTEXT: InjectionKey<RowContext> = Symbol('mtchat rows')

export function useRowContext(): RowContext {
  const context = inject(ROW_CONTEXT)
  if (!context) throw new Error('Message rows live in MTTranscript.')
  return context
}
