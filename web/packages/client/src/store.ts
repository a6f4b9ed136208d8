import type { Undo } from './types.js'

/** One immutable value and those who listen to parts of it. */
export interface Store<S> {
  get(): S
  set(patch: Partial<S>): void
  subscribe<T>(selector: (state: S) => T, listener: (value: T, previous: T) => void): Undo
}

export function createStore<S extends object>(initial: S, onListenerError: (cause: unknown) => void): Store<S> {
  let state = initial
  const listeners = new Set<() => void>()
  return {
    get: () => state,
    set(patch) {
      const next = { ...state, ...patch }
      if (Object.keys(patch).every((key) => state[key as keyof S] === next[key as keyof S])) return
      state = next
      for (const listener of [...listeners]) listener()
    },
    subscribe(selector, listener) {
      let previous = selector(state)
      const check = () => {
        try {
          const value = selector(state)
          if (Object.is(value, previous)) return
          const before = previous
          previous = value
          listener(value, before)
        } catch (cause) {
          // One listener's fault is not the others'.
          onListenerError(cause)
        }
      }
      listeners.add(check)
      return () => void listeners.delete(check)
    },
  }
}

/** A record with one key set, or taken out when *value* is undefined. */
export function put<T>(record: Readonly<Record<string, T>>, key: string, value: T | undefined): Readonly<Record<string, T>> {
  if (record[key] === value) return record
  const next = { ...record }
  if (value === undefined) delete next[key]
  else next[key] = value
  return next
}
