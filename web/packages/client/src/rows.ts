import type { MTChatError } from './errors.js'
import type { Message, MessageId, OutboxEntry, Row, Segment, UserId } from './types.js'

export interface RowSource {
  segments: readonly Segment[]
  firstUnreadId: MessageId | null
  outbox: readonly OutboxEntry[]
  self: UserId
  gaps: Readonly<Record<string, { isLoading: boolean; error: MTChatError | null }>>
}

/** A message keeps the key it had in the outbox, so that its row stays the same row. */
function messageKey(message: Message, self: UserId): string {
  return (message.sender_id === self && message.client_message_id) || message.id
}

/** What to show, oldest first. Rows whose content did not change stay the same objects. */
export function rowsOf(source: RowSource, previous: readonly Row[]): readonly Row[] {
  const old = new Map(previous.map((row) => [row.key, row]))
  const rows: Row[] = []
  const sent = new Set<string>()
  const keep = (row: Row) => {
    const before = old.get(row.key)
    rows.push(before && isSame(before, row) ? before : row)
  }
  source.segments.forEach((segment, index) => {
    const earlier = source.segments[index - 1]
    if (earlier) {
      const key = `gap:${earlier.to}`
      const gap = source.gaps[key] ?? { isLoading: false, error: null }
      keep({ kind: 'gap', key, after: earlier.to, before: segment.from, ...gap })
    }
    for (const message of segment.messages) {
      if (message.id === source.firstUnreadId) keep({ kind: 'unread', key: 'unread' })
      const key = messageKey(message, source.self)
      sent.add(key)
      keep({ kind: 'message', key, message })
    }
  })
  for (const entry of source.outbox) {
    if (!sent.has(entry.clientId)) keep({ kind: 'outbox', key: entry.clientId, entry })
  }
  const isUnchanged = rows.length === previous.length && rows.every((row, at) => row === previous[at])
  return isUnchanged ? previous : rows
}

function isSame(a: Row, b: Row): boolean {
  if (a.kind === 'message' && b.kind === 'message') return a.message === b.message
  if (a.kind === 'outbox' && b.kind === 'outbox') return a.entry === b.entry
  if (a.kind === 'unread') return b.kind === 'unread'
  return a.kind === 'gap' && b.kind === 'gap' && a.before === b.before && a.isLoading === b.isLoading && a.error === b.error
}
