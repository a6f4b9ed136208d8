import { learnNames, type Core } from './core.js'
import { MTChatError } from './errors.js'
import { FIRST_ID, successor } from './ids.js'
import { rowsOf } from './rows.js'
import { add, covering, find, insert, NOW, pageSegment, patch, remove, START, stopAtKnown } from './segments.js'
import { put } from './store.js'
import type {
  DialogId,
  Message,
  MessageId,
  MessagePage,
  PaginationOptions,
  Segment,
  Transcript,
  WsEvent,
} from './types.js'

const PAGE = 50
const BIG_PAGE = 100
const CATCH_UP_PAGES = 5
const REREAD_PAGES = 10
/** Closed dialogs whose messages are kept, for coming back to the same place. */
const KEPT_CLOSED = 10
const MOST_TOMBSTONES = 1_000

/** Nothing is being loaded. */
const RESTING = { isLoadingOlder: false, isLoadingNewer: false, isCatchingUp: false }

export const UNKNOWN: Transcript = {
  status: 'idle',
  error: null,
  access: 'ok',
  segments: [],
  rows: [],
  firstUnreadId: null,
  isAtStart: false,
  isAtEnd: false,
  ...RESTING,
  olderError: null,
  newerError: null,
  quotes: {},
}

/** What goes on in one dialog beside its state. */
interface Work {
  /** Ends the loads of a dialog that is left. */
  leaving: AbortController
  loads: number
  /** Messages as they came by socket while pages were on their way, which may not know them yet. */
  live: Message[]
  deleted: Set<MessageId>
  gaps: Record<string, { isLoading: boolean; error: MTChatError | null }>
  /** The divider was put in since the person looked away. */
  hasAwayDivider: boolean
  running: Map<string, Promise<void>>
}

/** The messages of dialogs: stretches without holes, kept true by pages and events in any order. */
export function createTranscripts(
  core: Core,
  hooks: { ownMark: (dialogId: DialogId) => MessageId | undefined; loadParticipants: (dialogId: DialogId) => Promise<void> },
) {
  const works = new Map<DialogId, Work>()
  const closed: DialogId[] = []
  /** Rises when events may have been missed: what a page said of "now" before is not true any more. */
  let epoch = 0

  const of = (dialogId: DialogId) => core.store.get().transcripts[dialogId] ?? UNKNOWN
  const has = (dialogId: DialogId) => core.store.get().transcripts[dialogId] !== undefined
  const workOf = (dialogId: DialogId): Work => {
    const known = works.get(dialogId)
    if (known) return known
    const work: Work = {
      leaving: new AbortController(),
      loads: 0,
      live: [],
      deleted: new Set(),
      gaps: {},
      hasAwayDivider: false,
      running: new Map(),
    }
    works.set(dialogId, work)
    return work
  }
  const set = (dialogId: DialogId, change: Partial<Transcript>) => {
    const work = works.get(dialogId)
    // Let go meanwhile: a load that ends late brings nothing back.
    if (!work) return
    const state = core.store.get()
    const next = { ...of(dialogId), ...change }
    const isShut = next.access !== 'ok'
    next.isAtStart = isShut || next.segments[0]?.from === START
    next.isAtEnd = isShut || next.segments.at(-1)?.to === NOW
    next.rows = rowsOf(
      {
        segments: next.segments,
        firstUnreadId: next.firstUnreadId,
        outbox: state.outbox[dialogId] ?? [],
        self: core.userId,
        gaps: work.gaps,
      },
      of(dialogId).rows,
    )
    core.store.set({ transcripts: put(state.transcripts, dialogId, next) })
  }
  const setGap = (dialogId: DialogId, key: string, gap: Work['gaps'][string] | null) => {
    const { [key]: _, ...others } = workOf(dialogId).gaps
    workOf(dialogId).gaps = gap ? { ...others, [key]: gap } : others
    set(dialogId, {})
  }
  /** The same load asked for twice is one load. */
  const once = (dialogId: DialogId, name: string, load: () => Promise<void>): Promise<void> => {
    const { running } = workOf(dialogId)
    const now = running.get(name)
    if (now) return now
    const promise = load().finally(() => running.delete(name))
    running.set(name, promise)
    return promise
  }

  /** Load a page and add it. With *believe*, what it leaves out was deleted. */
  const loadPage = async (dialogId: DialogId, asked: PaginationOptions, believe = false): Promise<MessagePage> => {
    const work = workOf(dialogId)
    const began = epoch
    const known = believe ? new Set(of(dialogId).segments.flatMap((segment) => segment.messages.map(({ id }) => id))) : null
    work.loads += 1
    try {
      const page = await core.api.getMessages(dialogId, { limit: PAGE, ...asked }, entering(dialogId))
      const told = pageSegment(page, asked)
      const isStale = epoch !== began && told.to === NOW
      const bounds = isStale ? stopAtKnown([told])[0]! : told
      page.messages = page.messages.filter(({ id }) => !work.deleted.has(id))
      const stretch = { ...bounds, messages: page.messages }
      // A page never lists the message it was asked to begin or end at.
      const isGone = (id: MessageId) => known?.has(id) === true && id !== asked.before && id !== asked.after
      let segments: readonly Segment[] = insert(of(dialogId).segments, stretch, isGone)
      for (const message of work.live) if (!work.deleted.has(message.id)) segments = add(segments, message)
      set(dialogId, { segments })
      nameSenders(page.messages)
      if (isStale) void catchUp(dialogId)
      return page
    } finally {
      work.loads -= 1
      if (work.loads === 0) work.live = []
    }
  }
  const nameSenders = (messages: readonly Message[]) =>
    learnNames(
      core,
      messages.flatMap(({ sender_id: user_id, sender_name: display_name }) =>
        user_id && display_name && !core.store.get().names[user_id] ? [{ user_id, display_name }] : [],
      ),
    )
  /** What a request has to listen to, so that it ends with the visit. A dialog that is shut is not asked. */
  const entering = (dialogId: DialogId): AbortSignal => {
    if (of(dialogId).access !== 'ok') throw new MTChatError({ status: 403, code: 'NOT_PARTICIPANT' })
    return workOf(dialogId).leaving.signal
  }
  /** A load whose failure is shown; null: there is none to be shown. */
  const tried = async (dialogId: DialogId, load: () => Promise<unknown>): Promise<MTChatError | null> => {
    try {
      await load()
      return null
    } catch (cause) {
      return core.blame(dialogId, cause, 'messages')
    }
  }

  /** Where the divider goes: before the first unread message, which may lie before the newest page. */
  const findUnread = async (dialogId: DialogId, page: MessagePage, people: Promise<void>) => {
    const first = page.first_unread_message_id ?? null
    const isOnTop = first !== null && first === page.messages[0]?.id && page.has_more_before
    set(dialogId, { firstUnreadId: first })
    if (!isOnTop) return
    await people
    const mark = hooks.ownMark(dialogId)
    const asked: PaginationOptions = mark ? { around: mark } : { after: FIRST_ID }
    const older = await loadPage(dialogId, asked)
    const unread = older.messages.find(
      ({ id, message_type, sender_id }) => id > (mark ?? '') && message_type === 'user' && sender_id !== core.userId,
    )
    set(dialogId, { firstUnreadId: unread?.id ?? first })
  }
  const load = (dialogId: DialogId) =>
    once(dialogId, 'open', async () => {
      const { status, segments: before } = of(dialogId)
      const isFirst = status !== 'ready'
      set(dialogId, { error: null, access: 'ok', ...(isFirst ? { status: 'loading' } : {}) })
      // Asked for together: where the divider goes may hang on it, and a second round would hold up the first picture.
      const people = hooks.loadParticipants(dialogId)
      const error = await tried(dialogId, async () => {
        await findUnread(dialogId, await loadPage(dialogId, {}, true), people)
        set(dialogId, { status: 'ready' })
        if (before.length && before.at(-1)?.to !== NOW) await reread(dialogId, before)
      })
      if (error) set(dialogId, isFirst ? { status: 'error', error } : { newerError: error })
    })

  /** Load what was missed, then look once whether what is here is still so. */
  const catchUp = (dialogId: DialogId): Promise<void> =>
    once(dialogId, 'catch up', async () => {
      const known = of(dialogId).segments
      if (of(dialogId).access !== 'ok' || !known.length) return
      set(dialogId, { isCatchingUp: true })
      const newerError = await tried(dialogId, async () => {
        let newest = known.at(-1)!
        for (let pages = 0; newest.to !== NOW; pages++) {
          // Far behind: the newest page beside what is here, with a gap that can be loaded.
          if (pages === CATCH_UP_PAGES) {
            await loadPage(dialogId, {})
            break
          }
          await loadPage(dialogId, { after: newest.to })
          newest = of(dialogId).segments.at(-1)!
        }
        await reread(dialogId, known)
      })
      set(dialogId, { isCatchingUp: false, newerError })
    })
  const reread = async (dialogId: DialogId, segments: readonly Segment[]) => {
    let pages = 0
    for (const { messages } of [...segments].reverse()) {
      const first = messages[0]?.id
      let before = messages.at(-1)?.id
      if (!first || !before) continue
      for (before = successor(before); pages < REREAD_PAGES; pages++) {
        const page = await loadPage(dialogId, { before, limit: BIG_PAGE }, true)
        const oldest = page.messages[0]?.id
        if (!page.has_more_before || !oldest || oldest <= first) break
        before = oldest
      }
    }
  }

  /** A page at one end, if there is more; with a flag and an error of its own. */
  const extend = (
    dialogId: DialogId,
    end: 'Older' | 'Newer',
    next: (now: Transcript) => PaginationOptions | false | undefined,
    name: string = end,
  ) =>
    once(dialogId, name, async () => {
      const asked = next(of(dialogId))
      if (!asked) return
      const flag = `isLoading${end}` as const
      const fault = end === 'Older' ? 'olderError' : 'newerError'
      set(dialogId, { [flag]: true, [fault]: null })
      const error = await tried(dialogId, () => loadPage(dialogId, asked))
      set(dialogId, { [flag]: false, [fault]: error })
    })
  const resetToLatest = (dialogId: DialogId) => extend(dialogId, 'Newer', ({ isAtEnd }) => !isAtEnd && {}, 'latest')

  const endLoads = (dialogId: DialogId) => {
    const work = workOf(dialogId)
    work.leaving.abort()
    work.leaving = new AbortController()
    work.running = new Map()
  }
  const evict = (dialogId: DialogId) => {
    works.get(dialogId)?.leaving.abort()
    works.delete(dialogId)
    core.store.set({ transcripts: put(core.store.get().transcripts, dialogId, undefined) })
  }
  const change = (dialogId: DialogId, to: (segments: readonly Segment[]) => readonly Segment[]) => {
    if (!has(dialogId)) return
    const { segments } = of(dialogId)
    const next = to(segments)
    if (next !== segments) set(dialogId, { segments: next })
  }
  const isAway = (dialogId: DialogId) => !core.store.get().open.includes(dialogId) || !core.environment.isFocused()

  /** A message that exists now, from the socket or as the answer to sending. */
  const arrived = (message: Message, isWhole = true) => {
    const { dialog_id: dialogId, id } = message
    if (!has(dialogId)) return
    const work = workOf(dialogId)
    if (work.deleted.has(id)) return
    if (work.loads > 0) work.live.push(message)
    const isKnown = find(of(dialogId).segments, id) !== undefined
    change(dialogId, (segments) => add(segments, message))
    nameSenders([message])
    if (isKnown) return
    const isOthers = message.message_type === 'user' && message.sender_id !== core.userId
    if (isOthers && isAway(dialogId) && !work.hasAwayDivider) {
      work.hasAwayDivider = true
      set(dialogId, { firstUnreadId: id })
    }
    if (!isWhole) void complete(message)
  }
  /** An older server says less in its event than in its pages. */
  const complete = async ({ dialog_id: dialogId, id }: Message) => {
    try {
      const page = await core.api.getMessages(dialogId, { around: id, limit: 2 }, entering(dialogId))
      const whole = page.messages.find((message) => message.id === id)
      if (whole) change(dialogId, (segments) => patch(segments, id, (message) => ({ ...message, ...whole })))
    } catch (cause) {
      core.blame(dialogId, cause, 'message')
    }
  }

  return {
    verbs: {
      loadOlder: (dialogId: DialogId) =>
        extend(dialogId, 'Older', ({ isAtStart, segments: [first] }) => !isAtStart && first && { before: first.from }),
      loadNewer: (dialogId: DialogId) =>
        extend(dialogId, 'Newer', ({ isAtEnd, segments }) => !isAtEnd && segments.length > 0 && { after: segments.at(-1)!.to }),
      resetToLatest,
      async fillGap(dialogId: DialogId, key: string, from: 'above' | 'below' = 'above'): Promise<void> {
        const row = of(dialogId).rows.find((one) => one.kind === 'gap' && one.key === key)
        if (row?.kind !== 'gap' || row.isLoading) return
        setGap(dialogId, key, { isLoading: true, error: null })
        const error = await tried(dialogId, () => loadPage(dialogId, from === 'above' ? { after: row.after } : { before: row.before }))
        setGap(dialogId, key, error && { isLoading: false, error })
      },
      async jumpTo(dialogId: DialogId, id: MessageId): Promise<boolean> {
        if (!covering(of(dialogId).segments, id)) {
          try {
            await loadPage(dialogId, { around: id })
          } catch (cause) {
            throw core.blame(dialogId, cause, 'jump') ?? MTChatError.of(cause)
          }
        }
        return find(of(dialogId).segments, id) !== undefined
      },
      loadQuote: (dialogId: DialogId, id: MessageId) =>
        once(dialogId, `quote ${id}`, async () => {
          const known = find(of(dialogId).segments, id)
          const isDeleted = workOf(dialogId).deleted.has(id)
          const keep = (message: Message | null) => set(dialogId, { quotes: { ...of(dialogId).quotes, [id]: message } })
          if (known || of(dialogId).quotes[id] !== undefined) return
          if (isDeleted) return keep(null)
          try {
            keep(await core.api.getMessage(dialogId, id, entering(dialogId)))
          } catch (cause) {
            if (MTChatError.of(cause).status === 404) return keep(null)
            core.blame(dialogId, cause, 'quote')
          }
        }),
    },
    of,
    arrived,
    refreshRows: (dialogId: DialogId) => {
      if (has(dialogId)) set(dialogId, {})
    },
    open(dialogId: DialogId, mayRead: boolean): Promise<void> {
      const at = closed.indexOf(dialogId)
      if (at >= 0) closed.splice(at, 1)
      workOf(dialogId).hasAwayDivider = false
      if (mayRead) return load(dialogId)
      set(dialogId, { status: 'ready', access: 'none' })
      return Promise.resolve()
    },
    close(dialogId: DialogId): void {
      endLoads(dialogId)
      if (of(dialogId).status !== 'ready') return evict(dialogId)
      set(dialogId, { ...RESTING, firstUnreadId: null })
      closed.push(dialogId)
      if (closed.length > KEPT_CLOSED) evict(closed.shift()!)
    },
    /** Its words or files have changed. */
    changed(dialogId: DialogId, id: MessageId, to: (message: Message) => Message): void {
      change(dialogId, (segments) => patch(segments, id, to))
      const quote = of(dialogId).quotes[id]
      if (quote) set(dialogId, { quotes: { ...of(dialogId).quotes, [id]: to(quote) } })
    },
    deleted(dialogId: DialogId, id: MessageId): void {
      if (!has(dialogId)) return
      const { deleted } = workOf(dialogId)
      deleted.add(id)
      if (deleted.size > MOST_TOMBSTONES) deleted.delete(deleted.values().next().value!)
      const { quotes, segments, firstUnreadId } = of(dialogId)
      const after = segments.flatMap(({ messages }) => messages).find((message) => message.id > id)
      set(dialogId, {
        segments: remove(segments, id),
        firstUnreadId: firstUnreadId === id ? (after?.id ?? null) : firstUnreadId,
        ...(id in quotes ? { quotes: { ...quotes, [id]: null } } : {}),
      })
    },
    /** One has sent something: what was unread is not news any more. */
    clearDivider(dialogId: DialogId): void {
      if (has(dialogId) && of(dialogId).firstUnreadId !== null) set(dialogId, { firstUnreadId: null })
    },
    lookedBack(): void {
      for (const work of works.values()) work.hasAwayDivider = false
    },
    /** What was read stays; nothing more is heard of it, and nothing can be loaded. */
    shut(dialogId: DialogId, access: Transcript['access']): void {
      const before = of(dialogId)
      if (!has(dialogId) || before.access === 'gone' || before.access === access) return
      endLoads(dialogId)
      workOf(dialogId).gaps = {}
      const segments = stopAtKnown(before.segments)
      set(dialogId, { ...RESTING, status: 'ready', error: null, olderError: null, newerError: null, access, segments })
    },
    /** A socket is open, and events may have been missed before. */
    async missedEvents(): Promise<void> {
      epoch += 1
      const known = Object.keys(core.store.get().transcripts)
      for (const dialogId of known) change(dialogId, stopAtKnown)
      const { open } = core.store.get()
      await Promise.all(open.map((dialogId) => (of(dialogId).status === 'error' ? load(dialogId) : catchUp(dialogId))))
    },
    onEvent(event: WsEvent): void {
      const { type, dialog_id: dialogId, id } = event
      if (!dialogId || !id || !has(dialogId)) return
      if (type === 'message.edited' || type === 'attachment.updated') {
        const whole = event.payload?.message
        const { content, last_edited_at } = event
        const to = (message: Message): Message => ({
          ...message,
          ...(content ? { content } : {}),
          ...(last_edited_at ? { last_edited_at } : {}),
          ...whole,
        })
        const work = workOf(dialogId)
        if (work.loads > 0) work.live = [...work.live.map((message) => (message.id === id ? to(message) : message)), ...(whole ? [whole] : [])]
        this.changed(dialogId, id, to)
      }
      if (type === 'message.deleted') this.deleted(dialogId, id)
    },
    stop(): void {
      for (const work of works.values()) work.leaving.abort()
    },
  }
}
