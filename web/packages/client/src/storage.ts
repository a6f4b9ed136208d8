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

const ROOMS: (keyof Kept)[] = ['outbox', 'drafts']
const NOTHING: Kept = { outbox: [], drafts: {} }

export function memoryStorage(): Storage {
  return {
    load: () => Promise.resolve(NOTHING),
    write: () => Promise.resolve(),
    leave: () => undefined,
    purge: () => Promise.resolve(),
    close: () => undefined,
  }
}

/** IndexedDB, one database per person and server. Where the browser refuses it, memory goes on. */
export function browserStorage(name: string, onFailure: (cause: unknown) => void): Storage {
  let isBroken = typeof indexedDB === 'undefined'
  let opened: Promise<IDBDatabase> | undefined
  /** Whether it gets there is not known yet. */
  const underWay = new Set<readonly Change[]>()

  const attempt = async <T>(fallback: T, work: (db: IDBDatabase) => Promise<T>): Promise<T> => {
    if (isBroken) return fallback
    try {
      return await work(await (opened ??= openDatabase(name)))
    } catch (cause) {
      isBroken = true
      onFailure(cause)
      return fallback
    }
  }
  const change = (work: (deal: IDBTransaction) => void) =>
    attempt(undefined, (db) => {
      const deal = db.transaction(ROOMS, 'readwrite')
      work(deal)
      return done(deal)
    })
  const read = () =>
    attempt(NOTHING, async (db) => {
      const deal = db.transaction(ROOMS, 'readonly')
      const drafts = deal.objectStore('drafts')
      const [outbox, keys, values] = await Promise.all([
        result<OutboxEntry[]>(deal.objectStore('outbox').getAll()),
        result(drafts.getAllKeys()),
        result<Draft[]>(drafts.getAll()),
      ])
      return { outbox, drafts: Object.fromEntries(keys.map((key, at) => [String(key), values[at]!])) }
    })
  const write = async (changes: readonly Change[]) => {
    underWay.add(changes)
    await change((deal) => {
      for (const { in: room, key, value } of changes) {
        if (value === undefined) deal.objectStore(room).delete(key)
        else deal.objectStore(room).put(value, key)
      }
    })
    underWay.delete(changes)
    if (!underWay.size) lastWords(name, '')
  }
  return {
    async load() {
      const missing = JSON.parse(lastWords(name) ?? '[]') as Change[]
      if (missing.length) await write(missing)
      return read()
    },
    write,
    leave() {
      if (underWay.size) lastWords(name, JSON.stringify([...underWay].flat()))
    },
    purge: () => {
      lastWords(name, '')
      return change((deal) => {
        for (const room of ROOMS) deal.objectStore(room).clear()
      })
    },
    close: () => {
      isBroken = true
      void opened?.then((db) => db.close()).catch(() => undefined)
    },
  }
}

/**
 * A database may drop what was written while its page was left, even when that was committed. The session's storage has it
 * when the call returns, and keeps it over a reload. "" forgets; refused, full or missing, it leaves all to the database.
 */
function lastWords(name: string, text?: string): string | null {
  try {
    if (text === undefined) return sessionStorage.getItem(name)
    if (text) sessionStorage.setItem(name, text)
    else sessionStorage.removeItem(name)
  } catch {
    // As said above.
  }
  return null
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1)
  request.onupgradeneeded = () => {
    for (const room of ROOMS) request.result.createObjectStore(room)
  }
  return result(request)
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function done(deal: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    deal.oncomplete = () => resolve()
    deal.onabort = deal.onerror = () => reject(deal.error)
    // A page that is being left gets no turn in which to commit by itself.
    deal.commit()
  })
}
