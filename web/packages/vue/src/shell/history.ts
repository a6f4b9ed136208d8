import { onScopeDispose, watch } from 'vue'
import type { View } from './frame'

const DEPTH: Record<View, number> = { list: 0, chat: 1, info: 2 }
const VIEWS: readonly View[] = ['list', 'chat', 'info']

/** Lets the browser's back button leave a pane. Opt-in: the history belongs to the page. */
export function followHistory(isOn: () => boolean, view: () => View, show: (view: View) => void): { back(): boolean } {
  if (typeof window === 'undefined') return { back: () => false }
  const own = Math.random().toString(36).slice(2)
  const depthOf = (state: unknown): number => {
    const mark = (state as { mtchat?: { own: string; depth: number } } | null)?.mtchat
    return mark?.own === own ? mark.depth : 0
  }
  let isFollowing = false

  watch(view, (now) => {
    if (!isOn() || isFollowing) return
    for (let depth = depthOf(history.state) + 1; depth <= DEPTH[now]; depth++) {
      history.pushState({ ...(history.state as object | null), mtchat: { own, depth } }, '')
    }
  }, { flush: 'sync' })

  function onPop(event: PopStateEvent): void {
    if (!isOn()) return
    const depth = depthOf(event.state)
    if (depth >= DEPTH[view()]) return
    isFollowing = true
    show(VIEWS[depth]!)
    isFollowing = false
  }
  window.addEventListener('popstate', onPop)
  onScopeDispose(() => window.removeEventListener('popstate', onPop))

  return {
    /** True: the browser goes back, and what it shows follows. */
    back() {
      if (!isOn() || depthOf(history.state) !== DEPTH[view()] || DEPTH[view()] === 0) return false
      history.back()
      return true
    },
  }
}
