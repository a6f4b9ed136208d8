import { vi } from 'vitest'

/** Channels and locks of one browser, in microtasks. */
export function fakeTabs(): void {
  const channels = new Map<string, Set<FakeChannel>>()
  class FakeChannel {
    onmessage: ((event: { data: unknown }) => void) | null = null
    constructor(private readonly name: string) {
      channels.set(name, (channels.get(name) ?? new Set()).add(this))
    }
    postMessage(word: unknown): void {
      const data = structuredClone(word)
      for (const other of channels.get(this.name) ?? []) {
        if (other !== this) queueMicrotask(() => other.onmessage?.({ data }))
      }
    }
    close(): void {
      channels.get(this.name)?.delete(this)
    }
  }
  const tails = new Map<string, Promise<unknown>>()
  const locks = {
    async request(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<void>): Promise<void> {
      const before = tails.get(name) ?? Promise.resolve()
      let end: () => void = () => undefined
      tails.set(name, Promise.all([before, new Promise<void>((resolve) => (end = resolve))]))
      await before
      if (!signal.aborted) await work()
      end()
    },
  }
  vi.stubGlobal('BroadcastChannel', FakeChannel)
  vi.stubGlobal('navigator', { locks, onLine: true })
}
