import type { Draft, DialogId, Message, OutboxEntry } from './types.js'

/** What the tabs of one person tell each other. */
export type TabWord =
  | { say: 'entry'; entry: OutboxEntry }
  | { say: 'gone'; clientId: string; message?: Message | undefined }
  | { say: 'draft'; dialogId: DialogId; draft: Draft | null }
  /** Is anybody still uploading for this message? */
  | { say: 'who'; clientId: string }
  | { say: 'here'; clientId: string }

export interface Tabs {
  /** This tab does the sending. */
  readonly isLeading: boolean
  say(word: TabWord): void
  close(): void
}

/** One tab alone, or where tabs cannot talk. */
export function alone(): Tabs {
  return { isLeading: true, say: () => undefined, close: () => undefined }
}

/** Tabs talk over a channel, and whoever holds the lock sends; without locks each sends its own. */
export function openTabs(name: string, onWord: (word: TabWord) => void, onLead: () => void): Tabs {
  const locks = globalThis.navigator?.locks as LockManager | undefined
  const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(name)
  const leaving = new AbortController()
  let isLeading = locks === undefined
  let leave: () => void = () => undefined
  if (channel) {
    channel.onmessage = ({ data }: MessageEvent<TabWord>) => {
      // Where every tab sends, each only knows of its own messages.
      if (locks || data.say === 'draft') onWord(data)
    }
  }
  locks
    ?.request(name, { signal: leaving.signal }, () => {
      isLeading = true
      onLead()
      return new Promise<void>((resolve) => (leave = resolve))
    })
    .catch(() => undefined)
  return {
    get isLeading() {
      return isLeading
    },
    say(word) {
      // An answer may come when the tab has left; a closed channel throws.
      if (!leaving.signal.aborted) channel?.postMessage(word)
    },
    close() {
      leaving.abort()
      leave()
      channel?.close()
    },
  }
}
