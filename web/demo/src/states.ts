// Every state a surface can be in, as the client would report it. The gallery shows them; tests look at each.
import * as acts from './acts'
import type { Act } from './acts'
import { MTChatError, objectKey, type ChatClient, type ChatState, type Dialog, type DialogList, type Draft, type Message, type MessageSearch } from '@mtchat/client'
import {
  A_DIALOG,
  aDialog,
  aDialogFile,
  aHit,
  aMessage,
  anAttachment,
  anOutboxEntry,
  aParticipant,
  aPendingFile,
  aState,
  aSystemMessage,
  at,
  aTranscript,
  fixedChat,
  id,
} from '@mtchat/client/testing'

export interface Shown {
  readonly name: string
  readonly title: string
  /** Which mode shows it; both when absent. */
  readonly mode?: 'full' | 'inline'
  /** Nothing is open. */
  readonly isClosed?: boolean
  /** What somebody does to see it. */
  readonly act?: Act
  /** It lies above everything, so it is shown on a page of its own. */
  readonly isAlone?: boolean
  make(): ChatClient
}

export const ORDER = { type: 'order', id: '4711' }
const CAPABILITIES = ['idempotency', 'sender_names', 'typing', 'search', 'files', 'history', 'resume']
const OTHERS = [id(0xa2), id(0xa3), id(0xa4)] as const
const file = (name: string) => `${location.origin}/demo/files/${name}`
const NO_CONNECTION = new MTChatError({ code: 'NETWORK', message: 'no connection' })
const BROKEN = new MTChatError({ status: 500, code: 'INTERNAL_ERROR', message: 'broken' })
const REFUSED = new MTChatError({ status: 400, code: 'CONTENT_TOO_LONG', message: 'too long' })

const ana = { sender_id: 'ana', sender_name: 'Ana Petrova' }
const bo = { sender_id: 'bo', sender_name: 'Bo Lindqvist' }
const people = [
  aParticipant({ user_id: 'ana', display_name: 'Ana Petrova', company: 'Nordwind', joined_as: 'creator', last_read_message_id: id(9) }),
  aParticipant({ user_id: 'bo', display_name: 'Bo Lindqvist', company: 'Borealis', email: 'bo@borealis.example', last_read_message_id: id(7) }),
  aParticipant({ user_id: 'cy', display_name: 'Cy Okafor', company: 'Nordwind', is_online: false }),
]
const image = anAttachment({
  id: id(0xf2),
  filename: 'chair.png',
  content_type: 'image/png',
  size: 1_120,
  url: file('chair.png'),
  thumbnail_url: file('chair.png'),
  kind: 'image',
  width: 320,
  height: 240,
})
const plan = anAttachment({
  id: id(0xf3),
  filename: 'plan.png',
  content_type: 'image/png',
  size: 2_048,
  url: file('plan.png'),
  thumbnail_url: file('plan.png'),
  kind: 'image',
  width: 240,
  height: 320,
})
const TALK: readonly Message[] = [
  aSystemMessage(1, { event: 'chat_created', participants: [{ name: 'Ana Petrova', company: 'Nordwind' }, { name: 'Bo Lindqvist', company: 'Borealis' }] }),
  aMessage(2, { ...ana, content: '<p>Hello Bo, can you deliver the chairs by <strong>Friday</strong>?</p>' }),
  aMessage(3, { ...bo, content: '<p>150 of them on Thursday, the rest on Monday.</p>' }),
  aMessage(4, { ...bo, content: '<p>This is the one:</p>', attachments: [image, plan, anAttachment({ url: file('plan.pdf') })] }),
  aMessage(5, { ...ana, content: '<p>All right.</p>', reply_to_id: id(3), reply_to: aMessage(3, { ...bo, content: '<p>150 of them on Thursday, the rest on Monday.</p>' }) } as Partial<Message>),
  aMessage(6, { ...bo, content: '<ul><li>oak</li><li>black frame</li></ul><pre><code>chairs: 200\nfloor: 3</code></pre>', last_edited_at: at(7) }),
  aMessage(7, { ...ana, content: '<p>See <a href="https://example.com/orders/4711">the order</a>.</p>' }),
  aSystemMessage(8, { event: 'participant_joined', name: 'Cy Okafor', company: 'Nordwind' }),
  aMessage(9, { ...ana, content: '<p>Welcome, Cy!</p>' }),
]
const order = (change: Partial<Dialog> = {}) =>
  aDialog({
    object_id: ORDER.id,
    object_type: ORDER.type,
    title: 'Order 4711: 200 office chairs',
    object_url: 'https://example.com/orders/4711',
    participants_count: 3,
    participants: [
      { user_id: 'ana', display_name: 'Ana Petrova', company: 'Nordwind' },
      { user_id: 'bo', display_name: 'Bo Lindqvist', company: 'Borealis' },
    ],
    last_message: { id: id(9), content: 'Welcome, Cy!', sender_id: 'ana', sender_name: 'Ana Petrova', sent_at: at(9) } as NonNullable<Dialog['last_message']>,
    ...change,
  })
const dialogs = {
  [A_DIALOG]: order(),
  [OTHERS[0]]: order({ id: OTHERS[0], object_id: '4712', title: 'Order 4712: desks', unread_count: 120, is_pinned: true }),
  [OTHERS[1]]: order({ id: OTHERS[1], object_id: 'T-9', object_type: 'tender', title: 'Tender T-9: a title that is much longer than the place there is for it', notifications_enabled: false }),
  [OTHERS[2]]: order({ id: OTHERS[2], object_id: 'R-1', object_type: 'route', title: null, unread_count: 1 }),
}
const list = (change: Partial<DialogList> = {}): DialogList => ({
  ids: [OTHERS[0], A_DIALOG, OTHERS[1], OTHERS[2]],
  status: 'ready',
  error: null,
  isLoadingMore: false,
  hasMore: false,
  total: 4,
  search: '',
  ...change,
})
const lists = (change: Partial<DialogList> = {}): ChatState['lists'] => ({
  participating: list(change),
  available: list({ ids: [OTHERS[0]], total: 128 }),
  archived: list({ ids: [OTHERS[1]], total: 64 }),
})

function state(change: Partial<ChatState> = {}): ChatState {
  return aState({
    capabilities: CAPABILITIES,
    lists: lists(),
    objects: { [objectKey(ORDER.type, ORDER.id)]: { ids: [A_DIALOG], status: 'ready', error: null } },
    dialogs,
    open: [A_DIALOG],
    transcripts: { [A_DIALOG]: aTranscript(TALK) },
    participants: { [A_DIALOG]: { list: people, status: 'ready', error: null } },
    presence: { ana: true, bo: true, cy: false },
    files: { [A_DIALOG]: { files: [aDialogFile({ ...image }), aDialogFile()], kind: null, status: 'ready', error: null, hasMore: false } },
    names: {},
    ...change,
  })
}

const shows = (change: Partial<ChatState> = {}, answers: Parameters<typeof fixedChat>[1] = {}) => () =>
  fixedChat(state(change), {
    loadByObject: change.objects?.[objectKey(ORDER.type, ORDER.id)]?.ids ?? [A_DIALOG],
    loadDialog: change.dialogs?.[A_DIALOG] ?? dialogs[A_DIALOG],
    jumpTo: true,
    editHistory: [{ content: '<p>oak</p>', edited_at: at(6) }, { content: '<p>oak, black frame</p>', edited_at: at(7) }],
    attachmentLink: { url: file('desk.css'), thumbnail_url: null },
    ...answers,
  })
const transcript = (change: Parameters<typeof aTranscript>[1], messages: readonly Message[] = TALK): Partial<ChatState> => ({
  transcripts: { [A_DIALOG]: aTranscript(messages, change) },
})
const draft = (change: Partial<Draft>): Draft => ({ text: '', replyTo: null, attachments: [], updatedAt: 0, ...change })
const gone = { status: 'idle', segments: [], rows: [] } as const
const unsent = (...entries: Parameters<typeof anOutboxEntry>[1][]): Partial<ChatState> => {
  const outbox = entries.map((change, n) => anOutboxEntry(20 + n, change))
  return { ...transcript({ outbox }), outbox: { [A_DIALOG]: outbox } }
}
const access = (change: Partial<Dialog>): Partial<ChatState> => ({ dialogs: { [A_DIALOG]: order(change) }, transcripts: {}, open: [] })
const nothing: Partial<ChatState> = {
  objects: { [objectKey(ORDER.type, ORDER.id)]: { ids: [], status: 'ready', error: null } },
  dialogs: {},
  open: [],
  transcripts: {},
}

const files = (change: Partial<ChatState['files'][string]>): ChatState['files'] => ({
  [A_DIALOG]: { files: [], kind: null, status: 'ready', error: null, hasMore: false, ...change },
})
const found = (change: Partial<MessageSearch> = {}): MessageSearch => ({ query: 'chairs', dialogId: A_DIALOG, hits: [], status: 'ready', error: null, hasMore: false, ...change })
const HITS = [
  aHit({ message_id: id(2), sender_name: 'Ana Petrova', sent_at: at(2), snippet: 'Hello Bo, can you deliver the chairs by Friday?', matches: [{ start: 30, length: 6 }] }),
  aHit({ message_id: id(6), sender_name: 'Bo Lindqvist', sent_at: at(6), snippet: 'chairs: 200 floor: 3', matches: [{ start: 0, length: 6 }] }),
]
const PICTURES = [aMessage(1, { ...bo, content: '<p>Two views:</p>', attachments: [image, plan] })]

export const STATES: readonly Shown[] = [
  { name: 'talk', title: 'A conversation', make: shows() },
  { name: 'talk-unread', title: 'Unread messages', make: shows(transcript({ firstUnreadId: id(6) })) },
  { name: 'talk-typing', title: 'Others write', make: shows({ typing: { [A_DIALOG]: ['bo', 'cy'] } }) },
  { name: 'talk-gap', title: 'A stretch that is not loaded', make: shows(withGap()) },
  { name: 'talk-long', title: 'A long message', make: shows(transcript({}, [aMessage(1, { ...bo, content: Array.from({ length: 40 }, (_, n) => `<p>Line ${n + 1} of a long message</p>`).join('') })])) },
  { name: 'talk-older-loading', title: 'Older messages load', make: shows(transcript({ isAtStart: false, isLoadingOlder: true })) },
  { name: 'talk-older-error', title: 'Older messages can’t be loaded', make: shows(transcript({ isAtStart: false, olderError: NO_CONNECTION })) },

  { name: 'chat-loading', title: 'Chat: loading', make: shows(transcript({ ...gone, status: 'loading' }, [])) },
  { name: 'chat-empty', title: 'Chat: empty', make: shows(transcript({}, [])) },
  { name: 'chat-partial', title: 'Chat: older data while it catches up', make: shows(transcript({ isCatchingUp: true })) },
  { name: 'chat-error', title: 'Chat: can’t be loaded', make: shows(transcript({ ...gone, status: 'error', error: BROKEN }, [])) },
  { name: 'chat-offline', title: 'Chat: offline', act: acts.shown('.mtchat-banner'), make: shows({ connection: { status: 'offline' } }) },
  { name: 'chat-reconnecting', title: 'Chat: connecting again', make: shows({ connection: { status: 'reconnecting', attempt: 3, nextAt: Date.now() + 3_600_000 } }) },
  { name: 'chat-signing-in', title: 'Chat: signing in again', make: shows({ connection: { status: 'unauthorized', isFinal: false } }) },
  { name: 'chat-signed-out', title: 'Chat: the session has ended', make: shows({ connection: { status: 'unauthorized', isFinal: true } }) },
  { name: 'chat-join', title: 'No access: one may join', make: shows(access({ i_am_participant: false, can_join: true })) },
  { name: 'chat-refused', title: 'No access: not allowed', make: shows(access({ i_am_participant: false, can_join: false })) },
  {
    name: 'chat-removed',
    title: 'Gone: removed from the dialog',
    make: shows({
      ...transcript({ access: 'none', isAtEnd: false }),
      dialogs: { ...dialogs, [A_DIALOG]: order({ i_am_participant: false, can_join: false }) },
      drafts: { [A_DIALOG]: draft({ text: '<p>Thursday would be fine</p>' }) },
    }),
  },
  { name: 'chat-left', title: 'Gone: left, and open to come back', make: shows({ ...transcript({ access: 'none' }), dialogs: { ...dialogs, [A_DIALOG]: order({ i_am_participant: false, can_join: true }) } }) },
  { name: 'chat-gone', title: 'Gone: the dialog was deleted', make: shows({ ...transcript({ access: 'gone' }), drafts: { [A_DIALOG]: draft({ text: 'not sent yet' }) } }) },
  { name: 'chat-archived', title: 'Archived', make: shows({ dialogs: { ...dialogs, [A_DIALOG]: order({ is_archived: true }) } }) },
  { name: 'chat-none', title: 'Inline: no chat for this object', mode: 'inline', make: shows(nothing) },
  { name: 'chat-choose', title: 'Nothing chosen', mode: 'full', isClosed: true, make: shows({ open: [], transcripts: {} }) },

  { name: 'outbox-waiting', title: 'Messages that wait', make: shows(unsent({ state: 'sending' }, { state: 'queued' }, { state: 'queued', attempts: 1, nextAt: Date.now() + 3_600_000 })) },
  { name: 'outbox-failed', title: 'Messages that failed', make: shows(unsent({ state: 'failed', attempts: 5, error: NO_CONNECTION }, { state: 'failed', isFinal: true, error: REFUSED })) },
  { name: 'outbox-uploading', title: 'A message that waits for its file', make: shows(unsent({ state: 'uploading', uploads: [aPendingFile()] })) },
  { name: 'composer-draft', title: 'A draft', make: shows({ drafts: { [A_DIALOG]: draft({ text: '<p>not <b>finished</b></p>' }) } }) },
  { name: 'composer-reply', title: 'A reply', make: shows({ drafts: { [A_DIALOG]: draft({ replyTo: id(3) }) } }) },
  {
    name: 'composer-files',
    title: 'Files on their way',
    make: shows({
      uploads: {
        [A_DIALOG]: [
          aPendingFile(),
          aPendingFile({ id: 'file-2', filename: 'plan.pdf', contentType: 'application/pdf', status: 'uploaded', progress: 100 }),
          aPendingFile({ id: 'file-3', filename: 'film.mp4', contentType: 'video/mp4', status: 'error', error: NO_CONNECTION }),
        ],
      },
    }),
  },

  { name: 'list', title: 'List', mode: 'full', isClosed: true, make: shows({ drafts: { [OTHERS[1]]: draft({ text: 'half a sentence' }) } }) },
  { name: 'list-loading', title: 'List: loading', mode: 'full', isClosed: true, make: shows({ lists: lists({ ids: [], status: 'loading', total: null }) }) },
  { name: 'list-empty', title: 'List: empty', mode: 'full', isClosed: true, make: shows({ lists: lists({ ids: [], total: 0 }) }) },
  { name: 'list-not-found', title: 'List: nothing found', mode: 'full', isClosed: true, make: shows({ lists: lists({ ids: [], total: 0, search: 'chars' }) }), act: acts.type('.mtchat-list input', 'chars') },
  { name: 'list-partial', title: 'List: older data while it loads', mode: 'full', isClosed: true, make: shows({ lists: lists({ status: 'loading' }) }) },
  { name: 'list-error', title: 'List: can’t be loaded', mode: 'full', isClosed: true, make: shows({ lists: lists({ ids: [], status: 'error', error: BROKEN, total: null }) }) },
  { name: 'list-offline', title: 'List: offline', mode: 'full', isClosed: true, act: acts.shown('.mtchat-banner'), make: shows({ connection: { status: 'offline' } }) },

  { name: 'info', title: 'Info', act: acts.openInfo, make: shows() },
  { name: 'info-loading', title: 'Info: loading', act: acts.openInfo, make: shows({ participants: { [A_DIALOG]: { list: [], status: 'loading', error: null } }, files: {} }) },
  { name: 'info-error', title: 'Info: can’t be loaded', act: acts.openInfo, make: shows({ participants: { [A_DIALOG]: { list: [], status: 'error', error: BROKEN } }, files: {} }) },
  { name: 'info-partial', title: 'Info: older data while it loads', act: acts.openInfo, make: shows({ participants: { [A_DIALOG]: { list: people, status: 'loading', error: null } } }) },
  { name: 'info-offline', title: 'Info: offline', act: acts.openInfo, make: shows({ connection: { status: 'offline' } }) },
  { name: 'info-join', title: 'Info: no access', act: acts.openInfo, make: shows(access({ i_am_participant: false, can_join: true })) },
  { name: 'info-former', title: 'Info: who left', act: acts.openInfo, make: shows({ participants: { [A_DIALOG]: { list: people.slice(0, 1), status: 'ready', error: null } } }) },
  { name: 'files', title: 'Files', act: acts.openFiles, make: shows({ files: files({ files: [aDialogFile(image), aDialogFile({ url: file('plan.pdf') }), aDialogFile({ id: id(0xf4), filename: 'tool.zip', content_type: 'application/zip', status: 'scanning' })] }) }) },
  { name: 'files-loading', title: 'Files: loading', act: acts.openFiles, make: shows({ files: files({ files: [], status: 'loading' }) }) },
  { name: 'files-empty', title: 'Files: empty', act: acts.openFiles, make: shows({ files: files({ files: [] }) }) },
  { name: 'files-partial', title: 'Files: only those of the loaded messages', act: acts.openFiles, make: shows({ capabilities: ['search'] }) },
  { name: 'files-error', title: 'Files: can’t be loaded', act: acts.openFiles, make: shows({ files: files({ files: [], status: 'error', error: BROKEN }) }) },
  { name: 'files-offline', title: 'Files: offline', act: acts.openFiles, make: shows({ files: files({ files: [], status: 'error', error: NO_CONNECTION }), connection: { status: 'offline' } }) },

  { name: 'search', title: 'Search', act: acts.search, make: shows({ search: found({ hits: HITS, hasMore: true }) }) },
  { name: 'search-loading', title: 'Search: loading', act: acts.search, make: shows({ search: found({ status: 'loading' }) }) },
  { name: 'search-empty', title: 'Search: nothing found', act: acts.search, make: shows({ search: found() }) },
  { name: 'search-partial', title: 'Search: more results load', act: acts.search, make: shows({ search: found({ hits: HITS, status: 'loading', hasMore: true }) }) },
  { name: 'search-error', title: 'Search: fails', act: acts.search, make: shows({ search: found({ status: 'error', error: BROKEN }) }) },
  { name: 'search-offline', title: 'Search: offline', act: acts.search, make: shows({ search: found({ status: 'error', error: NO_CONNECTION }), connection: { status: 'offline' } }) },

  { name: 'composer-edit', title: 'The edit bar', act: acts.edit, make: shows() },
  { name: 'composer-format', title: 'The tools of formatting', act: acts.format, make: shows() },
  { name: 'composer-drop', title: 'A file held over the chat', act: acts.drop, make: shows() },
  { name: 'composer-no-files', title: 'A file where none are kept', act: acts.drop, make: shows({ capabilities: [] }) },
  { name: 'composer-mention', title: 'Whom to mention', isAlone: true, act: acts.mention, make: shows() },
  { name: 'composer-emoji', title: 'The emoji', isAlone: true, act: acts.emoji, make: shows() },
  { name: 'composer-emoji-name', title: 'Emoji by name', isAlone: true, act: acts.emojiByName, make: shows() },
  { name: 'menu', title: 'The menu of a chat', isAlone: true, act: acts.menu, make: shows() },
  { name: 'menu-list', title: 'The menu in the list', mode: 'full', isClosed: true, isAlone: true, act: acts.listMenu, make: shows() },
  { name: 'shortcuts', title: 'The list of shortcuts', isAlone: true, act: acts.shortcuts, make: shows() },
  { name: 'readers', title: 'Who has read it', isAlone: true, act: acts.readers, make: shows() },
  { name: 'history', title: 'Earlier versions', isAlone: true, act: acts.history, make: shows() },
  { name: 'delete', title: 'Deleting a message', isAlone: true, act: acts.askDelete, make: shows() },
  { name: 'join', title: 'Joining', isAlone: true, act: acts.join, make: shows(access({ i_am_participant: false, can_join: true })) },
  { name: 'leave', title: 'Leaving', isAlone: true, act: acts.leave, make: shows() },
  { name: 'viewer', title: 'The viewer', isAlone: true, act: acts.openViewer, make: shows(transcript({}, PICTURES)) },
  {
    name: 'viewer-error',
    title: 'The viewer: can’t be loaded',
    isAlone: true,
    act: acts.all(acts.openViewer, acts.shown('.mtchat-viewer__state[role="alert"]')),
    make: shows(transcript({}, [aMessage(1, { ...bo, content: '', attachments: [{ ...image, url: file('desk.css') }] })])),
  },
]

function withGap(): Partial<ChatState> {
  const whole = aTranscript(TALK)
  const gap = { kind: 'gap', key: 'gap', after: id(4), before: id(6), isLoading: false, error: null } as const
  return { transcripts: { [A_DIALOG]: { ...whole, rows: [...whole.rows.slice(0, 4), gap, ...whole.rows.slice(5)] } } }
}
