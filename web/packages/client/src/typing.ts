import type { Core } from './core.js'
import { put } from './store.js'
import type { DialogId, UserId, WsEvent } from './types.js'

const AGAIN_MS = 3_000
const STOP_MS = 5_000

/** Who writes: told to others sparingly, believed for a few seconds. */
export function createTyping(core: Core) {
  const told = new Map<DialogId, { at: number; stop: ReturnType<typeof setTimeout> }>()
  const heard = new Map<string, ReturnType<typeof setTimeout>>()

  const set = (dialogId: DialogId, userId: UserId, isTyping: boolean) => {
    const { typing } = core.store.get()
    const now = typing[dialogId] ?? []
    if (now.includes(userId) === isTyping) return
    const next = isTyping ? [...now, userId] : now.filter((id) => id !== userId)
    core.store.set({ typing: put(typing, dialogId, next.length ? next : undefined) })
  }
  const stop = (dialogId: DialogId) => {
    const mine = told.get(dialogId)
    if (!mine) return
    clearTimeout(mine.stop)
    told.delete(dialogId)
    core.speak({ type: 'typing', dialog_id: dialogId, is_typing: false })
  }
  const forget = (dialogId: DialogId, userId: UserId) => {
    const key = `${dialogId} ${userId}`
    clearTimeout(heard.get(key))
    heard.delete(key)
    set(dialogId, userId, false)
  }
  const clear = () => {
    for (const timer of heard.values()) clearTimeout(timer)
    for (const mine of told.values()) clearTimeout(mine.stop)
    heard.clear()
    told.clear()
    if (Object.keys(core.store.get().typing).length) core.store.set({ typing: {} })
  }

  return {
    verbs: {
      sendTyping(dialogId: DialogId, isTyping = true): void {
        if (!core.can('typing')) return
        if (!isTyping) return stop(dialogId)
        const mine = told.get(dialogId)
        if (mine) clearTimeout(mine.stop)
        const timer = setTimeout(() => stop(dialogId), STOP_MS)
        const isDue = !mine || Date.now() - mine.at >= AGAIN_MS
        const isSent = isDue && core.speak({ type: 'typing', dialog_id: dialogId, is_typing: true })
        told.set(dialogId, { at: isSent ? Date.now() : (mine?.at ?? 0), stop: timer })
      },
    },
    onEvent({ dialog_id, user_id, is_typing = true, expires_in = 6 }: WsEvent): void {
      if (!dialog_id || !user_id || user_id === core.userId) return
      if (!is_typing) return forget(dialog_id, user_id)
      const key = `${dialog_id} ${user_id}`
      clearTimeout(heard.get(key))
      heard.set(key, setTimeout(() => forget(dialog_id, user_id), expires_in * 1000))
      set(dialog_id, user_id, true)
    },
    forget,
    clear,
  }
}
