import { FIRST_ID } from './ids.js'
import type { Message, MessageId, MessagePage, PaginationOptions, Segment } from './types.js'

/** Stretches of a dialog that are known without holes: sorted, never touching. Pure functions, new values. */

/** Bounds beyond every id: from the dialog's beginning, up to now. */
export const START = ''
export const NOW = '~'

/** What a page tells: everything between its bounds, as it asked for them. */
export function pageSegment(page: MessagePage, asked: PaginationOptions): Segment {
  const { messages } = page
  const first = messages[0]?.id
  const last = messages.at(-1)?.id
  if (asked.around) {
    return {
      from: page.has_more_before ? (first ?? asked.around) : START,
      to: page.has_more_after ? (last ?? asked.around) : NOW,
      messages,
    }
  }
  if (asked.after) {
    return { from: asked.after, to: page.has_more_after ? (last ?? asked.after) : NOW, messages }
  }
  const from = page.has_more_before ? (first ?? asked.before ?? NOW) : START
  return { from, to: asked.before ?? NOW, messages }
}

/** Keep the newer wording, and what only the older one knew. */
export function newer(a: Message | undefined, b: Message): Message {
  if (!a) return b
  // Equal times: the later to arrive knows as much or more, as with links of files.
  const isOlder = (b.last_edited_at ?? '') < (a.last_edited_at ?? '')
  return isOlder ? { ...b, ...a } : { ...a, ...b }
}

/**
 * Add what a page told, joining stretches that meet.
 *
 * With *isGone* the page is believed on what it leaves out: a known message between its bounds that it lacks and
 * of which *isGone* says yes was deleted.
 */
export function insert(segments: readonly Segment[], page: Segment, isGone: (id: MessageId) => boolean = () => false): Segment[] {
  const apart: Segment[] = []
  let { from, to } = page
  const byId = new Map<MessageId, Message>()
  const listed = new Set(page.messages.map((message) => message.id))
  for (const segment of segments) {
    const isMet = segment.from <= to && segment.to >= from
    if (!isMet) {
      apart.push(segment)
      continue
    }
    for (const message of segment.messages) {
      const { id } = message
      const isCovered = id >= page.from && id <= page.to
      if (!(isCovered && !listed.has(id) && isGone(id))) byId.set(id, message)
    }
    from = from < segment.from ? from : segment.from
    to = to > segment.to ? to : segment.to
  }
  for (const message of page.messages) byId.set(message.id, newer(byId.get(message.id), message))
  const messages = [...byId.values()].sort(byTime)
  return [...apart, { from, to, messages }].sort((a, b) => (a.from < b.from ? -1 : 1))
}

/** Add one message where it is known what is around it; elsewhere it would pretend that nothing is missing. */
export function add(segments: readonly Segment[], message: Message): readonly Segment[] {
  return change(segments, message.id, (segment) => {
    const known = segment.messages.find(({ id }) => id === message.id)
    if (known) return replace(segment, newer(known, message))
    const { messages } = segment
    const last = messages.at(-1)
    if (!last || last.id < message.id) return { ...segment, messages: [...messages, message] }
    return { ...segment, messages: [...messages, message].sort(byTime) }
  })
}

/** Change a known message; an unknown one changes nothing. */
export function patch(segments: readonly Segment[], id: MessageId, to: (message: Message) => Message): readonly Segment[] {
  return change(segments, id, (segment) => {
    const known = segment.messages.find((message) => message.id === id)
    return known ? replace(segment, to(known)) : segment
  })
}

export function remove(segments: readonly Segment[], id: MessageId): readonly Segment[] {
  return change(segments, id, (segment) =>
    segment.messages.some((message) => message.id === id)
      ? { ...segment, messages: segment.messages.filter((message) => message.id !== id) }
      : segment,
  )
}

/** Nothing is heard any more: "up to now" ends with what is known now. */
export function stopAtKnown(segments: readonly Segment[]): readonly Segment[] {
  const last = segments.at(-1)
  if (last?.to !== NOW) return segments
  const to = last.messages.at(-1)?.id ?? (last.from || FIRST_ID)
  return [...segments.slice(0, -1), { ...last, to }]
}

export function find(segments: readonly Segment[], id: MessageId): Message | undefined {
  return covering(segments, id)?.messages.find((message) => message.id === id)
}

/** The stretch that knows what is at *id*, be it that nothing is. */
export function covering(segments: readonly Segment[], id: MessageId): Segment | undefined {
  return segments.find(({ from, to }) => from <= id && id <= to)
}

function change(segments: readonly Segment[], id: MessageId, to: (segment: Segment) => Segment): readonly Segment[] {
  const at = segments.findIndex((segment) => segment.from <= id && id <= segment.to)
  const old = segments[at]
  if (!old) return segments
  const next = to(old)
  return next === old ? segments : [...segments.slice(0, at), next, ...segments.slice(at + 1)]
}

function replace(segment: Segment, message: Message): Segment {
  return { ...segment, messages: segment.messages.map((old) => (old.id === message.id ? message : old)) }
}

function byTime(a: Message, b: Message): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}
