import { learnNames, type Core } from './core.js'
import { put } from './store.js'
import type { Dialog, DialogId, DialogList, ListName, Message, MessageId, ObjectDialogs, UserProfile, WsEvent } from './types.js'

const PAGE = 50
const MOST = 100
const TOGETHER_MS = 500
const SEARCH_MS = 300
/** What only participants are told of a dialog. */
const OWN = [
  'last_message',
  'unread_count',
  'is_archived',
  'is_pinned',
  'notifications_enabled',
  'participants',
  'participants_count',
] as const satisfies readonly (keyof Dialog)[]
const NAMES: readonly ListName[] = ['participating', 'archived', 'available']

export function objectKey(objectType: string, objectId: string): string {
  return JSON.stringify([objectType, objectId])
}

/** Dialogs and the lists of them. */
export function createInbox(core: Core, isSeen: (dialogId: DialogId, id: MessageId) => boolean, shut: (dialogId: DialogId) => void) {
  const cursors = new Map<ListName, string>()
  const turns = new Map<ListName, number>()
  const loads = new Map<ListName, Promise<void>>()
  const touched = new Map<DialogId, ReturnType<typeof setTimeout>>()
  /** When each dialog was last changed by an event or a press, counted in such changes. */
  const changed = new Map<DialogId, number>()
  let now = 0
  let searching: ReturnType<typeof setTimeout> | undefined

  const state = () => core.store.get()
  const setList = (name: ListName, patch: Partial<DialogList>) => {
    const { lists } = state()
    core.store.set({ lists: { ...lists, [name]: { ...lists[name], ...patch } } })
  }
  /** Take over what an answer says, asked for at *since*. Of what has changed meanwhile it may not know yet: that is asked again. */
  const learn = (dialogs: readonly Dialog[], since: number) => {
    const known = { ...state().dialogs }
    for (const dialog of dialogs) {
      const { id } = dialog
      const isOld = (changed.get(id) ?? 0) > since
      known[id] = isOld ? { ...dialog, ...known[id] } : { ...known[id], ...dialog }
      if (isOld) touch(id)
    }
    core.store.set({ dialogs: known })
    learnNames(
      core,
      dialogs.flatMap(({ participants = [], last_message: last }) => [
        ...participants,
        ...(last?.sender_id && last.sender_name ? [{ user_id: last.sender_id, display_name: last.sender_name }] : []),
      ]),
    )
  }
  const newestFirst = (a: DialogId, b: DialogId): number => {
    const { dialogs } = state()
    const [one, two] = [dialogs[a]!, dialogs[b]!]
    const pinned = Number(two.is_pinned ?? false) - Number(one.is_pinned ?? false)
    const active = (dialog: Dialog) => dialog.last_message_at ?? dialog.created_at
    return pinned || compare(active(two), active(one)) || compare(b, a)
  }
  /** Put each dialog where it belongs; what a search left out stays out. */
  const place = (ids: readonly DialogId[]) => {
    const { lists, dialogs } = state()
    const next = { ...lists }
    for (const name of NAMES) {
      const list = lists[name]
      if (list.status === 'idle') continue
      const belongs = (id: DialogId) => {
        const dialog = dialogs[id]
        if (!dialog) return false
        if (name === 'available') return !dialog.i_am_participant && dialog.can_join
        return dialog.i_am_participant && (dialog.is_archived ?? false) === (name === 'archived')
      }
      const stays = list.ids.filter((id) => !ids.includes(id) || belongs(id))
      const comes = list.search ? [] : ids.filter((id) => !list.ids.includes(id) && belongs(id))
      const sorted = [...stays, ...comes]
      if (name !== 'available') sorted.sort(newestFirst)
      if (sorted.length !== list.ids.length || sorted.some((id, at) => id !== list.ids[at])) {
        next[name] = { ...list, ids: sorted, total: list.hasMore ? null : sorted.length }
      }
    }
    if (NAMES.some((name) => next[name] !== lists[name])) core.store.set({ lists: next })
  }
  const change = (dialogId: DialogId, patch: Partial<Dialog>) => {
    const dialog = state().dialogs[dialogId]
    if (!dialog) return
    changed.set(dialogId, (now += 1))
    core.store.set({ dialogs: { ...state().dialogs, [dialogId]: { ...dialog, ...patch } } })
    place([dialogId])
  }
  const forget = (dialogId: DialogId) => {
    core.store.set({ dialogs: put(state().dialogs, dialogId, undefined) })
    place([dialogId])
    const objects = Object.entries(state().objects).map(([key, found]) => [
      key,
      found.ids.includes(dialogId) ? { ...found, ids: found.ids.filter((id) => id !== dialogId) } : found,
    ])
    core.store.set({ objects: Object.fromEntries(objects) as Record<string, ObjectDialogs> })
  }
  const loadDialog = async (dialogId: DialogId): Promise<Dialog> => {
    const since = now
    learn([await core.api.getDialog(dialogId)], since)
    place([dialogId])
    return state().dialogs[dialogId]!
  }
  /** As `loadDialog`, where nobody waits for the answer. */
  const lookAt = async (dialogId: DialogId) => {
    const before = state().dialogs[dialogId]
    const since = now
    try {
      const dialog = await core.api.getDialog(dialogId)
      if (before?.i_am_participant && !dialog.i_am_participant) shut(dialogId)
      learn([dialog], since)
      place([dialogId])
    } catch (cause) {
      if (!core.blame(dialogId, cause, 'dialog') && !state().open.includes(dialogId)) forget(dialogId)
    }
  }
  /** Whether anybody shows it: one dialog alone on a page need not know of all the others. */
  const isWanted = (dialogId: DialogId) => {
    const { dialogs, lists, open } = state()
    return dialogId in dialogs || open.includes(dialogId) || NAMES.some((name) => lists[name].status !== 'idle')
  }
  /** Ask how a dialog is now; several reasons at once are one question. */
  const touch = (dialogId: DialogId) => {
    if (!isWanted(dialogId)) return
    clearTimeout(touched.get(dialogId))
    touched.set(
      dialogId,
      setTimeout(() => {
        touched.delete(dialogId)
        void lookAt(dialogId)
      }, TOGETHER_MS),
    )
  }

  const fetchList = async (name: ListName, { search, more = false }: { search?: string; more?: boolean } = {}): Promise<void> => {
    const list = state().lists[name]
    const text = search ?? list.search
    if (more && (list.isLoadingMore || !list.hasMore)) return
    const turn = (turns.get(name) ?? 0) + 1
    turns.set(name, turn)
    const since = now
    setList(name, more ? { isLoadingMore: true, error: null } : { status: 'loading', isLoadingMore: false, error: null, search: text })
    try {
      const cursor = more ? cursors.get(name) : undefined
      const page = await core.api.listDialogs(name === 'available' ? 'available' : 'participating', {
        limit: more ? PAGE : Math.min(MOST, Math.max(PAGE, list.ids.length)),
        archived: name === 'available' ? undefined : name === 'archived',
        search: text,
        cursor,
      })
      if (turns.get(name) !== turn) return
      learn(page.data, since)
      const found = page.data.map(({ id }) => id)
      const ids = more ? [...new Set([...state().lists[name].ids, ...found])] : found
      if (page.next_cursor) cursors.set(name, page.next_cursor)
      const hasMore = Boolean(page.next_cursor)
      setList(name, { ids, status: 'ready', isLoadingMore: false, hasMore, total: hasMore ? null : ids.length })
      place(ids)
    } catch (cause) {
      if (turns.get(name) !== turn) return
      setList(name, { status: more ? 'ready' : 'error', isLoadingMore: false, error: core.report(cause, 'list') })
    }
  }
  const loadList: typeof fetchList = (name, options) => {
    const load = fetchList(name, options).finally(() => {
      if (loads.get(name) === load) loads.delete(name)
    })
    loads.set(name, load)
    return load
  }
  const loadByObject = async (objectType: string, objectId: string): Promise<readonly DialogId[]> => {
    const key = objectKey(objectType, objectId)
    const found = state().objects[key] ?? { ids: [], status: 'idle', error: null }
    const set = (patch: Partial<ObjectDialogs>) =>
      core.store.set({ objects: { ...state().objects, [key]: { ...(state().objects[key] ?? found), ...patch } } })
    set({ status: 'loading', error: null })
    const since = now
    try {
      const dialogs = await core.api.getDialogsByObject({ objectType, objectId })
      learn(dialogs, since)
      const ids = dialogs.map(({ id }) => id)
      place(ids)
      set({ ids, status: 'ready' })
      return ids
    } catch (cause) {
      set({ status: 'error', error: core.report(cause, 'object') })
      return state().objects[key]!.ids
    }
  }
  /** Load again what was loaded. What is just being loaded may show first. */
  const reload = async (): Promise<void> => {
    const shown = NAMES.filter((name) => state().lists[name].status !== 'idle')
    const objects = Object.keys(state().objects).map((key) => loadByObject(...(JSON.parse(key) as [string, string])))
    await Promise.all([...objects, ...shown.map((name) => (loads.get(name) ?? Promise.resolve()).then(() => loadList(name)))])
  }
  /** Show it at once, and take it back when refused. */
  const optimistic = async (dialogId: DialogId, patch: Partial<Dialog>, ask: () => Promise<void>) => {
    const before = state().dialogs[dialogId]
    change(dialogId, patch)
    try {
      await ask()
    } catch (cause) {
      if (before) {
        const keys = Object.keys(patch) as (keyof Dialog)[]
        change(dialogId, Object.fromEntries(keys.map((key) => [key, before[key]])))
      }
      throw core.report(cause, 'change')
    }
  }

  return {
    verbs: {
      loadDialog: (id: DialogId) => core.told(loadDialog(id), 'dialog'),
      loadList,
      search(text: string): void {
        clearTimeout(searching)
        searching = setTimeout(() => {
          for (const name of NAMES) if (state().lists[name].status !== 'idle') void loadList(name, { search: text.trim() })
        }, SEARCH_MS)
      },
      loadByObject,
      archive: (id: DialogId) => optimistic(id, { is_archived: true }, () => core.api.archiveDialog(id)),
      unarchive: (id: DialogId) => optimistic(id, { is_archived: false }, () => core.api.unarchiveDialog(id)),
      pin: (id: DialogId) => optimistic(id, { is_pinned: true }, () => core.api.pinDialog(id)),
      unpin: (id: DialogId) => optimistic(id, { is_pinned: false }, () => core.api.unpinDialog(id)),
      setNotifications: (id: DialogId, enabled: boolean) =>
        optimistic(id, { notifications_enabled: enabled }, () => core.api.setDialogNotifications(id, enabled)),
    },
    isWanted,
    lookAt,
    reload,
    touch,
    async join(dialogId: DialogId, profile: UserProfile): Promise<void> {
      try {
        await core.api.joinDialog(dialogId, profile)
      } catch (cause) {
        // Joined meanwhile, maybe by another tab: that is what was wanted.
        const dialog = await loadDialog(dialogId).catch(() => null)
        if (!dialog?.i_am_participant) throw core.report(cause, 'join')
      }
      await loadDialog(dialogId)
      core.emit('dialogJoined', dialogId)
    },
    /** One has left or was taken out. */
    left(dialogId: DialogId): void {
      const dialog = state().dialogs[dialogId]
      if (!dialog?.i_am_participant) return
      const rest = { ...dialog, i_am_participant: false, can_join: false }
      for (const key of OWN) delete rest[key]
      core.store.set({ dialogs: { ...state().dialogs, [dialogId]: rest } })
      place([dialogId])
      // Whether one may come back only the server knows.
      touch(dialogId)
      core.emit('dialogLeft', dialogId)
    },
    forget,
    /** One has read up to *mark*. */
    read(dialogId: DialogId, mark: MessageId): void {
      const dialog = state().dialogs[dialogId]
      if (!dialog?.unread_count) return
      if (mark >= (dialog.last_message?.id ?? '')) change(dialogId, { unread_count: 0 })
    },
    arrived(message: Message): void {
      const { dialog_id: dialogId, id, sender_id, sender_name, content, sent_at, message_type } = message
      const dialog = state().dialogs[dialogId]
      if (!dialog?.i_am_participant) return touch(dialogId)
      if (id <= (dialog.last_message?.id ?? '')) return
      const isUnread = message_type === 'user' && sender_id !== core.userId && !isSeen(dialogId, id)
      const name = sender_name ?? (sender_id ? state().names[sender_id]?.display_name : undefined)
      change(dialogId, {
        last_message_at: sent_at,
        last_message: {
          id,
          content,
          sent_at,
          message_type,
          ...(sender_id ? { sender_id } : {}),
          ...(name ? { sender_name: name } : {}),
        },
        unread_count: message_type === 'user' && sender_id === core.userId ? 0 : (dialog.unread_count ?? 0) + Number(isUnread),
      })
    },
    onEvent(event: WsEvent): void {
      const { dialog_id: dialogId } = event
      if (!dialogId) return
      const dialog = state().dialogs[dialogId]
      switch (event.type) {
        case 'message.edited':
          if (dialog?.last_message && dialog.last_message.id === event.id && event.content) {
            change(dialogId, { last_message: { ...dialog.last_message, content: event.content } })
          }
          break
        case 'message.deleted':
          // It may have been the last one, or unread.
          if (dialog?.unread_count || dialog?.last_message?.id === event.id) touch(dialogId)
          break
        case 'participant.joined':
        case 'participant.left':
          if (event.user_id !== core.userId || event.type === 'participant.joined') touch(dialogId)
          break
        case 'dialog.archived':
        case 'dialog.unarchived':
          change(dialogId, { is_archived: event.type === 'dialog.archived' })
          break
        case 'dialog.pinned':
        case 'dialog.unpinned':
          change(dialogId, { is_pinned: event.type === 'dialog.pinned' })
          break
        case 'dialog.muted':
        case 'dialog.unmuted':
          change(dialogId, { notifications_enabled: event.type === 'dialog.unmuted' })
          break
        case 'dialog.updated':
          change(dialogId, event.payload?.dialog ?? {})
          break
      }
    },
    stop(): void {
      clearTimeout(searching)
      for (const timer of touched.values()) clearTimeout(timer)
    },
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
