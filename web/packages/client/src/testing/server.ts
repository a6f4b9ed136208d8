import { ATTACHMENT_LIMITS } from '../attachments.js'
import { underWay } from '../parts.js'
import type {
  Attachment,
  AttachmentInput,
  Dialog,
  DialogId,
  DialogParticipant,
  Message,
  MessageId,
  MTChatConfig,
  UserId,
  WsEvent,
  WsEventType,
} from '../types.js'
import { createTestPage, type TestPage } from './page.js'

/** A chat service in memory, for tests: what people do, what goes wrong, and doubles of the browser's three doors to it. */

const BEGIN = Date.UTC(2031, 4, 4, 10)
const FEATURES = ['idempotency', 'sender_names', 'history', 'resume', 'typing', 'files', 'search']
const PART_SIZE = 8 * 1024 * 1024

export interface TestPerson {
  id: UserId
  name?: string
  company?: string
}

export interface TestDialogOptions {
  title?: string
  objectType?: string
  objectId?: string
  /** Ids or people; the first has created it. */
  people?: readonly (UserId | TestPerson)[]
  /** Whether others may join. */
  isOpen?: boolean
  meta?: unknown
}

export interface Fault {
  /** Answer with this status… */
  status?: number
  code?: string
  /** Seconds, as the header. */
  retryAfter?: number
  /** …or break the connection, before anything is done… */
  network?: boolean
  /** …or after it was done: the answer is lost. */
  lost?: boolean
  /** …or never answer. */
  hang?: boolean
  /** How often; default once. */
  times?: number
}

interface Member extends DialogParticipant {
  is_archived: boolean
  is_pinned: boolean
}

interface Room {
  dialog: Pick<Dialog, 'id' | 'object_id' | 'object_type' | 'title' | 'object_url' | 'created_by' | 'created_at'> & { meta?: unknown }
  isOpen: boolean
  members: Map<UserId, Member>
  messages: Message[]
  history: Map<MessageId, { content: string; edited_at: string }[]>
  keys: Map<string, MessageId>
  messageSeq: number
  eventSeq: number
}

interface Asked {
  method: string
  path: string
  query: URLSearchParams
  headers: Headers
  body: Record<string, unknown>
  user: UserId
}

export class TestRefusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly retryAfter?: number,
  ) {
    super(status === 403 ? 'Forbidden: the test server says no.' : 'The test server says no.')
  }
}

/** One open socket, seen from the server. */
export interface TestSocket {
  user: UserId
  isFrozen: boolean
  readonly url: string
  readonly sent: WsEvent[]
  receive(frame: WsEvent): void
  shut(code: number): void
}

export type TestServer = ReturnType<typeof createTestServer>

/** With *isOlder* it behaves like a server without capabilities: bare events, no keys, no cursors. */
export function createTestServer({ features, isOlder = false }: { features?: readonly string[]; isOlder?: boolean } = {}) {
  const named = features ?? (isOlder ? [] : FEATURES)
  const rooms = new Map<DialogId, Room>()
  const people = new Map<UserId, TestPerson>()
  const sockets = new Set<TestSocket>()
  const log: { to: ReadonlySet<UserId>; frame: WsEvent }[] = []
  const faults: (Fault & { pattern: string; left: number })[] = []
  const holds: { pattern: string; gate: Promise<void> }[] = []
  const requests: { method: string; path: string; query: Record<string, string>; headers: Record<string, string>; body: unknown }[] = []
  const objects = new Map<string, number>()
  const page: TestPage = createTestPage()
  let count = 0
  let isRefusing = false
  let isForgetful = false
  let tokens: Map<string, UserId> | null = null
  let uploadGate: Promise<void> | null = null
  let uploadFaults: number[] = []

  const newId = (): string => {
    count += 1
    const time = (BEGIN + count * 1_000).toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count.toString(16).padStart(12, '0')}`
  }
  const now = () => new Date(BEGIN + count * 1_000).toISOString().replace('Z', '000Z')
  const room = (dialogId: DialogId): Room => {
    const found = rooms.get(dialogId)
    if (!found) throw new TestRefusal(404, 'DIALOG_NOT_FOUND')
    return found
  }
  const member = (dialogId: DialogId, user: UserId): Member => {
    const found = rooms.get(dialogId)?.members.get(user)
    if (!found) throw new TestRefusal(403, 'FORBIDDEN')
    return found
  }

  // ---- Events ----------------------------------------------------------------------------------------------

  const push = (to: Iterable<UserId>, type: WsEventType, fields: Partial<WsEvent>, isLogged = true) => {
    const audience = new Set(to)
    const frame: WsEvent = { type, ...fields }
    if (isLogged && fields.dialog_id && !isOlder) {
      const known = rooms.get(fields.dialog_id)
      if (known) frame.event_seq = known.eventSeq += 1
      frame.event_id = newId()
    }
    if (isOlder) delete frame.payload
    if (isLogged) log.push({ to: audience, frame })
    for (const socket of sockets) if (audience.has(socket.user)) socket.receive(frame)
  }
  const everyone = (dialogId: DialogId) => [...room(dialogId).members.keys()]

  // ---- What people see -------------------------------------------------------------------------------------

  const summary = ({ user_id, display_name, company }: Member) => ({ user_id, display_name, ...(company ? { company } : {}) })
  const entry = (one: Room, user: UserId): Dialog => {
    const mine = one.members.get(user)
    const last = one.messages.at(-1)
    const base = {
      ...one.dialog,
      i_am_participant: mine !== undefined,
      can_join: mine === undefined && one.isOpen,
      participants_count: one.members.size,
      participants: [...one.members.values()].map(summary),
      ...(last ? { last_message_at: last.sent_at } : {}),
    }
    if (!mine) return base as Dialog
    const unread = unreadOf(one, mine)
    const { is_archived, is_pinned, notifications_enabled } = mine
    const preview = last && {
      id: last.id,
      content: last.content,
      sent_at: last.sent_at,
      message_type: last.message_type,
      ...(last.sender_id ? { sender_id: last.sender_id } : {}),
      ...(last.sender_name ? { sender_name: last.sender_name } : {}),
    }
    const own = { unread_count: unread.length, is_archived, is_pinned, notifications_enabled }
    return { ...base, ...own, ...(preview ? { last_message: preview } : {}) } as Dialog
  }
  const unreadOf = (one: Room, mine: Member) =>
    one.messages.filter(
      ({ id, sender_id, message_type }) =>
        message_type === 'user' && sender_id !== mine.user_id && id > (mine.last_read_message_id ?? ''),
    )
  const shown = (message: Message): Message => {
    const copy = structuredClone(message)
    if (isOlder) {
      delete copy.seq
      delete copy.client_message_id
      delete copy.sender_name
    }
    return copy
  }
  const flat = (message: Message): Partial<WsEvent> => {
    const { id, dialog_id, sender_id, content, sent_at, message_type } = message
    const bare = { id, dialog_id, content, sent_at, message_type, ...(sender_id ? { sender_id } : {}) }
    return { ...bare, payload: { message: shown(message) } }
  }

  // ---- What people do --------------------------------------------------------------------------------------

  const append = (one: Room, fields: Partial<Message> & Pick<Message, 'sender_id' | 'content'>): Message => {
    one.messageSeq += 1
    const id = newId()
    const author = fields.sender_id === null ? undefined : one.members.get(fields.sender_id)
    const message: Message = {
      id,
      dialog_id: one.dialog.id,
      seq: one.messageSeq,
      sent_at: now(),
      last_edited_at: null,
      reply_to_id: null,
      message_type: fields.sender_id === null ? 'system' : 'user',
      ...(author ? { sender_name: author.display_name } : {}),
      ...fields,
    }
    one.messages.push(message)
    if (author) {
      author.last_read_message_id = id
      for (const each of one.members.values()) each.is_archived = false
    }
    push(everyone(one.dialog.id), 'message.new', flat(message))
    return message
  }
  const admit = (one: Room, { id, name = id[0]!.toUpperCase() + id.slice(1), company }: TestPerson): Member => {
    const added: Member = {
      dialog_id: one.dialog.id,
      user_id: id,
      joined_at: now(),
      joined_as: 'participant',
      notifications_enabled: true,
      last_read_message_id: one.messages.at(-1)?.id ?? null,
      unread_count: 0,
      display_name: name,
      company: company ?? null,
      email: null,
      phone: null,
      is_archived: false,
      is_pinned: false,
    }
    one.members.set(id, added)
    people.set(id, { id, name, ...(company ? { company } : {}) })
    return added
  }
  const isOnline = (user: UserId) => [...sockets].some((socket) => socket.user === user)

  const server = {
    page,
    requests,
    /** Sizes of what lies in the storage, by key. */
    objects,
    features: named,

    dialog({ title = 'Order 7', objectType = 'order', objectId = '7', people: names = ['ana', 'bo'], isOpen = false, meta }: TestDialogOptions = {}) {
      const members = names.map((name) => (typeof name === 'string' ? (people.get(name) ?? { id: name }) : name))
      const id = newId()
      const one: Room = {
        dialog: {
          id,
          object_id: objectId,
          object_type: objectType,
          title,
          object_url: `https://erp.test/${objectType}/${objectId}`,
          created_by: members[0]?.id ?? null,
          created_at: now(),
          ...(meta === undefined ? {} : { meta }),
        },
        isOpen,
        members: new Map(),
        messages: [],
        history: new Map(),
        keys: new Map(),
        messageSeq: 0,
        eventSeq: 0,
      }
      rooms.set(id, one)
      for (const person of members) admit(one, person)
      for (const person of members) push(everyone(id), 'participant.joined', { dialog_id: id, user_id: person.id })
      return one.dialog
    },
    say(dialogId: DialogId, by: UserId, content: string, fields: Partial<Message> = {}): Message {
      return append(room(dialogId), { sender_id: by, content, ...fields })
    },
    /** *times* messages at once. */
    chatter(dialogId: DialogId, by: UserId, times: number): Message[] {
      return Array.from({ length: times }, (_, n) => server.say(dialogId, by, `message ${n + 1}`))
    },
    announce(dialogId: DialogId, event: Record<string, unknown>): Message {
      return append(room(dialogId), { sender_id: null, content: JSON.stringify(event) })
    },
    edit(dialogId: DialogId, id: MessageId, content: string): Message {
      const one = room(dialogId)
      const message = one.messages.find((each) => each.id === id)
      if (!message) throw new TestRefusal(404, 'MESSAGE_NOT_FOUND')
      newId()
      one.history.set(id, [...(one.history.get(id) ?? []), { content: message.content, edited_at: now() }])
      Object.assign(message, { content, last_edited_at: now() })
      const { last_edited_at } = message
      push(everyone(dialogId), 'message.edited', { ...flat(message), ...(last_edited_at ? { last_edited_at } : {}) })
      return message
    },
    /** Change what is kept of a message and tell of it as `attachment.updated`. */
    updateAttachment(dialogId: DialogId, id: MessageId, change: Partial<Attachment>): void {
      const message = room(dialogId).messages.find((each) => each.id === id)
      if (!message) return
      message.attachments = (message.attachments ?? []).map((file) => ({ ...file, ...change }))
      push(everyone(dialogId), 'attachment.updated', { id, dialog_id: dialogId, payload: { message: shown(message) } })
    },
    delete(dialogId: DialogId, id: MessageId): void {
      const one = room(dialogId)
      one.messages = one.messages.filter((message) => message.id !== id)
      for (const message of one.messages) if (message.reply_to_id === id) message.reply_to_id = null
      push(everyone(dialogId), 'message.deleted', { id, dialog_id: dialogId })
    },
    read(dialogId: DialogId, by: UserId, mark: MessageId): void {
      const mine = member(dialogId, by)
      if (mark <= (mine.last_read_message_id ?? '')) return
      mine.last_read_message_id = mark
      push(everyone(dialogId), 'message.read', { dialog_id: dialogId, user_id: by, last_read_message_id: mark })
    },
    add(dialogId: DialogId, person: TestPerson | UserId): void {
      admit(room(dialogId), typeof person === 'string' ? { id: person } : person)
      const id = typeof person === 'string' ? person : person.id
      push(everyone(dialogId), 'participant.joined', { dialog_id: dialogId, user_id: id })
    },
    takeOut(dialogId: DialogId, user: UserId): void {
      const audience = everyone(dialogId)
      room(dialogId).members.delete(user)
      push(audience, 'participant.left', { dialog_id: dialogId, user_id: user })
    },
    deleteDialog(dialogId: DialogId): void {
      push(everyone(dialogId), 'dialog.deleted', { dialog_id: dialogId })
      rooms.delete(dialogId)
    },
    update(dialogId: DialogId, change: Partial<Dialog>): void {
      Object.assign(room(dialogId).dialog, change)
      push(everyone(dialogId), 'dialog.updated', { dialog_id: dialogId, payload: { dialog: change } })
    },
    types(dialogId: DialogId, user: UserId, isTyping = true): void {
      const others = everyone(dialogId).filter((each) => each !== user)
      push(others, 'typing', { dialog_id: dialogId, user_id: user, is_typing: isTyping, expires_in: 6 }, false)
    },
    presence(user: UserId, is: boolean): void {
      push([...people.keys()].filter((each) => each !== user), 'presence.update', { user_id: user, is_online: is }, false)
    },
    /** Any frame, to one person. */
    frame(user: UserId, frame: WsEvent): void {
      for (const socket of sockets) if (socket.user === user) socket.receive(frame)
    },
    messages: (dialogId: DialogId): readonly Message[] => room(dialogId).messages,
    member: (dialogId: DialogId, user: UserId): DialogParticipant | undefined => room(dialogId).members.get(user),

    // ---- What goes wrong -----------------------------------------------------------------------------------

    /** `'POST /messages'`: method, then a part of the path; `*` is any method. */
    fail(pattern: string, fault: Fault): void {
      faults.push({ ...fault, pattern, left: fault.times ?? 1 })
    },
    /** No more faults. */
    heal(): void {
      faults.length = 0
    },
    /** Answers are worked out, but wait until the returned function is called. */
    hold(pattern: string): () => void {
      let release: () => void = () => undefined
      const hold = { pattern, gate: new Promise<void>((resolve) => (release = resolve)) }
      holds.push(hold)
      return () => {
        holds.splice(holds.indexOf(hold), 1)
        release()
      }
    },
    dropSockets(code = 1006): void {
      for (const socket of [...sockets]) socket.shut(code)
    },
    refuseSockets(is: boolean): void {
      isRefusing = is
    },
    /** Sockets that take no more and say no more, without closing. */
    freezeSockets(): void {
      for (const socket of sockets) socket.isFrozen = true
    },
    /** Cursors are too old: nobody can resume. */
    forgetCursors(is = true): void {
      isForgetful = is
    },
    /** Only these tokens are taken; null: none is asked for. */
    acceptTokens(known: Record<string, UserId> | null): void {
      tokens = known && new Map(Object.entries(known))
    },
    holdUploads(): () => void {
      let release: () => void = () => undefined
      uploadGate = new Promise((resolve) => (release = resolve))
      return () => {
        uploadGate = null
        release()
      }
    },
    /** The next uploads are answered with these; 0 is a broken connection. */
    failUploads(...statuses: number[]): void {
      uploadFaults = statuses
    },
    sockets: () => [...sockets],
    /** How often a request was made: `'POST /messages'`. */
    count: (pattern: string) => requests.filter(({ method, path }) => matches(pattern, method, path)).length,

    /** What is under way happens; no time passes. */
    async settle(): Promise<void> {
      do {
        // Parts of the client that are loaded only now.
        await Promise.allSettled(underWay)
        for (let turn = 0; turn < 400; turn++) await Promise.resolve()
      } while (underWay.size)
    },
    /** For `createChat`. Without storage: give `storage: undefined` for the browser's. */
    config(userId: UserId): MTChatConfig & { storage?: false } {
      return {
        baseUrl: 'https://chat.test',
        userId,
        scopeConfig: { scopeLevel0: [], scopeLevel1: [], scopeLevel2: [] },
        userProfile: { displayName: userId[0]!.toUpperCase() + userId.slice(1), company: '' },
        storage: false,
        environment: page,
        fetch: fetchDouble as typeof fetch,
        WebSocket: SocketDouble as unknown as new (url: string) => WebSocket,
        XMLHttpRequest: RequestDouble as unknown as new () => XMLHttpRequest,
      }
    },
  }

  // ---- REST ------------------------------------------------------------------------------------------------

  type Handler = (asked: Asked, ...parts: string[]) => unknown
  const data = (value: unknown) => ({ data: value })
  const routes: [string, RegExp, Handler][] = []
  const route = (method: string, pattern: string, handler: Handler) =>
    routes.push([method, new RegExp(`^/api/v1${pattern.replaceAll('*', '([^/]+)')}$`), handler])

  route('GET', '/dialogs', ({ query, user }) => {
    const text = query.get('search')?.toLowerCase() ?? ''
    const isAvailable = query.get('type') === 'available'
    const archived = query.get('archived')
    const found = [...rooms.values()]
      .filter((one) => (isAvailable ? !one.members.has(user) && one.isOpen : one.members.has(user)))
      .filter((one) => archived === null || isAvailable || String(one.members.get(user)?.is_archived) === archived)
      .map((one) => entry(one, user))
      .filter(
        ({ title, participants = [] }) =>
          title?.toLowerCase().includes(text) || participants.some(({ company }) => company?.toLowerCase().includes(text)) || !text,
      )
    const active = (dialog: Dialog) => dialog.last_message_at ?? dialog.created_at
    found.sort((a, b) => Number(b.is_pinned ?? false) - Number(a.is_pinned ?? false) || (active(a) < active(b) ? 1 : -1))
    const begin = Number(query.get('cursor') ?? 0)
    const end = begin + Number(query.get('limit') ?? 50)
    const next = isOlder ? {} : { next_cursor: found.length > end ? String(end) : null }
    return { data: found.slice(begin, end), ...next }
  })
  route('GET', '/dialogs/by-object/*/*/list', ({ user }, type, id) => {
    const found = [...rooms.values()].filter(({ dialog }) => dialog.object_type === type && dialog.object_id === id)
    const visible = found.filter((one) => one.members.has(user) || one.isOpen)
    return data(visible.map((one) => entry(one, user)).reverse())
  })
  route('GET', '/dialogs/by-object/*/*', ({ user }, type, id) => {
    const found = [...rooms.values()].filter(({ dialog }) => dialog.object_type === type && dialog.object_id === id)
    const newest = found.findLast((one) => one.members.has(user) || one.isOpen)
    return data(newest ? entry(newest, user) : null)
  })
  route('GET', '/dialogs/*', ({ user }, id) => {
    const one = room(id!)
    if (!one.members.has(user) && !one.isOpen) throw new TestRefusal(403, 'SCOPE_MISMATCH')
    return data(entry(one, user))
  })
  route('POST', '/dialogs/*/join', ({ user, body }, id) => {
    const one = room(id!)
    if (one.members.has(user)) throw new TestRefusal(400, 'BAD_REQUEST')
    if (!one.isOpen) throw new TestRefusal(403, 'FORBIDDEN')
    const mine = admit(one, { id: user, name: String(body.display_name), company: String(body.company) })
    Object.assign(mine, { joined_as: 'joined', last_read_message_id: null })
    append(one, { sender_id: null, content: JSON.stringify({ event: 'participant_joined', name: mine.display_name }) })
    push(everyone(id!), 'participant.joined', { dialog_id: id!, user_id: user })
    return { status: 'joined', dialog_id: id }
  })
  route('POST', '/dialogs/*/leave', ({ user }, id) => {
    const mine = member(id!, user)
    append(room(id!), { sender_id: null, content: JSON.stringify({ event: 'participant_left', name: mine.display_name }) })
    server.takeOut(id!, user)
    return { status: 'left' }
  })
  for (const [verb, key, is, type] of [
    ['archive', 'is_archived', true, 'dialog.archived'],
    ['unarchive', 'is_archived', false, 'dialog.unarchived'],
    ['pin', 'is_pinned', true, 'dialog.pinned'],
    ['unpin', 'is_pinned', false, 'dialog.unpinned'],
  ] as const) {
    route('POST', `/dialogs/*/${verb}`, ({ user }, id) => {
      member(id!, user)[key] = is
      push([user], type, { dialog_id: id! })
      return { status: verb }
    })
  }
  route('POST', '/dialogs/*/notifications', ({ user, body }, id) => {
    member(id!, user).notifications_enabled = body.enabled === true
    push([user], body.enabled ? 'dialog.unmuted' : 'dialog.muted', { dialog_id: id! })
    return { status: body.enabled ? 'enabled' : 'disabled' }
  })
  route('GET', '/dialogs/*/participants', ({ user }, id) => {
    member(id!, user)
    return data([...room(id!).members.values()].map((each) => ({ ...each, is_online: isOnline(each.user_id) })))
  })
  route('POST', '/dialogs/*/read', ({ user, body }, id) => {
    server.read(id!, user, String(body.last_read_message_id))
    return { success: true }
  })
  route('GET', '/dialogs/*/messages', ({ user, query }, id) => {
    const mine = member(id!, user)
    const { messages } = room(id!)
    const limit = Math.min(100, Number(query.get('limit') ?? 50))
    const [around, after, before] = ['around', 'after', 'before'].map((name) => query.get(name))
    let [begin, end] = [0, messages.length]
    const index = (id: string) => {
      const at = messages.findIndex((message) => message.id >= id)
      return at < 0 ? messages.length : at
    }
    if (around) {
      begin = Math.max(0, index(around) - Math.floor(limit / 2))
      end = Math.min(messages.length, index(around) + Math.floor(limit / 2) + 1)
    } else if (after) {
      begin = messages.findIndex((message) => message.id > after)
      if (begin < 0) begin = messages.length
      end = Math.min(messages.length, begin + limit)
    } else {
      if (before) end = index(before)
      begin = Math.max(0, end - limit)
    }
    const page = messages.slice(begin, end)
    const unread = new Set(unreadOf(room(id!), mine).map((message) => message.id))
    const first = around ? undefined : page.find((message) => unread.has(message.id))
    return data({
      messages: page.map(shown),
      ...(first ? { first_unread_message_id: first.id } : {}),
      has_more_before: begin > 0,
      has_more_after: end < messages.length,
    })
  })
  route('POST', '/dialogs/*/messages', ({ user, body, headers }, id) => {
    const one = room(id!)
    member(id!, user)
    const key = isOlder ? null : headers.get('Idempotency-Key')
    const known = key && one.keys.get(`${user} ${key}`)
    if (known) {
      const message = one.messages.find((each) => each.id === known)
      if (!message) throw new TestRefusal(404, 'MESSAGE_NOT_FOUND')
      return data(shown(message))
    }
    const content = String(body.content ?? '')
    const files = (body.attachments ?? []) as AttachmentInput[]
    if (!content.replace(/<[^>]*>/g, '').trim() && !files.length) throw new TestRefusal(400, 'INVALID_INPUT')
    if (files.some((file) => !objects.has(file.s3_key))) throw new TestRefusal(400, 'BAD_REQUEST')
    const attachments = files.map((file): Attachment => ({
      id: newId(),
      filename: file.filename,
      content_type: file.content_type,
      size: file.size,
      url: `https://files.test/${file.s3_key}`,
      kind: file.content_type.startsWith('image/') ? 'image' : 'document',
    }))
    const message = append(one, {
      sender_id: user,
      content,
      reply_to_id: (body.reply_to as string | undefined) ?? null,
      ...(key ? { client_message_id: key } : {}),
      ...(attachments.length ? { attachments } : {}),
    })
    if (key) one.keys.set(`${user} ${key}`, message.id)
    return data(shown(message))
  })
  const found = (dialogId: DialogId, id: MessageId, user: UserId, isOwn = false): Message => {
    member(dialogId, user)
    const message = room(dialogId).messages.find((each) => each.id === id)
    if (!message) throw new TestRefusal(404, 'MESSAGE_NOT_FOUND')
    if (isOwn && message.sender_id !== user) throw new TestRefusal(403, 'NOT_MESSAGE_AUTHOR')
    return message
  }
  route('GET', '/dialogs/*/messages/*', ({ user }, dialogId, id) => data(shown(found(dialogId!, id!, user))))
  route('PUT', '/dialogs/*/messages/*', ({ user, body }, dialogId, id) => {
    found(dialogId!, id!, user, true)
    return data(shown(server.edit(dialogId!, id!, String(body.content))))
  })
  route('DELETE', '/dialogs/*/messages/*', ({ user }, dialogId, id) => {
    found(dialogId!, id!, user, true)
    server.delete(dialogId!, id!)
    return undefined
  })
  route('GET', '/dialogs/*/messages/*/history', ({ user }, dialogId, id) => {
    found(dialogId!, id!, user)
    return data(room(dialogId!).history.get(id!) ?? [])
  })
  route('GET', '/dialogs/*/files', ({ user, query }, id) => {
    member(id!, user)
    const kind = query.get('kind')
    const all = room(id!)
      .messages.flatMap(({ id: message_id, sender_id, sender_name, sent_at, attachments = [] }) =>
        attachments.map((file) => ({ ...file, message_id, sender_id, sender_name, sent_at })),
      )
      .filter((file) => !kind || file.kind === kind)
      .reverse()
    const before = query.get('before')
    const rest = before ? all.slice(all.findIndex((file) => file.id === before) + 1) : all
    const limit = Number(query.get('limit') ?? 50)
    return data({ files: rest.slice(0, limit), has_more: rest.length > limit })
  })
  route('GET', '/unread', ({ user }) => {
    const counts = [...rooms.values()].flatMap((one) => {
      const mine = one.members.get(user)
      return mine ? [unreadOf(one, mine).length] : []
    })
    return data({ unread_count: counts.reduce((a, b) => a + b, 0), dialogs_count: counts.filter(Boolean).length })
  })
  route('GET', '/search', ({ user, query }) => {
    const [q, only] = [query.get('q') ?? '', query.get('dialog_id')]
    const hits = [...rooms.values()]
      .filter((one) => one.members.has(user) && (!only || one.dialog.id === only))
      .flatMap((one) =>
        one.messages
          .filter(({ content, message_type }) => message_type === 'user' && content.toLowerCase().includes(q.toLowerCase()))
          .map((message) => ({
            dialog_id: one.dialog.id,
            message_id: message.id,
            seq: message.seq ?? 1,
            sender_id: message.sender_id ?? '',
            sender_name: message.sender_name ?? '',
            sent_at: message.sent_at,
            snippet: message.content,
            matches: [{ start: message.content.toLowerCase().indexOf(q.toLowerCase()), length: q.length }],
            dialog_title: one.dialog.title,
            object_type: one.dialog.object_type,
            object_id: one.dialog.object_id,
          })),
      )
      .sort((a, b) => (a.message_id < b.message_id ? 1 : -1))
    const begin = Number(query.get('cursor') ?? 0)
    const end = begin + Number(query.get('limit') ?? 20)
    return { data: hits.slice(begin, end), next_cursor: hits.length > end ? String(end) : null }
  })
  const place = ({ body, user }: Asked) => {
    member(String(body.dialog_id), user)
    if (!named.includes('files')) throw new TestRefusal(503, 'FILES_OFF')
    if (Number(body.size) > ATTACHMENT_LIMITS.MAX_FILE_SIZE) throw new TestRefusal(400, 'FILE_TOO_LARGE')
    return `dialogs/${String(body.dialog_id)}/${newId()}.bin`
  }
  route('POST', '/upload/presign', (asked) => {
    const s3_key = place(asked)
    return data({ upload_url: `https://storage.test/${s3_key}`, s3_key, expires_in: 300 })
  })
  const inParts = new Map<string, { size: number; parts: Map<number, number> }>()
  const partsOf = (s3_key: string) => {
    const upload = inParts.get(s3_key)
    if (!upload) throw new TestRefusal(400, 'INVALID_INPUT')
    const count = Math.ceil(upload.size / PART_SIZE)
    const missing = Array.from({ length: count }, (_, at) => at + 1).filter((number) => !upload.parts.has(number))
    return {
      s3_key,
      part_size: PART_SIZE,
      parts: missing.map((part_number) => ({
        part_number,
        size: Math.min(PART_SIZE, upload.size - (part_number - 1) * PART_SIZE),
        upload_url: `https://storage.test/${s3_key}?part=${part_number}`,
      })),
      arrived: [...upload.parts].map(([part_number, size]) => ({ part_number, size })),
      expires_in: 300,
    }
  }
  if (!isOlder) {
    route('POST', '/upload/multipart', (asked) => {
      const s3_key = place(asked)
      inParts.set(s3_key, { size: Number(asked.body.size), parts: new Map() })
      return data(partsOf(s3_key))
    })
    route('GET', '/upload/multipart', ({ query }) => data(partsOf(query.get('s3_key') ?? '')))
    route('DELETE', '/upload/multipart', ({ query }) => void inParts.delete(query.get('s3_key') ?? ''))
    route('POST', '/upload/multipart/complete', ({ body }) => {
      const key = String(body.s3_key)
      if (partsOf(key).parts.length) throw new TestRefusal(400, 'BAD_REQUEST')
      objects.set(key, inParts.get(key)!.size)
      return data({ s3_key: key })
    })
  }
  route('GET', '/attachments/*/url', (_, id) => {
    for (const one of rooms.values()) {
      for (const message of one.messages) {
        const file = message.attachments?.find((each) => each.id === id)
        if (file) return data({ url: `${file.url}?fresh`, thumbnail_url: file.thumbnail_url ?? null, expires_in: 3600 })
      }
    }
    throw new TestRefusal(404, 'ATTACHMENT_NOT_FOUND')
  })

  const identify = (headers: Headers, query: URLSearchParams): UserId => {
    if (!tokens) return query.get('user_id') ?? ''
    const user = tokens.get(headers.get('Authorization')?.replace(/^Bearer /, '') ?? '')
    if (user === undefined) throw new TestRefusal(401, 'UNAUTHORIZED')
    return user
  }
  const answerOf = (asked: Omit<Asked, 'user'>): unknown => {
    const user = identify(asked.headers, asked.query)
    for (const [method, pattern, handler] of routes) {
      const match = method === asked.method && pattern.exec(asked.path)
      if (match) return handler({ ...asked, user }, ...match.slice(1).map(decodeURIComponent))
    }
    throw new TestRefusal(404, 'NOT_FOUND')
  }

  async function fetchDouble(input: string, init: RequestInit = {}): Promise<Response> {
    const url = new URL(input)
    const { method = 'GET' } = init
    const path = url.pathname
    const headers = new Headers(init.headers)
    const body = (init.body ? JSON.parse(String(init.body)) : {}) as Record<string, unknown>
    requests.push({ method, path, query: Object.fromEntries(url.searchParams), headers: Object.fromEntries(headers), body })
    const { signal } = init
    const given = new Promise<never>((_, reject) => {
      const stop = () => reject(Object.assign(new Error('aborted'), { name: 'AbortError' }))
      if (signal?.aborted) stop()
      signal?.addEventListener('abort', stop, { once: true })
    })
    const work = async () => {
      await Promise.resolve()
      const fault = faults.find((each) => each.left > 0 && matches(each.pattern, method, path))
      if (fault) {
        fault.left -= 1
        if (fault.hang) return new Promise<never>(() => undefined)
        if (fault.network) throw new TypeError('failed to fetch')
        if (fault.status) return refused(new TestRefusal(fault.status, fault.code ?? `HTTP_${fault.status}`, fault.retryAfter))
      }
      if (!page.isOnline()) throw new TypeError('failed to fetch')
      let answer: Response
      try {
        const value = answerOf({ method, path, query: url.searchParams, headers, body })
        answer = response(value === undefined ? 204 : 200, value)
      } catch (cause) {
        if (!(cause instanceof TestRefusal)) throw cause
        answer = refused(cause)
      }
      if (fault?.lost) throw new TypeError('the answer was lost')
      for (const hold of holds.filter((each) => matches(each.pattern, method, path))) await hold.gate
      return answer
    }
    given.catch(() => undefined)
    return Promise.race([work(), given])
  }

  // ---- Socket ----------------------------------------------------------------------------------------------

  class SocketDouble implements TestSocket {
    onopen: (() => void) | null = null
    onmessage: ((event: { data: string }) => void) | null = null
    onclose: ((event: { code: number; reason: string }) => void) | null = null
    onerror: (() => void) | null = null
    readyState = 0
    isFrozen = false
    user: UserId = ''
    readonly sent: WsEvent[] = []

    constructor(readonly url: string) {
      queueMicrotask(() => this.arrive())
    }

    private arrive(): void {
      const { searchParams } = new URL(this.url)
      const user = tokens ? tokens.get(searchParams.get('token') ?? '') : searchParams.get('user_id')
      if (this.readyState !== 0) return
      if (isRefusing || !user || !page.isOnline()) {
        this.onerror?.()
        return this.end(1006)
      }
      this.user = user
      this.readyState = 1
      this.onopen?.()
      const cursor = searchParams.get('cursor')
      const recovered = cursor !== null && !isForgetful && !isOlder
      const since = recovered ? Number(cursor) : log.length
      const own = isOlder ? {} : { user_id: user, features: [...named], cursor: String(since), recovered }
      this.receive({ type: 'connected', ...own })
      const missed = log.slice(since).filter(({ to }) => to.has(user))
      for (const { frame } of missed) this.receive(frame)
      sockets.add(this)
    }

    send(text: string): void {
      const frame = JSON.parse(text) as WsEvent
      this.sent.push(frame)
      if (this.isFrozen) return
      if (frame.type === ('ping' as WsEventType)) this.receive({ type: 'pong', ...(isOlder ? {} : { cursor: String(log.length) }) })
      if (frame.type === 'typing' && frame.dialog_id) server.types(frame.dialog_id, this.user, frame.is_typing ?? true)
    }

    receive(frame: WsEvent): void {
      const data = JSON.stringify(frame)
      queueMicrotask(() => {
        if (this.readyState === 1 && !this.isFrozen) this.onmessage?.({ data })
      })
    }

    shut(code: number): void {
      if (this.readyState === 3) return
      this.end(code)
    }

    close(code = 1000): void {
      if (this.readyState === 3) return
      this.readyState = 3
      sockets.delete(this)
      queueMicrotask(() => this.onclose?.({ code, reason: '' }))
    }

    private end(code: number): void {
      this.readyState = 3
      sockets.delete(this)
      queueMicrotask(() => this.onclose?.({ code, reason: '' }))
    }
  }

  // ---- Storage ---------------------------------------------------------------------------------------------

  class RequestDouble {
    status = 0
    onload: (() => void) | null = null
    onerror: (() => void) | null = null
    onabort: (() => void) | null = null
    readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null }
    private url = ''
    private isOver = false

    open(_method: string, url: string): void {
      this.url = url
    }

    setRequestHeader(): void {
      // The signed type is the client's business.
    }

    send(body: Blob): void {
      void this.work(body)
    }

    abort(): void {
      if (this.isOver) return
      this.isOver = true
      this.onabort?.()
    }

    private async work(body: Blob): Promise<void> {
      await Promise.resolve()
      if (this.isOver) return
      this.upload.onprogress?.({ loaded: Math.floor(body.size / 2) })
      await uploadGate
      if (this.isOver) return
      this.isOver = true
      const fault = uploadFaults.shift()
      if (fault === 0 || !page.isOnline()) return this.onerror?.()
      this.status = fault ?? 200
      if (this.status < 300) this.keep(body)
      this.onload?.()
    }

    private keep(body: Blob): void {
      const { pathname, searchParams } = new URL(this.url)
      const [key, part] = [pathname.slice(1), searchParams.get('part')]
      if (part) inParts.get(key)?.parts.set(Number(part), body.size)
      else objects.set(key, body.size)
    }
  }

  return server
}

function matches(pattern: string, method: string, path: string): boolean {
  const [wanted, part = ''] = pattern.split(' ')
  if (wanted !== '*' && wanted !== method) return false
  return part.endsWith('$') ? path.endsWith(part.slice(0, -1)) : path.includes(part)
}

/** Just what the client reads of an answer, without the platform's streams and their turns. */
function response(status: number, value: unknown, headers: Record<string, string> = {}): Response {
  const text = value === undefined ? '' : JSON.stringify(value)
  const answer = { status, ok: status < 300, headers: new Headers(headers), text: () => Promise.resolve(text) }
  return answer as unknown as Response
}

function refused({ status, code, message, retryAfter }: TestRefusal): Response {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
  return response(status, { error: { code, message } }, headers)
}
