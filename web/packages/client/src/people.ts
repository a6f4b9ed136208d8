import { learnNames, type Core } from './core.js'
import { put } from './store.js'
import type { DialogId, MessageId, Participants, UserId, WsEvent } from './types.js'

const NOBODY: Participants = { list: [], status: 'idle', error: null }
const TOGETHER_MS = 300

/** Who takes part, how far they have read, and who is there. */
export function createPeople(core: Core, onOwnMark: (dialogId: DialogId, mark: MessageId | null) => void) {
  const loads = new Map<DialogId, Promise<void>>()
  const due = new Map<DialogId, ReturnType<typeof setTimeout>>()

  const of = (dialogId: DialogId) => core.store.get().participants[dialogId] ?? NOBODY
  const set = (dialogId: DialogId, patch: Partial<Participants>) =>
    core.store.set({ participants: put(core.store.get().participants, dialogId, { ...of(dialogId), ...patch }) })
  const setPresence = (changes: Record<UserId, boolean>) => {
    const { presence } = core.store.get()
    if (Object.entries(changes).some(([id, is]) => presence[id] !== is)) {
      core.store.set({ presence: { ...presence, ...changes } })
    }
  }
  const fetch = async (dialogId: DialogId) => {
    if (core.isShut(dialogId)) return
    set(dialogId, { status: 'loading', error: null })
    try {
      const list = await core.api.getParticipants(dialogId)
      if (core.isShut(dialogId)) return
      set(dialogId, { list, status: 'ready' })
      learnNames(core, list)
      setPresence(Object.fromEntries(list.flatMap((one) => (one.is_online === undefined ? [] : [[one.user_id, one.is_online]]))))
      onOwnMark(dialogId, list.find((one) => one.user_id === core.userId)?.last_read_message_id ?? null)
    } catch (cause) {
      const error = core.blame(dialogId, cause, 'participants')
      if (error) set(dialogId, { status: 'error', error })
    }
  }
  const load = (dialogId: DialogId): Promise<void> => {
    const running = loads.get(dialogId)
    if (running) return running
    const load = fetch(dialogId).finally(() => loads.delete(dialogId))
    loads.set(dialogId, load)
    return load
  }
  /** Several changes at once are one reload. */
  const reloadSoon = (dialogId: DialogId) => {
    if (of(dialogId).status === 'idle') return
    clearTimeout(due.get(dialogId))
    due.set(
      dialogId,
      setTimeout(() => void load(dialogId), TOGETHER_MS),
    )
  }

  return {
    verbs: {
      loadParticipants: load,
    },
    onEvent(event: WsEvent): void {
      const { dialog_id: dialogId, user_id: userId } = event
      if (event.type === 'presence.update' && userId) return setPresence({ [userId]: event.is_online === true })
      if (!dialogId || !userId) return
      if (event.type === 'participant.joined') reloadSoon(dialogId)
      if (event.type === 'participant.left') {
        const { list } = of(dialogId)
        if (list.some((one) => one.user_id === userId)) set(dialogId, { list: list.filter((one) => one.user_id !== userId) })
      }
      const mark = event.last_read_message_id
      if (event.type === 'message.read' && mark) {
        const { list } = of(dialogId)
        const next = list.map((one) =>
          one.user_id === userId && mark > (one.last_read_message_id ?? '') ? { ...one, last_read_message_id: mark } : one,
        )
        if (next.some((one, at) => one !== list[at])) set(dialogId, { list: next })
      }
    },
    /** Without a socket nobody knows who is there. */
    clearPresence(): void {
      if (Object.keys(core.store.get().presence).length) core.store.set({ presence: {} })
    },
    reloadLoaded(): void {
      for (const dialogId of core.store.get().open) reloadSoon(dialogId)
    },
    /** Who is still there is none of one's business any more. */
    shut(dialogId: DialogId): void {
      clearTimeout(due.get(dialogId))
      if (core.store.get().participants[dialogId]) set(dialogId, { ...NOBODY, status: 'ready' })
    },
    stop(): void {
      for (const timer of due.values()) clearTimeout(timer)
    },
  }
}
