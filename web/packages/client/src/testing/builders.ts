import type {
  Attachment,
  ChatClient,
  ChatState,
  Dialog,
  DialogFile,
  DialogParticipant,
  Message,
  OutboxEntry,
  PendingAttachment,
  Row,
  SearchHit,
  Transcript,
} from '../types.js'
import { NO_STATE } from '../core.js'
import { UNKNOWN } from '../transcripts.js'

/** Single values with readable defaults; give what matters. */

const BEGIN = Date.UTC(2031, 4, 4, 10)

/** Ids that rise with *n*, in the form of the server's. */
export function id(n: number): string {
  const hex = n.toString(16).padStart(12, '0')
  return `0197c0de-${hex.slice(0, 4)}-7000-8000-${hex}`
}

/** One minute per *n*. */
export function at(n: number): string {
  return new Date(BEGIN + n * 60_000).toISOString().replace('Z', '000Z')
}

export const A_DIALOG = id(0xa1)

export function aMessage(n: number, change: Partial<Message> = {}): Message {
  return {
    id: id(n),
    dialog_id: A_DIALOG,
    seq: n,
    sender_id: 'bo',
    sender_name: 'Bo',
    content: `message ${n}`,
    sent_at: at(n),
    last_edited_at: null,
    reply_to_id: null,
    message_type: 'user',
    ...change,
  }
}

export function aSystemMessage(n: number, event: Record<string, unknown>): Message {
  const { sender_name: _, ...message } = aMessage(n, { sender_id: null, message_type: 'system', content: JSON.stringify(event) })
  return message
}

export function anAttachment(change: Partial<Attachment> = {}): Attachment {
  return {
    id: id(0xf1),
    filename: 'plan.pdf',
    content_type: 'application/pdf',
    size: 5_120,
    url: 'https://files.test/plan.pdf',
    kind: 'document',
    ...change,
  }
}

export function aDialog(change: Partial<Dialog> = {}): Dialog {
  return {
    id: A_DIALOG,
    object_id: 'RFQ-88',
    object_type: 'quote',
    title: 'Quote RFQ-88',
    object_url: 'https://erp.test/quotes/88',
    created_by: 'ana',
    created_at: at(0),
    i_am_participant: true,
    can_join: false,
    participants_count: 2,
    participants: [
      { user_id: 'ana', display_name: 'Ana', company: 'Nordwind' },
      { user_id: 'bo', display_name: 'Bo', company: 'Borealis' },
    ],
    unread_count: 0,
    is_archived: false,
    is_pinned: false,
    notifications_enabled: true,
    ...change,
  }
}

export function aParticipant(change: Partial<DialogParticipant> = {}): DialogParticipant {
  return {
    dialog_id: A_DIALOG,
    user_id: 'bo',
    joined_at: at(0),
    joined_as: 'participant',
    notifications_enabled: true,
    last_read_message_id: null,
    unread_count: 0,
    display_name: 'Bo',
    company: 'Borealis',
    email: null,
    phone: null,
    is_archived: false,
    is_pinned: false,
    is_online: true,
    ...change,
  }
}

export function anOutboxEntry(n: number, change: Partial<OutboxEntry> = {}): OutboxEntry {
  return {
    clientId: id(n),
    dialogId: A_DIALOG,
    content: `unsent ${n}`,
    replyTo: null,
    attachments: [],
    uploads: [],
    state: 'queued',
    attempts: 0,
    nextAt: null,
    error: null,
    isFinal: false,
    createdAt: BEGIN,
    ...change,
  }
}

export function aPendingFile(change: Partial<PendingAttachment> = {}): PendingAttachment {
  return {
    id: 'file-1',
    filename: 'photo.png',
    contentType: 'image/png',
    size: 2_048,
    progress: 40,
    status: 'uploading',
    ...change,
  }
}

export function aDialogFile(change: Partial<DialogFile> = {}): DialogFile {
  return { ...anAttachment(), message_id: id(1), sender_id: 'bo', sender_name: 'Bo', sent_at: at(1), ...change }
}

export function aHit(change: Partial<SearchHit> = {}): SearchHit {
  return {
    dialog_id: A_DIALOG,
    message_id: id(1),
    seq: 1,
    sender_id: 'bo',
    sender_name: 'Bo',
    sent_at: at(1),
    snippet: 'message 1',
    matches: [{ start: 0, length: 7 }],
    dialog_title: 'Quote RFQ-88',
    object_type: 'quote',
    object_id: 'RFQ-88',
    ...change,
  }
}

/** A transcript that is loaded whole: the messages given, then what waits in the outbox. */
export function aTranscript(
  messages: readonly Message[],
  change: Partial<Transcript> & { outbox?: readonly OutboxEntry[] } = {},
): Transcript {
  const { outbox = [], ...rest } = change
  const rows: Row[] = messages.flatMap((message) => [
    ...(message.id === change.firstUnreadId ? [{ kind: 'unread', key: 'unread' } as const] : []),
    { kind: 'message', key: message.id, message } as const,
  ])
  for (const entry of outbox) rows.push({ kind: 'outbox', key: entry.clientId, entry })
  const segments = [{ from: '', to: '~', messages }]
  return { ...UNKNOWN, status: 'ready', segments, rows, isAtStart: true, isAtEnd: true, ...rest }
}

export function aState(change: Partial<ChatState> = {}): ChatState {
  return { ...NO_STATE, connection: { status: 'online' }, ...change }
}

/** A client that shows one state and notes what it is asked to do, for pictures of components. */
export interface FixedChat extends ChatClient {
  readonly calls: [verb: string, ...args: unknown[]][]
  /** Show another state. */
  show(change: Partial<ChatState>): void
}

/** *answers* by verb, for verbs whose answer matters; the others answer undefined. */
export function fixedChat(state: ChatState, answers: Partial<Record<keyof ChatClient, unknown>> = {}): FixedChat {
  let shown = state
  const calls: FixedChat['calls'] = []
  const listeners = new Set<() => void>()
  const base = {
    userId: 'ana',
    ready: Promise.resolve(),
    calls,
    getSnapshot: () => shown,
    show(change: Partial<ChatState>) {
      shown = { ...shown, ...change }
      for (const listener of [...listeners]) listener()
    },
    can: (capability: string) => shown.capabilities.includes(capability),
    on: () => () => undefined,
    subscribe<T>(selector: (state: ChatState) => T, listener: (value: T, previous: T) => void) {
      let previous = selector(shown)
      const check = () => {
        const value = selector(shown)
        if (Object.is(value, previous)) return
        const before = previous
        previous = value
        listener(value, before)
      }
      listeners.add(check)
      return () => void listeners.delete(check)
    },
  }
  const synchronous = new Set(['addFiles', 'connect', 'disconnect'])
  return new Proxy(base as unknown as FixedChat, {
    get(target, name: keyof FixedChat & string) {
      if (name in target || name === ('then' as string)) return target[name]
      return (...args: unknown[]) => {
        calls.push([name, ...args])
        const answer = name in answers ? answers[name as keyof ChatClient] : name === 'addFiles' ? [] : undefined
        return synchronous.has(name) ? answer : Promise.resolve(answer)
      }
    },
  })
}
