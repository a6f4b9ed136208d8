import {
  createChat,
  MTChatError,
  NO_STATE,
  objectKey,
  type AttachmentInput,
  type ChatClient,
  type ChatMode,
  type ChatState,
  type Dialog,
  type DialogId,
  type DialogParticipant,
  type Message,
  type MessageId,
  type MTChatApi,
  type MTChatConfig,
  type Undo,
  type UserId,
  type UserProfile,
} from '@mtchat/client'
import {
  computed,
  getCurrentInstance,
  onMounted,
  onScopeDispose,
  shallowReactive,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type Ref,
  type ShallowRef,
} from 'vue'

export interface UseChatOptions {
  config: MaybeRefOrGetter<MTChatConfig>
  /** Default true: connects once mounted. */
  autoConnect?: boolean
  /** Default full. */
  mode?: MaybeRefOrGetter<ChatMode | undefined>
  /** Opened at once and when it changes. */
  dialogId?: MaybeRefOrGetter<DialogId | undefined>
  /** With `objectType`: only dialogs of this object. */
  objectId?: MaybeRefOrGetter<string | undefined>
  objectType?: MaybeRefOrGetter<string | undefined>
  /** A client that exists already, instead of one made from `config`. Whoever made it ends it. */
  client?: MaybeRefOrGetter<ChatClient | undefined>
}



export interface UseChatReturn {
  /** Null on the server. */
  readonly client: Readonly<ShallowRef<ChatClient | null>>
  readonly state: Readonly<ShallowRef<ChatState>>
  /** Which message is being edited, by dialog. */
  readonly editing: Record<DialogId, MessageId>
  readonly currentId: Readonly<Ref<DialogId | null>>
  /** Why the current dialog could not be opened. */
  readonly dialogError: Readonly<Ref<MTChatError | null>>
  /** Dialogs of the object, newest first. */
  readonly objectDialogs: ComputedRef<readonly Dialog[]>

  readonly api: ComputedRef<MTChatApi | null>
  readonly messages: ComputedRef<readonly Message[]>
  readonly participatingDialogs: ComputedRef<readonly Dialog[]>
  readonly availableDialogs: ComputedRef<readonly Dialog[]>
  readonly archivedDialogs: ComputedRef<readonly Dialog[]>
  readonly participants: ComputedRef<readonly DialogParticipant[]>
  readonly currentDialog: ComputedRef<Dialog | null>
  readonly isConnected: ComputedRef<boolean>
  readonly isLoading: ComputedRef<boolean>
  readonly isLoadingDialogs: ComputedRef<boolean>
  readonly isLoadingMessages: ComputedRef<boolean>
  readonly error: Readonly<Ref<MTChatError | null>>
  readonly firstUnreadMessageId: ComputedRef<MessageId | null>
  readonly replyToMessage: ComputedRef<Message | null>
  readonly editingMessage: ComputedRef<Message | null>
  readonly searchQuery: Readonly<Ref<string>>
  readonly onlineUsers: ComputedRef<ReadonlySet<UserId>>
  readonly replyMessagesCache: ComputedRef<ReadonlyMap<MessageId, Message | null>>
  readonly hasMoreMessages: ComputedRef<boolean>
  readonly hasMoreAfter: ComputedRef<boolean>
  readonly isLoadingOlder: ComputedRef<boolean>
  readonly isLoadingNewer: ComputedRef<boolean>
  readonly isJumpingToMessage: Readonly<Ref<boolean>>
  readonly jumpCooldown: Readonly<Ref<boolean>>

  connect(): void
  disconnect(): void
  sendMessage(content: string, attachments?: readonly AttachmentInput[]): Promise<string | null>
  editMessage(messageId: MessageId, content: string): Promise<Message | null>
  deleteMessage(messageId: MessageId): Promise<void>
  loadMessages(options?: { around?: MessageId }): Promise<void>
  loadOlderMessages(): Promise<void>
  loadNewerMessages(): Promise<void>
  resetToLatest(): Promise<void>
  jumpToMessage(messageId: MessageId): Promise<boolean>
  /** For half a second `jumpCooldown` is true: scrolling does not count as reading on. */
  enableScrollCooldown(): void
  /** Null: deleted. Undefined: being fetched. */
  getReplyMessage(messageId: MessageId): Message | null | undefined
  fetchReplyMessage(messageId: MessageId): Promise<void>
  setSearchQuery(text: string): void
  loadParticipatingDialogs(): Promise<void>
  loadArchivedDialogs(): Promise<void>
  loadAvailableDialogs(): Promise<void>
  loadDialogsByObject(objectType?: string, objectId?: string): Promise<readonly DialogId[]>
  loadArchivedDialogsByObject(objectType?: string, objectId?: string): Promise<readonly DialogId[]>
  loadDialogs(): Promise<void>
  /** Opens the newest dialog of the object. */
  loadDialogByObject(objectType?: string, objectId?: string): Promise<Dialog | null>
  selectDialog(dialog: Dialog | DialogId | null): Promise<void>
  joinDialog(dialogId: DialogId, profile?: UserProfile): Promise<void>
  leaveDialog(dialogId: DialogId): Promise<void>
  archiveDialog(dialogId: DialogId): Promise<void>
  unarchiveDialog(dialogId: DialogId): Promise<void>
  pinDialog(dialogId: DialogId): Promise<void>
  unpinDialog(dialogId: DialogId): Promise<void>
  toggleNotifications(dialogId: DialogId, enabled?: boolean): Promise<void>
  subscribe(dialogId: DialogId): void
  unsubscribe(dialogId: DialogId): void
  markAsRead(messageId?: MessageId): Promise<void>
  setReplyTo(message: Message | MessageId): void
  clearReplyTo(): void
  setEditMessage(message: Message | MessageId): void
  clearEditMessage(): void
  isUserOnline(userId: UserId): boolean
}

const COOLDOWN_MS = 500
const isBrowser = typeof window !== 'undefined'
const idOf = (message: Message | MessageId) => (typeof message === 'string' ? message : message.id)

/** A whole chat for one person: its state as refs, its verbs as functions. Ends with the scope it was made in. */
export function useChat(options: UseChatOptions): UseChatReturn {
  const config = () => toValue(options.config)
  const mode = () => toValue(options.mode) ?? 'full'
  const object = () => {
    const [objectType, objectId] = [toValue(options.objectType), toValue(options.objectId)]
    return objectType && objectId ? { objectType, objectId } : null
  }

  const client = shallowRef<ChatClient | null>(null)
  const state = shallowRef<ChatState>(NO_STATE)
  const editing = shallowReactive<Record<DialogId, MessageId>>({})
  const currentId = shallowRef<DialogId | null>(null)
  const dialogError = shallowRef<MTChatError | null>(null)
  const error = shallowRef<MTChatError | null>(null)
  const searchQuery = shallowRef('')
  const isJumpingToMessage = shallowRef(false)
  const jumpCooldown = shallowRef(false)
  let isConnectWanted = false
  let cooldown: ReturnType<typeof setTimeout> | undefined
  let undos: Undo[] = []

  // ---- The client itself: another server or person makes another one, everything else is told to it ----

  function made(): ChatClient {
    const asked = config()
    return createChat({
      ...asked,
      // The host may give other functions later.
      onConnect: () => config().onConnect?.(),
      onDisconnect: () => config().onDisconnect?.(),
      onError: (cause) => config().onError?.(cause),
      onMessage: (event) => config().onMessage?.(event),
      onAuthError: (cause) => config().onAuthError?.(cause),
      ...(asked.getToken && { getToken: () => config().getToken?.() ?? '' }),
      ...(asked.logger && { logger: (...line) => config().logger?.(...line) }),
    })
  }

  function begin(): void {
    end()
    const given = toValue(options.client)
    const chat = given ?? made()
    client.value = chat
    state.value = chat.getSnapshot()
    undos = [
      chat.subscribe((now) => now, (now) => (state.value = now)),
      chat.on('error', (cause) => (error.value = cause)),
      chat.on('event', (event) => {
        // Somebody has let us in: the object may have a dialog now.
        if (event.type === 'participant.joined' && event.user_id === chat.userId && object()) void showObject()
      }),
      () => void (given ? undefined : chat.destroy()),
    ]
    if (isConnectWanted) start()
  }

  function end(): void {
    for (const undo of undos) undo()
    undos = []
    for (const id of Object.keys(editing)) delete editing[id]
    currentId.value = null
    dialogError.value = null
    error.value = null
    client.value = null
    state.value = NO_STATE
  }

  function start(): void {
    client.value?.connect()
    void loadDialogs()
    const wanted = toValue(options.dialogId)
    if (wanted) void selectDialog(wanted)
  }

  if (isBrowser) {
    watch([() => toValue(options.client), () => config().baseUrl, () => config().wsUrl, () => config().userId], begin, { immediate: true, flush: 'sync' })
    watch(() => config().token, (token) => client.value?.setToken(token ?? null))
    watch(() => config().userProfile, (profile) => profile && client.value?.setProfile(profile))
    watch(() => JSON.stringify(config().scopeConfig), () => {
      const scopes = config().scopeConfig
      if (scopes) client.value?.setScopes(scopes)
    })
    watch(() => toValue(options.dialogId), (id) => void selectDialog(id ?? null))
    watch([mode, () => object()?.objectType, () => object()?.objectId], () => {
      if (!isConnectWanted) return
      if (mode() === 'inline') void selectDialog(null)
      void loadDialogs()
    })
    onScopeDispose(() => {
      clearTimeout(cooldown)
      end()
    })
    if (options.autoConnect ?? true) {
      if (getCurrentInstance()) onMounted(connect)
      else connect()
    }
  }

  function connect(): void {
    isConnectWanted = true
    start()
  }
  function disconnect(): void {
    isConnectWanted = false
    client.value?.disconnect()
  }

  // ---- What there is ----

  const known = (ids: readonly DialogId[]) =>
    ids.flatMap((id) => {
      const dialog = state.value.dialogs[id]
      return dialog ? [dialog] : []
    })
  const ofObject = computed(() => {
    const asked = object()
    return asked ? (state.value.objects[objectKey(asked.objectType, asked.objectId)] ?? null) : null
  })
  const objectDialogs = computed(() => known(ofObject.value?.ids ?? []))
  /** The dialogs of one object are all here: what is typed is looked up among them. */
  const isFound = (dialog: Dialog) => {
    const text = searchQuery.value.trim().toLocaleLowerCase()
    const companies = dialog.participants?.map(({ company }) => company ?? '') ?? []
    return !text || [dialog.title ?? '', ...companies].some((part) => part.toLocaleLowerCase().includes(text))
  }
  const list = (name: 'participating' | 'available' | 'archived', belongs: (dialog: Dialog) => boolean) =>
    computed(() => (object() ? objectDialogs.value.filter((dialog) => belongs(dialog) && isFound(dialog)) : known(state.value.lists[name].ids)))
  const participatingDialogs = list('participating', (dialog) => dialog.i_am_participant && !dialog.is_archived)
  const availableDialogs = list('available', (dialog) => !dialog.i_am_participant && dialog.can_join)
  const archivedDialogs = list('archived', (dialog) => dialog.i_am_participant && !!dialog.is_archived)

  const currentDialog = computed(() => (currentId.value === null ? null : (state.value.dialogs[currentId.value] ?? null)))
  const transcript = computed(() => (currentId.value === null ? undefined : state.value.transcripts[currentId.value]))
  const messages = computed(() => transcript.value?.rows.flatMap((row) => (row.kind === 'message' ? [row.message] : [])) ?? [])
  const isLoadingDialogs = computed(() => {
    const { participating, available, archived } = state.value.lists
    return [participating, available, archived, ...(ofObject.value ? [ofObject.value] : [])].some(({ status }) => status === 'loading')
  })
  const isLoadingMessages = computed(() => transcript.value?.status === 'loading')

  function getReplyMessage(messageId: MessageId): Message | null | undefined {
    const here = messages.value.find(({ id }) => id === messageId)
    return here ?? transcript.value?.quotes[messageId]
  }
  const replyToMessage = computed(() => {
    const replyTo = currentId.value === null ? null : state.value.drafts[currentId.value]?.replyTo
    return (replyTo && getReplyMessage(replyTo)) || null
  })
  const editingMessage = computed(() => {
    const id = currentId.value === null ? undefined : editing[currentId.value]
    return (id && getReplyMessage(id)) || null
  })

  // ---- Verbs ----

  /** Verbs of the current dialog do nothing while there is none. */
  function here<T>(act: (chat: ChatClient, dialogId: DialogId) => T): T | undefined {
    return client.value && currentId.value !== null ? act(client.value, currentId.value) : undefined
  }
  function there(): ChatClient {
    if (!client.value) throw new MTChatError({ code: 'ABORTED', message: 'There is no client yet.', retryable: false })
    return client.value
  }
  async function tried<T>(act: (chat: ChatClient) => Promise<T>): Promise<T> {
    try {
      error.value = null
      return await act(there())
    } catch (cause) {
      error.value = MTChatError.of(cause)
      throw error.value
    }
  }

  async function selectDialog(wanted: Dialog | DialogId | null): Promise<void> {
    const chat = client.value
    if (!chat) return
    const id = wanted === null || typeof wanted === 'string' ? wanted : wanted.id
    const before = currentId.value
    if (id === before && !dialogError.value) return
    if (before !== null && before !== id) chat.closeDialog(before)
    currentId.value = id
    dialogError.value = null
    if (id === null) return
    const isCurrent = () => client.value === chat && currentId.value === id
    try {
      const dialog = state.value.dialogs[id] ?? (await chat.loadDialog(id))
      if (!isCurrent()) return
      if (dialog?.i_am_participant ?? true) await chat.openDialog(id)
    } catch (cause) {
      if (isCurrent()) dialogError.value = MTChatError.of(cause)
    }
  }

  async function showObject(): Promise<void> {
    const asked = object()
    const chat = client.value
    if (!asked || !chat) return
    const ids = await chat.loadByObject(asked.objectType, asked.objectId)
    const isAsked = object()?.objectId === asked.objectId && client.value === chat
    if (isAsked && mode() === 'inline' && currentId.value === null && ids?.[0]) await selectDialog(toValue(options.dialogId) ?? ids[0])
  }

  async function loadDialogs(): Promise<void> {
    if (object()) return showObject()
    if (mode() === 'inline') return
    await Promise.all([loadList('participating'), loadList('available')])
  }
  async function loadList(name: 'participating' | 'available' | 'archived'): Promise<void> {
    if (object()) return showObject()
    await client.value?.loadList(name, { search: searchQuery.value })
  }
  async function loadDialogsByObject(objectType = object()?.objectType, objectId = object()?.objectId): Promise<readonly DialogId[]> {
    return objectType && objectId ? ((await client.value?.loadByObject(objectType, objectId)) ?? []) : []
  }

  async function joinDialog(dialogId: DialogId, profile?: UserProfile): Promise<void> {
    await tried((chat) => chat.join(dialogId, profile))
    if (currentId.value === dialogId) await client.value?.openDialog(dialogId)
  }
  async function toggleNotifications(dialogId: DialogId, enabled?: boolean): Promise<void> {
    const wanted = enabled ?? !(state.value.dialogs[dialogId]?.notifications_enabled ?? true)
    await tried((chat) => chat.setNotifications(dialogId, wanted))
  }

  return {
    client,
    state,
    editing,
    currentId,
    dialogError,
    objectDialogs,
    api: computed(() => client.value?.api ?? null),
    messages,
    participatingDialogs,
    availableDialogs,
    archivedDialogs,
    participants: computed(() => (currentId.value === null ? [] : (state.value.participants[currentId.value]?.list ?? []))),
    currentDialog,
    isConnected: computed(() => state.value.connection.status === 'online'),
    isLoading: computed(() => isLoadingDialogs.value || isLoadingMessages.value),
    isLoadingDialogs,
    isLoadingMessages,
    error,
    firstUnreadMessageId: computed(() => transcript.value?.firstUnreadId ?? null),
    replyToMessage,
    editingMessage,
    searchQuery,
    onlineUsers: computed(() => new Set(Object.entries(state.value.presence).flatMap(([id, isOnline]) => (isOnline ? [id] : [])))),
    replyMessagesCache: computed(() => new Map(Object.entries(transcript.value?.quotes ?? {}))),
    hasMoreMessages: computed(() => transcript.value?.isAtStart === false),
    hasMoreAfter: computed(() => transcript.value?.isAtEnd === false),
    isLoadingOlder: computed(() => transcript.value?.isLoadingOlder ?? false),
    isLoadingNewer: computed(() => transcript.value?.isLoadingNewer ?? false),
    isJumpingToMessage,
    jumpCooldown,

    connect,
    disconnect,
    sendMessage: async (content, attachments = []) =>
      (await here((chat, id) => chat.send(id, { content, replyTo: state.value.drafts[id]?.replyTo ?? null, attachments, withUploads: false }))) ?? null,
    editMessage: async (messageId, content) => (await here((_, id) => tried((chat) => chat.edit(id, messageId, content)))) ?? null,
    deleteMessage: async (messageId) => here((_, id) => tried((chat) => chat.delete(id, messageId))),
    loadMessages: async ({ around } = {}) => {
      await here((chat, id) => (around ? chat.jumpTo(id, around).then(() => undefined) : chat.openDialog(id)))
    },
    loadOlderMessages: async () => here((chat, id) => chat.loadOlder(id)),
    loadNewerMessages: async () => here((chat, id) => chat.loadNewer(id)),
    resetToLatest: async () => here((chat, id) => chat.resetToLatest(id)),
    async jumpToMessage(messageId) {
      isJumpingToMessage.value = true
      try {
        return (await here((_, id) => tried((chat) => chat.jumpTo(id, messageId)))) ?? false
      } finally {
        isJumpingToMessage.value = false
      }
    },
    enableScrollCooldown() {
      clearTimeout(cooldown)
      jumpCooldown.value = true
      cooldown = setTimeout(() => (jumpCooldown.value = false), COOLDOWN_MS)
    },
    getReplyMessage,
    fetchReplyMessage: async (messageId) => here((chat, id) => chat.loadQuote(id, messageId)),
    setSearchQuery(text) {
      searchQuery.value = text
      if (!object()) client.value?.search(text)
    },
    loadParticipatingDialogs: () => loadList('participating'),
    loadArchivedDialogs: () => loadList('archived'),
    loadAvailableDialogs: () => loadList('available'),
    loadDialogsByObject,
    loadArchivedDialogsByObject: loadDialogsByObject,
    loadDialogs,
    async loadDialogByObject(objectType, objectId) {
      const [newest] = await loadDialogsByObject(objectType, objectId)
      if (newest === undefined) return null
      await selectDialog(newest)
      return state.value.dialogs[newest] ?? null
    },
    selectDialog,
    joinDialog,
    leaveDialog: (id) => tried((chat) => chat.leave(id)),
    archiveDialog: (id) => tried((chat) => chat.archive(id)),
    unarchiveDialog: (id) => tried((chat) => chat.unarchive(id)),
    pinDialog: (id) => tried((chat) => chat.pin(id)),
    unpinDialog: (id) => tried((chat) => chat.unpin(id)),
    toggleNotifications,
    // One's own dialogs are always listened to; these stay for those who call them.
    subscribe: () => undefined,
    unsubscribe: () => undefined,
    markAsRead: async (messageId) =>
      here(async (chat, id) => {
        const mark = messageId ?? messages.value.at(-1)?.id
        if (mark) await chat.api.markAsRead(id, mark)
      }),
    setReplyTo: (message) =>
      here((chat, id) => {
        delete editing[id]
        chat.setReply(id, idOf(message))
      }),
    clearReplyTo: () => here((chat, id) => chat.setReply(id, null)),
    setEditMessage: (message) =>
      here((chat, id) => {
        chat.setReply(id, null)
        editing[id] = idOf(message)
      }),
    clearEditMessage: () => here((_, id) => void delete editing[id]),
    isUserOnline: (userId) => state.value.presence[userId] ?? false,
  }
}
