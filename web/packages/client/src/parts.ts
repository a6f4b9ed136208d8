import { MTChatError } from './errors.js'
import { again } from './transport.js'

/** Parts that are on their way, for tests to wait for. */
export const underWay = new Set<Promise<unknown>>()

/** A part of the client that few pages need at first: loaded once when it is, a load that failed is tried again. */
export function lazily<T>(load: () => Promise<T>): () => Promise<T> {
  let part: Promise<T> | undefined
  return () => {
    if (part) return part
    // Who asked first goes on first: everybody waits for the same promise.
    const loading = again(load)
      .catch((cause: unknown) => {
        part = undefined
        throw MTChatError.of(cause)
      })
      .finally(() => underWay.delete(loading))
    underWay.add(loading)
    return (part = loading)
  }
}

export const uploadPart = lazily(() => import('./upload.js'))
export const lookupsPart = lazily(() => import('./lookups.js'))
