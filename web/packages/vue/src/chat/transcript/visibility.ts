/** Which messages were seen: half in view for half a second. */
import { onScopeDispose } from 'vue'

export const SEEN_AFTER_MS = 500
const STEPS = Array.from({ length: 21 }, (_, step) => step / 20)

export interface Visibility {
  observe(row: HTMLElement, id: string): void
  unobserve(row: HTMLElement): void
}

/** *onSeen* hears of each message once per time it comes into view. Rows taller than the view count when they fill half of it. */
export function useVisibility(root: () => HTMLElement | null, onSeen: (ids: readonly string[]) => void): Visibility {
  const ids = new WeakMap<Element, string>()
  const timers = new Map<Element, ReturnType<typeof setTimeout>>()
  let observer: IntersectionObserver | undefined
  let seen: string[] = []

  function leave(row: Element): void {
    clearTimeout(timers.get(row))
    timers.delete(row)
  }

  function enter(row: Element): void {
    if (timers.has(row)) return
    timers.set(row, setTimeout(() => {
      const id = ids.get(row)
      if (id === undefined) return
      if (seen.length === 0) queueMicrotask(() => onSeen(seen.splice(0)))
      seen.push(id)
    }, SEEN_AFTER_MS))
  }

  function look(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
      const fillsHalf = rootBounds !== null && rootBounds.height > 0 && intersectionRect.height >= rootBounds.height / 2
      if (intersectionRatio >= 0.5 || fillsHalf) enter(target)
      else leave(target)
    }
  }

  /** What came into view while nobody looked is seen from now on. */
  function lookAgain(): void {
    for (const row of [...timers.keys()]) {
      leave(row)
      enter(row)
    }
  }

  onScopeDispose(() => {
    if (observer) {
      observer.disconnect()
      window.removeEventListener('focus', lookAgain)
      document.removeEventListener('visibilitychange', lookAgain)
    }
    for (const timer of timers.values()) clearTimeout(timer)
    timers.clear()
    seen = []
  })

  return {
    observe(row, id) {
      if (typeof IntersectionObserver === 'undefined') return
      if (!observer) {
        observer = new IntersectionObserver(look, { root: root(), threshold: STEPS })
        window.addEventListener('focus', lookAgain)
        document.addEventListener('visibilitychange', lookAgain)
      }
      ids.set(row, id)
      observer.observe(row)
    },
    unobserve(row) {
      leave(row)
      observer?.unobserve(row)
    },
  }
}
