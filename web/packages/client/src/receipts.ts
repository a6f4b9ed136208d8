import type { Core } from './core.js'
import type { DialogId, MessageId } from './types.js'

const EVERY_MS = 1_000
const LONGEST_WAIT_MS = 30_000

/** How far one has read: told at most once a second, never backwards, and only what was looked at. */
export function createReceipts(core: Core, onRead: (dialogId: DialogId, mark: MessageId) => void) {
  const marks = new Map<DialogId, MessageId>()
  const waiting = new Map<DialogId, MessageId>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let failures = 0

  const flush = async () => {
    timer = undefined
    const batch = [...waiting]
    waiting.clear()
    const outcomes = await Promise.all(batch.map(([dialogId, mark]) => tell(dialogId, mark)))
    failures = outcomes.every(Boolean) ? 0 : failures + 1
    // Rest between batches, longer while the server cannot be reached.
    if (batch.length && !core.isDestroyed) rest(Math.min(LONGEST_WAIT_MS, EVERY_MS * 2 ** failures))
  }
  const rest = (ms: number) => {
    timer = setTimeout(() => {
      timer = undefined
      if (waiting.size) void flush()
    }, ms)
  }
  const tell = async (dialogId: DialogId, mark: MessageId) => {
    try {
      await core.api.markAsRead(dialogId, mark)
      return true
    } catch (cause) {
      const error = core.blame(dialogId, cause, 'read mark')
      if (!error) return true
      if (error.retryable && !waiting.has(dialogId)) waiting.set(dialogId, mark)
      return !error.retryable
    }
  }

  return {
    verbs: {
      markVisible(dialogId: DialogId, ids: readonly MessageId[]): void {
        const state = core.store.get()
        if (!core.environment.isFocused() || !state.open.includes(dialogId)) return
        const newest = ids.reduce((a, b) => (a > b ? a : b), '')
        if (newest <= (marks.get(dialogId) ?? '')) return
        marks.set(dialogId, newest)
        waiting.set(dialogId, newest)
        onRead(dialogId, newest)
        if (timer === undefined) void flush()
      },
    },
    mark: (dialogId: DialogId) => marks.get(dialogId),
    /** The server, or another device, says how far one has read. */
    learn(dialogId: DialogId, mark: MessageId | null): void {
      if (mark && mark > (marks.get(dialogId) ?? '')) marks.set(dialogId, mark)
    },
    forget(dialogId: DialogId): void {
      marks.delete(dialogId)
      waiting.delete(dialogId)
    },
    /** Back online: tell now what could not be told. */
    resume(): void {
      failures = 0
      if (!waiting.size) return
      clearTimeout(timer)
      void flush()
    },
    stop: () => clearTimeout(timer),
  }
}
