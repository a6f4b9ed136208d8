/** What the list shows: the client's rows, with days between them and authors said once per group. */
import type { Message, OutboxEntry, Row, UserId } from '@mtchat/client'

export type Item =
  | { readonly kind: 'day'; readonly key: string; readonly at: number }
  | { readonly kind: 'unread'; readonly key: string }
  | { readonly kind: 'gap'; readonly key: string; readonly row: Extract<Row, { kind: 'gap' }> }
  | { readonly kind: 'system'; readonly key: string; readonly message: Message }
  | { readonly kind: 'message'; readonly key: string; readonly message: Message; readonly isFirst: boolean }
  | { readonly kind: 'outbox'; readonly key: string; readonly entry: OutboxEntry; readonly isFirst: boolean }

export const GROUP_MS = 5 * 60_000

/** Remembers days by quarter of an hour, as no time zone differs by less. */
export function calendar(dayKey: (at: number) => string): (at: number) => string {
  const known = new Map<number, string>()
  return (at) => {
    const quarter = Math.floor(at / 900_000)
    const day = known.get(quarter) ?? dayKey(at)
    if (known.size > 5_000) known.clear()
    known.set(quarter, day)
    return day
  }
}

/** Items whose content did not change stay the same objects. */
export function timelineOf(rows: readonly Row[], self: UserId, dayOf: (at: number) => string, previous: readonly Item[]): readonly Item[] {
  const old = new Map(previous.map((item) => [item.key, item]))
  const items: Item[] = []
  const keep = (item: Item) => {
    const before = old.get(item.key)
    items.push(before && isSame(before, item) ? before : item)
  }
  let day = ''
  let author: UserId | null = null
  let lastAt = 0
  const groupedAfter = (id: UserId | null, at: number) => {
    const isFirst = author === null || author !== id || at - lastAt > GROUP_MS
    author = id
    lastAt = at
    return isFirst
  }
  const startDay = (at: number) => {
    const next = dayOf(at)
    if (next === day) return
    day = next
    author = null
    keep({ kind: 'day', key: `day:${next}`, at })
  }
  let isUnreadNext = false
  const placeUnread = () => {
    if (!isUnreadNext) return
    isUnreadNext = false
    author = null
    keep({ kind: 'unread', key: 'unread' })
  }
  for (const row of rows) {
    if (row.kind === 'unread') {
      isUnreadNext = true
    } else if (row.kind === 'gap') {
      author = null
      keep({ kind: 'gap', key: row.key, row })
    } else if (row.kind === 'outbox') {
      startDay(row.entry.createdAt)
      placeUnread()
      keep({ kind: 'outbox', key: row.key, entry: row.entry, isFirst: groupedAfter(self, row.entry.createdAt) })
    } else {
      const at = Date.parse(row.message.sent_at)
      startDay(at)
      placeUnread()
      if (row.message.message_type === 'system') {
        author = null
        keep({ kind: 'system', key: row.key, message: row.message })
      } else {
        keep({ kind: 'message', key: row.key, message: row.message, isFirst: groupedAfter(row.message.sender_id, at) })
      }
    }
  }
  return items.length === previous.length && items.every((item, at) => item === previous[at]) ? previous : items
}

function isSame(a: Item, b: Item): boolean {
  if (a.kind === 'message' && b.kind === 'message') return a.message === b.message && a.isFirst === b.isFirst
  if (a.kind === 'outbox' && b.kind === 'outbox') return a.entry === b.entry && a.isFirst === b.isFirst
  if (a.kind === 'system' && b.kind === 'system') return a.message === b.message
  if (a.kind === 'gap' && b.kind === 'gap') return a.row === b.row
  return a.kind === b.kind && (a.kind === 'unread' || a.kind === 'day')
}
