import type { MTChatApi } from './api.js'
import type { MTChatError } from './errors.js'
import type { components } from './wire.gen.js'

type Wire = components['schemas']

export type DialogId = string
export type MessageId = string
export type UserId = string

// ---- What the server tells -------------------------------------------------------------------------------

export type AttachmentKind = 'image' | 'video' | 'audio' | 'document' | 'archive'
export type AttachmentStatus = 'available' | 'scanning' | 'flagged' | 'blocked'

/** A file of a message. `url` is "" while nobody may fetch it. */
export interface Attachment {
  id: string
  filename: string
  content_type: string
  size: number
  url: string
  thumbnail_url?: string | null
  width?: number | null
  height?: number | null
  /** Absent on older servers. */
  kind?: AttachmentKind
  /** Absent on older servers: then it is available. */
  status?: AttachmentStatus
}

/** `seq` is absent on older servers. */
export type Message = Omit<Wire['MessageView'], 'message_type' | 'seq' | 'attachments'> & {
  seq?: number
  message_type: 'user' | 'system'
  attachments?: readonly Attachment[]
}

export type ParticipantSummary = { user_id: UserId; display_name?: string; company?: string | null }
export type LastMessage = Wire['PreviewView']
/** A dialog as lists and `GET /dialogs/{id}` show it. */
export type Dialog = Omit<Wire['EntryView'], 'participants' | 'last_message'> & {
  participants?: readonly ParticipantSummary[]
  last_message?: LastMessage | null
}
export type DialogListItem = Dialog
export type DialogParticipant = Wire['ParticipantView']
export type DialogAccessScope = Wire['ScopeView']
export type SearchHit = Wire['HitView']
export type EditHistoryItem = Wire['EditView']

/** A file as the files tab shows it. */
export interface DialogFile extends Attachment {
  message_id: MessageId
  sender_id?: UserId | null
  sender_name?: string | null
  sent_at: string
}

/** A file that lies in the storage and is named by a message to be sent. */
export interface AttachmentInput {
  s3_key: string
  filename: string
  content_type: string
  size: number
}

export interface PresignUploadResponse {
  upload_url: string
  s3_key: string
  expires_in: number
}

export interface AttachmentLink {
  url: string
  thumbnail_url: string | null
  expires_in: number
}

export interface MessagePage {
  messages: Message[]
  first_unread_message_id?: MessageId | null
  has_more_before: boolean
  has_more_after: boolean
}

export interface ApiResponse<T> {
  data: T
  next_cursor?: string | null
}

export interface PaginationOptions {
  limit?: number
  before?: MessageId
  after?: MessageId
  around?: MessageId
}

export type DialogListType = 'participating' | 'available'

// ---- The socket ------------------------------------------------------------------------------------------

export type WsEventType =
  | 'connected'
  | 'disconnected'
  | 'pong'
  | 'error'
  | 'message.new'
  | 'message.edited'
  | 'message.deleted'
  | 'message.read'
  | 'attachment.updated'
  | 'participant.joined'
  | 'participant.left'
  | 'dialog.archived'
  | 'dialog.unarchived'
  | 'dialog.pinned'
  | 'dialog.unpinned'
  | 'dialog.muted'
  | 'dialog.unmuted'
  | 'dialog.updated'
  | 'dialog.deleted'
  | 'presence.update'
  | 'typing'

export interface WsEventPayload {
  message?: Message
  dialog?: Partial<Dialog>
  error_message?: string
  [key: string]: unknown
}

/** One frame. Which fields are there depends on `type`; see the socket guide. */
export interface WsEvent {
  type: WsEventType
  dialog_id?: DialogId
  event_id?: string
  event_seq?: number
  id?: MessageId
  user_id?: UserId
  sender_id?: UserId
  content?: string
  sent_at?: string
  last_edited_at?: string
  message_type?: 'user' | 'system'
  last_read_message_id?: MessageId
  is_online?: boolean
  is_typing?: boolean
  expires_in?: number
  features?: string[]
  cursor?: string | null
  recovered?: boolean
  payload?: WsEventPayload
}

export type WsEventHandler = (event: WsEvent) => void
export type WsClientMessageType = 'ping' | 'subscribe' | 'unsubscribe' | 'typing'
export interface WsClientMessage {
  type: WsClientMessageType
  dialog_id?: DialogId
  is_typing?: boolean
}

// ---- Configuration ---------------------------------------------------------------------------------------

export interface ScopeConfig {
  scopeLevel0: string[]
  scopeLevel1: string[]
  scopeLevel2: string[]
}

export interface UserProfile {
  displayName: string
  company: string
  email?: string
  phone?: string
}

export type JoinDialogRequest = UserProfile
export type Locale = 'ru' | 'en' | 'zh' | (string & {})
export type ChatMode = 'full' | 'inline'
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Logger = (level: LogLevel, event: string, details?: Readonly<Record<string, unknown>>) => void

/** What the client asks of the page it lives in. Tests give their own. */
export interface Environment {
  isOnline(): boolean
  isVisible(): boolean
  /** Visible, and the keyboard goes to this page. */
  isFocused(): boolean
  /** Hear of changes of any of these; returns the undo. */
  onChange(listener: (what: 'online' | 'offline' | 'visible' | 'hidden' | 'focus' | 'blur') => void): Undo
}

export interface MTChatConfig {
  baseUrl: string
  /** Default: `baseUrl` with ws(s) and `/api/v1/ws`. */
  wsUrl?: string
  userId: UserId
  token?: string
  /** Asked once when the server says 401 or closes with 1008. */
  getToken?: () => Promise<string> | string
  scopeConfig?: ScopeConfig
  userProfile?: UserProfile
  onConnect?: () => void
  onDisconnect?: () => void
  onError?: (error: Error) => void
  onMessage?: (event: WsEvent) => void
  /** The server took neither the token nor a new one: sign in again and call `setToken`. */
  onAuthError?: (error: MTChatError) => void
  /** Default true. */
  reconnect?: boolean
  /** Milliseconds, default 3000: the first wait is random below its half, later ones double up to 30 s. */
  reconnectInterval?: number
  /** Milliseconds between pings, default 30000. */
  heartbeatInterval?: number
  locale?: Locale
  /** Silent by default. Never told messages, tokens or names. */
  logger?: Logger
  /** `false` keeps outbox and drafts in memory only. */
  storage?: false
  /** For tests and unusual hosts; default: the globals of these names. */
  fetch?: typeof fetch
  WebSocket?: new (url: string) => WebSocket
  XMLHttpRequest?: new () => XMLHttpRequest
  environment?: Environment
}

// ---- State -----------------------------------------------------------------------------------------------

export type Undo = () => void

/** Everything, as one value. It and all below it is immutable: what did not change stays the same object. */
export interface ChatState {
  readonly connection: Connection
  readonly capabilities: readonly Capability[]
  readonly lists: Readonly<Record<ListName, DialogList>>
  /** Dialogs found by `loadByObject`, by `objectKey(type, id)`. */
  readonly objects: Readonly<Record<string, ObjectDialogs>>
  readonly dialogs: Readonly<Record<DialogId, Dialog>>
  /** Which dialogs are open on screen. */
  readonly open: readonly DialogId[]
  readonly transcripts: Readonly<Record<DialogId, Transcript>>
  readonly participants: Readonly<Record<DialogId, Participants>>
  readonly presence: Readonly<Record<UserId, boolean>>
  /** Who writes now, without oneself, in the order they began. */
  readonly typing: Readonly<Record<DialogId, readonly UserId[]>>
  readonly outbox: Readonly<Record<DialogId, readonly OutboxEntry[]>>
  readonly drafts: Readonly<Record<DialogId, Draft>>
  /** Files of the composer that were not sent yet. */
  readonly uploads: Readonly<Record<DialogId, readonly PendingAttachment[]>>
  readonly search: MessageSearch
  readonly files: Readonly<Record<DialogId, DialogFiles>>
  /** Names this client has seen, so that people who left stay readable. */
  readonly names: Readonly<Record<UserId, ParticipantSummary>>
}

export type Connection =
  | { readonly status: 'idle' | 'connecting' | 'online' | 'offline' }
  | { readonly status: 'reconnecting'; readonly attempt: number; readonly nextAt: number }
  /** `isFinal`: it waits for `setToken`. Else a new token is being fetched. */
  | { readonly status: 'unauthorized'; readonly isFinal: boolean }

export type Capability =
  | 'idempotency'
  | 'sender_names'
  | 'mark_unread'
  | 'typing'
  | 'search'
  | 'files'
  | 'history'
  | 'reactions'
  | 'link_previews'
  | 'ws_ticket'
  | 'resume'
  | (string & {})

export type LoadStatus = 'idle' | 'loading' | 'ready' | 'error'
export type ListName = 'participating' | 'archived' | 'available'

/** Old `ids` stay while `status` is loading or error. */
export interface DialogList {
  /** In the order to be shown. */
  readonly ids: readonly DialogId[]
  readonly status: LoadStatus
  readonly error: MTChatError | null
  readonly isLoadingMore: boolean
  readonly hasMore: boolean
  /** How many there are; null while more pages are unread. */
  readonly total: number | null
  readonly search: string
}

export interface ObjectDialogs {
  /** Newest first. */
  readonly ids: readonly DialogId[]
  readonly status: LoadStatus
  readonly error: MTChatError | null
}

/** A stretch of a dialog without holes: nothing is missing between `from` and `to`. */
export interface Segment {
  /** Covered from here on, this id included; "" when from the dialog's beginning. */
  readonly from: MessageId
  /** Covered up to here, this id included; "~" when up to now. */
  readonly to: MessageId
  /** Oldest first. */
  readonly messages: readonly Message[]
}

export type Row =
  | { readonly kind: 'message'; readonly key: string; readonly message: Message }
  | { readonly kind: 'outbox'; readonly key: string; readonly entry: OutboxEntry }
  | { readonly kind: 'unread'; readonly key: string }
  /** Messages between `after` and `before` are unknown: show "load" and call `fillGap(dialogId, key)`. */
  | {
      readonly kind: 'gap'
      readonly key: string
      readonly after: MessageId
      readonly before: MessageId
      readonly isLoading: boolean
      readonly error: MTChatError | null
    }

export interface Transcript {
  /** The first load; later loads have their own flags. */
  readonly status: LoadStatus
  readonly error: MTChatError | null
  /** `none`: not (any more) a participant. `gone`: the dialog was deleted. Then nothing is loading, wrong or still to be loaded. */
  readonly access: 'ok' | 'none' | 'gone'
  readonly segments: readonly Segment[]
  /** What to show, oldest first. A row's `key` survives sending: the outbox row becomes the message row. */
  readonly rows: readonly Row[]
  /** The divider stands before this message. */
  readonly firstUnreadId: MessageId | null
  /** Older than the first row is nothing one may read. */
  readonly isAtStart: boolean
  /** Newer than the last message is nothing one may read. */
  readonly isAtEnd: boolean
  readonly isLoadingOlder: boolean
  readonly isLoadingNewer: boolean
  readonly olderError: MTChatError | null
  readonly newerError: MTChatError | null
  /** After a reconnect, while what was missed is loaded. */
  readonly isCatchingUp: boolean
  /** Quoted messages that are not among the rows; null: deleted. Ask with `loadQuote`. */
  readonly quotes: Readonly<Record<MessageId, Message | null>>
}

export interface Participants {
  /** Who takes part, in the order they came. */
  readonly list: readonly DialogParticipant[]
  readonly status: LoadStatus
  readonly error: MTChatError | null
}

export type OutboxState = 'uploading' | 'queued' | 'sending' | 'failed'

/** A message that was not sent yet. `queued` with `attempts > 0` waits for `nextAt` to try again. */
export interface OutboxEntry {
  /** UUIDv7; also the Idempotency-Key. */
  readonly clientId: string
  readonly dialogId: DialogId
  readonly content: string
  readonly replyTo: MessageId | null
  readonly attachments: readonly AttachmentInput[]
  /** Files still on their way; the message waits for them. */
  readonly uploads: readonly PendingAttachment[]
  readonly state: OutboxState
  readonly attempts: number
  readonly nextAt: number | null
  readonly error: MTChatError | null
  /** With `failed`: it will not go out by itself, only by `retry`. */
  readonly isFinal: boolean
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

export interface Draft {
  /** What the composer holds; HTML or plain text, as it likes. */
  readonly text: string
  readonly replyTo: MessageId | null
  /** Uploads that are finished. */
  readonly attachments: readonly AttachmentInput[]
  readonly updatedAt: number
}

/** A file of the composer. The file object is absent after a reload; the upload itself is finished then. */
export interface PendingAttachment {
  readonly id: string
  readonly file?: File
  readonly filename: string
  readonly contentType: string
  readonly size: number
  /** 0 to 100. */
  readonly progress: number
  readonly status: 'pending' | 'uploading' | 'uploaded' | 'error'
  readonly s3Key?: string
  readonly error?: MTChatError
}

export type RejectReason = 'type' | 'size' | 'empty' | 'count' | 'name'
export interface RejectedFile {
  readonly file: File
  readonly reason: RejectReason
}

export interface MessageSearch {
  readonly query: string
  readonly dialogId: DialogId | null
  readonly hits: readonly SearchHit[]
  readonly status: LoadStatus
  readonly error: MTChatError | null
  readonly hasMore: boolean
}

export interface DialogFiles {
  readonly files: readonly DialogFile[]
  readonly kind: AttachmentKind | null
  readonly status: LoadStatus
  readonly error: MTChatError | null
  readonly hasMore: boolean
}

// ---- The client ------------------------------------------------------------------------------------------

export interface OutgoingMessage {
  content: string
  replyTo?: MessageId | null
  /** Finished uploads from elsewhere. */
  attachments?: readonly AttachmentInput[]
  /** Default true: the composer's files of this dialog go with it, finished or not. */
  withUploads?: boolean
}

export interface ChatEvents {
  connected: void
  disconnected: void
  error: MTChatError
  /** As `onAuthError`. */
  authError: MTChatError
  /** Every frame of the socket, as it came. */
  event: WsEvent
  messageSent: Message
  dialogJoined: DialogId
  dialogLeft: DialogId
}

export interface ChatClient {
  readonly api: MTChatApi
  readonly userId: UserId
  /** Outbox and drafts have been read from the browser's storage. */
  readonly ready: Promise<void>

  getSnapshot(): ChatState
  /** Hear of changes of what *selector* picks, compared by identity. Returns the undo. Not called at once. */
  subscribe<T>(selector: (state: ChatState) => T, listener: (value: T, previous: T) => void): Undo
  on<E extends keyof ChatEvents>(event: E, listener: (value: ChatEvents[E]) => void): Undo
  can(capability: Capability): boolean

  connect(): void
  disconnect(): void
  /** Ends everything. `purge` also deletes drafts and outbox of this person, as on logging out. */
  destroy(options?: { purge?: boolean }): Promise<void>
  /** State, outbox and uploads stay. */
  setToken(token: string | null): void
  setProfile(profile: UserProfile): void
  /** Lists that were loaded are loaded again. */
  setScopes(scopes: ScopeConfig): void

  // Lists. A load that fails keeps the old rows and puts the error beside them; it does not throw.
  loadList(name: ListName, options?: { search?: string; more?: boolean }): Promise<void>
  /** Shorthand: all loaded lists with this search, 300 ms after the last call. */
  search(text: string): void
  /** Every dialog of a business object one can open, newest first. */
  loadByObject(objectType: string, objectId: string): Promise<readonly DialogId[]>
  loadDialog(dialogId: DialogId): Promise<Dialog>
  /** These reject with an MTChatError; archive, pin and notifications show at once and go back when refused. */
  join(dialogId: DialogId, profile?: UserProfile): Promise<void>
  leave(dialogId: DialogId): Promise<void>
  archive(dialogId: DialogId): Promise<void>
  unarchive(dialogId: DialogId): Promise<void>
  pin(dialogId: DialogId): Promise<void>
  unpin(dialogId: DialogId): Promise<void>
  setNotifications(dialogId: DialogId, enabled: boolean): Promise<void>

  // Transcript. Loads put their error into the state; they do not throw.
  openDialog(dialogId: DialogId): Promise<void>
  closeDialog(dialogId: DialogId): void
  loadOlder(dialogId: DialogId): Promise<void>
  loadNewer(dialogId: DialogId): Promise<void>
  /** Loads from the gap's older end, or with "below" from its newer end. */
  fillGap(dialogId: DialogId, gapKey: string, from?: 'above' | 'below'): Promise<void>
  /** Loads what is around a message. False: it was deleted or never existed. Rejects when it cannot be loaded. */
  jumpTo(dialogId: DialogId, messageId: MessageId): Promise<boolean>
  /** The newest page is loaded, beside what is there. */
  resetToLatest(dialogId: DialogId): Promise<void>
  loadQuote(dialogId: DialogId, messageId: MessageId): Promise<void>
  edit(dialogId: DialogId, messageId: MessageId, content: string): Promise<Message>
  delete(dialogId: DialogId, messageId: MessageId): Promise<void>
  editHistory(dialogId: DialogId, messageId: MessageId): Promise<readonly EditHistoryItem[]>
  /** Say which messages were seen: at least half in view for 500 ms. Only counts while the page has the focus. */
  markVisible(dialogId: DialogId, ids: readonly MessageId[]): void

  // Composer
  /** Resolves with the client id once the message is stored and the draft cleared: empty the field then. */
  send(dialogId: DialogId, message: OutgoingMessage): Promise<string>
  retry(clientId: string): void
  /** Takes a message out of the outbox and gives it back, for editing it. */
  discard(clientId: string): Promise<OutboxEntry | null>
  /** Takes a message out of the outbox and puts it back into the composer, before what is there. */
  reclaim(clientId: string): Promise<boolean>
  setReply(dialogId: DialogId, messageId: MessageId | null): void
  setDraft(dialogId: DialogId, text: string): void
  sendTyping(dialogId: DialogId, isTyping?: boolean): void
  /** Checks and begins to upload; returns what was refused, each with its reason. */
  addFiles(dialogId: DialogId, files: Iterable<File>): readonly RejectedFile[]
  removeFile(dialogId: DialogId, fileId: string): void
  retryFile(dialogId: DialogId, fileId: string): void
  /** Stops an upload; it stays in the list as `error` with code ABORTED, to be retried or removed. */
  cancelFile(dialogId: DialogId, fileId: string): void
  /** Puts the file at *index*. */
  reorderFiles(dialogId: DialogId, fileId: string, index: number): void

  // People, files, search
  loadParticipants(dialogId: DialogId): Promise<void>
  loadFiles(dialogId: DialogId, options?: { kind?: AttachmentKind | null; more?: boolean }): Promise<void>
  /** A fresh link; messages on screen get it too. */
  attachmentLink(dialogId: DialogId, attachmentId: string): Promise<AttachmentLink>
  searchMessages(query: string, options?: { dialogId?: DialogId | null; more?: boolean }): Promise<void>
}
