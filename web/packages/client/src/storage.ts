import type { Draft, DialogId, OutboxEntry } from './types.js'

/** What outlives the page: messages that were not sent, and drafts. */
export interface Kept {
  outbox: OutboxEntry[]
  drafts: Record<DialogId, Draft>
}

/** One thing to keep, or to forget when there is no value. */
export type Change =
  | { in: 'outbox'; key: string; value?: OutboxEntry | undefined }
  | { in: 'drafts'; key: DialogId; value?: Draft | undefined }

export interface Storage {
  load(): Promise<Kept>
  /** All of it or nothing. */
  write(changes: readonly Change[]): Promise<void>
  /** The page may be gone in a moment. What is being written is kept at once, for who loads next in this tab. */
  leave(): void
  purge(): Promise<void>
  close(): void
}

const ROOMS = ['outbox', 'drafts'] as const

export function memoryStorage(): Storage {
  return {
    load: () => Promise.resolve({ outbox: [], drafts: {} }),
    write: () => Promise.resolve(),
    leave: () => undefined,
    purge: () => Promise.resolve(),
    close: () => undefined,
  }
}

const NOTHING: Kept = { outbox: [], drafts: {} }

/** IndexedDB, one database per person and server. Where the browser refuses it, memory goes on. */
export function browserStorage(name: string, onFailure: (cause: unknown) => void): Storage {
  let isBroken = typeof indexedDB === 'undefined'
  let opened: Promise<IDBDatabase> | undefined
  /** Whether it gets there is not known yet. */
  const underWay = new Set<readonly Change[]>()
  const words = lastWords(name)

  const open = () => (opened ??= openDatabase(name))
  const attempt = async <T>(fallback: T, work: (db: IDBDatabase) => Promise<T>): Promise<T> => {
    if (isBroken) return fallback
    try {
      return await work(await open())
    } catch (cause) {
      isBroken = true
      onFailure(cause)
      return fallback
    }
  }
  const read = () =>
    attempt(NOTHING, async (db) => {
      const deal = db.transaction([...ROOMS], 'readonly')
      const outbox = result<OutboxEntry[]>(deal.objectStore('outbox').getAll())
      const drafts = deal.objectStore('drafts')
      const asked = [outbox, result(drafts.getAllKeys()), result<Draft[]>(drafts.getAll())] as const
      const [entries, keys, values] = await Promise.all(asked)
      return { outbox: entries, drafts: Object.fromEntries(keys.map((key, at) => [String(key), values[at]!])) }
    })
  const write = async (changes: readonly Change[]) => {
    underWay.add(changes)
    await attempt(undefined, (db) => {
      const deal = db.transaction([...ROOMS], 'readwrite')
      for (const { in: room, key, value } of changes) {
        if (value === undefined) deal.objectStore(room).delete(key)
        else deal.objectStore(room).put(value, key)
      }
      return done(deal)
    })
    underWay.delete(changes)
    if (!underWay.size) words.forget()
  }
  return {
    async load() {
      const { at, changes } = words.heard()
      const kept = await read()
      // Another tab may have gone on since.
      const missing = changes.filter(({ in: room, key }) => room === 'outbox' || (kept.drafts[key]?.updatedAt ?? 0) <= at)
      if (!missing.length) return kept
      await write(missing)
      return read()
    },
    write,
    leave() {
      if (underWay.size) words.say([...underWay].flat())
    },
    purge: () => {
      words.forget()
      return attempt(undefined, (db) => {
        const deal = db.transaction([...ROOMS], 'readwrite')
        for (const room of ROOMS) deal.objectStore(room).clear()
        return done(deal)
      })
    },
    close: () => {
      isBroken = true
      void opened?.then((db) => db.close()).catch(() => undefined)
    },
  }
}

/**
 * A database may drop what was written while its page was left, even when that was committed. The session's storage
 * has it when the call returns, and keeps it over a reload.
 */
function lastWords(name: string) {
  const attempt = <T>(work: (place: globalThis.Storage) => T): T | undefined => {
    try {
      return work(sessionStorage)
    } catch {
      // Refused, full, or none at all: the database alone has to do.
      return undefined
    }
  }
  const heard = (): { at: number; changes: readonly Change[] } =>
    attempt((place) => JSON.parse(place.getItem(name) ?? 'null') as { at: number; changes: Change[] } | null) ?? { at: 0, changes: [] }
  return {
    heard,
    /** Beside those of another chat of the page. */
    say: (changes: readonly Change[]) =>
      attempt((place) => place.setItem(name, JSON.stringify({ at: Date.now(), changes: [...heard().changes, ...changes] }))),
    forget: () => attempt((place) => place.removeItem(name)),
  }
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      for (const room of ROOMS) request.result.createObjectStore(room)
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('The browser gave no database.'))
  })
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('Reading failed.'))
  })
}

function done(deal: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    deal.oncomplete = () => resolve()
    deal.onabort = deal.onerror = () => reject(deal.error ?? new Error('Writing failed.'))
    // A page that is being left gets no turn in which to commit by itself.
    deal.commit()
  })
}
