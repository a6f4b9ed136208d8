/** The list never moves under the reader's eyes: what was read stays where it was, within a pixel. */
import { nextTick, onScopeDispose, ref, watch, type Ref } from 'vue'
import type { Item } from './timeline'

/** Nearer to the end than this is at the end, in pixels. */
export const AT_END = 48

/** What of virtua's list is used here. */
export interface VirtualList {
  getItemOffset(index: number): number
  scrollToIndex(index: number, options?: { align?: 'start' | 'center' | 'end' | 'nearest'; offset?: number }): void
}

interface Place {
  readonly key: string
  /** Pixels from the top of the view. */
  readonly top: number
}

export interface AnchoringOptions {
  readonly scroller: Ref<HTMLElement | null>
  readonly list: Ref<VirtualList | null>
  readonly items: Ref<readonly Item[]>
  /** Newer than the last row is nothing. */
  readonly isComplete: () => boolean
  /** The view was scrolled or what it shows has changed. */
  readonly onMove: () => void
}

export function useAnchoring(options: AnchoringOptions) {
  const { scroller, list, items } = options
  const isAtEnd = ref(true)
  /** Rows in view, topmost first: if one is deleted the next one holds the list. */
  let places: readonly Place[] = []
  /** Where a row has to get to, until the reader does something. */
  let goal: Place | null = null
  let isAlive = true
  onScopeDispose(() => { isAlive = false })

  const rowOf = (key: string) => scroller.value?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`) ?? null
  const indexOf = (key: string) => items.value.findIndex((item) => item.key === key)

  function topOf(row: HTMLElement): number {
    return row.getBoundingClientRect().top - scroller.value!.getBoundingClientRect().top
  }

  function distanceToEnd(): number {
    const view = scroller.value
    return view ? view.scrollHeight - view.scrollTop - view.clientHeight : 0
  }

  function record(): void {
    const view = scroller.value
    if (!view) return
    const edge = view.getBoundingClientRect()
    const before = new Map(places.map(({ key, top }) => [key, top]))
    const seen: Place[] = []
    let cut: Place | undefined
    for (const row of view.querySelectorAll<HTMLElement>('[data-key]')) {
      const { top, bottom } = row.getBoundingClientRect()
      if (bottom <= edge.top || top >= edge.bottom) continue
      const key = row.dataset['key']!
      const was = before.get(key) ?? Number.NaN
      // Scrolling rounds to whole pixels: taking over what is left of each would add up.
      const place = { key, top: Math.abs(was - (top - edge.top)) < 1 ? was : top - edge.top }
      if (place.top < 0) cut = place
      else seen.push(place)
    }
    // The oldest loaded row may lose its author line to a row before it: it is the last to hold by.
    if (seen.length > 1 && seen[0]!.key === firstMessageKey()) seen.push(seen.shift()!)
    if (cut) seen.push(cut)
    seen.sort((a, b) => Number(a.key.startsWith('day:')) - Number(b.key.startsWith('day:')))
    places = seen
  }

  function firstMessageKey(): string | undefined {
    return items.value.find((item) => item.kind !== 'day')?.key
  }

  function toEnd(): void {
    const view = scroller.value
    if (view) view.scrollTop = view.scrollHeight
  }

  function hold(): void {
    const view = scroller.value
    if (!view || !isAlive) return
    if (goal) approach(goal)
    else if (isAtEnd.value && options.isComplete()) {
      if (distanceToEnd() >= 1) toEnd()
    } else {
      const place = places.find((place) => rowOf(place.key))
      if (place) approach(place)
      else {
        const lost = places.find((place) => indexOf(place.key) >= 0)
        if (lost) bring(lost)
      }
    }
    options.onMove()
  }

  function approach(place: Place): void {
    const row = rowOf(place.key)
    if (!row) return bring(place)
    const drift = topOf(row) - place.top
    if (Math.abs(drift) >= 0.5) scroller.value!.scrollTop += drift
  }

  /** For a row that is not in the DOM: scrolls to about where it is; measuring it then ends in `hold`. */
  function bring(place: Place): void {
    const index = indexOf(place.key)
    if (index >= 0) list.value?.scrollToIndex(index, { align: 'start', offset: -place.top })
  }

  function onScroll(): void {
    if (!goal) {
      isAtEnd.value = distanceToEnd() <= AT_END
      record()
    }
    options.onMove()
  }

  /** The reader takes over: what we wanted to show is given up. */
  function onReader(): void {
    if (!goal) return
    goal = null
    isAtEnd.value = distanceToEnd() <= AT_END
    record()
  }

  /** The reader walks to a row with the keys: the end no longer holds the list, unless it is where they go. */
  function onWalk(isLast: boolean): void {
    goal = null
    isAtEnd.value = isLast
    places = []
  }

  /** After what has changed is laid out, before it is painted. */
  function settle(): void {
    void nextTick(hold)
  }

  /** Brings a row to a share of the view's height; false when it is not in the list. */
  function show(key: string, share: number): boolean {
    const index = indexOf(key)
    const view = scroller.value
    if (index < 0 || !view) return false
    isAtEnd.value = false
    goal = { key, top: Math.round(view.clientHeight * share) }
    bring(goal)
    settle()
    return true
  }

  function showAt(place: Place): boolean {
    const height = scroller.value?.clientHeight ?? 0
    return show(place.key, height ? place.top / height : 0)
  }

  function showEnd(): void {
    goal = null
    isAtEnd.value = true
    // Not by the list's own way, which goes on for a while, also against a reader who turns the wheel.
    toEnd()
    settle()
  }

  /** Ends the approach once the list has come to rest, so that new rows do not continue it. */
  function onRest(): void {
    if (goal && rowOf(goal.key)) onReader()
  }

  watch(items, settle, { flush: 'post' })
  watch([scroller, list], ([view], _, onCleanup) => {
    if (!view || typeof ResizeObserver === 'undefined') return
    // A keyboard, a banner or a longer draft leaves less room.
    const room = new ResizeObserver(hold)
    room.observe(view)
    // Rows turn out higher or lower than was thought: the end moves.
    const rows = new ResizeObserver(() => { if (isAtEnd.value && !goal) hold() })
    for (const child of view.children) rows.observe(child)
    onCleanup(() => { room.disconnect(); rows.disconnect() })
  }, { flush: 'post' })

  return { isAtEnd, onScroll, onReader, onRest, onWalk, settle, show, showAt, showEnd, rowOf, place: () => places[0] ?? null }
}
