/** The list is one tab stop: arrows go from row to row, Enter goes into one, Esc out of it. */
import { computed, nextTick, ref, type Ref } from 'vue'
import { activeIn } from '../../focus'
import type { VirtualList } from './anchoring'
import type { Item } from './timeline'

export interface RovingOptions {
  readonly scroller: Ref<HTMLElement | null>
  readonly items: Ref<readonly Item[]>
  readonly list: Ref<VirtualList | null>
  readonly rowOf: (key: string) => HTMLElement | null
  /** The reader goes to a row, or to the last one. */
  readonly onMove: (isLast: boolean) => void
}

const INNER = 'a[href], button:not(:disabled), audio, video, summary'

export function useRoving({ items, list, rowOf, onMove }: RovingOptions) {
  const active = ref('')
  const entered = ref('')
  const positions = computed(() => new Map(items.value.map((item, at) => [item.key, at])))
  /** Where Tab stops: the row last visited, else the newest. */
  const stop = computed(() => (positions.value.has(active.value) ? active.value : (items.value.at(-1)?.key ?? '')))
  /** The row to keep in the DOM; none while the focus is elsewhere and none was visited. */
  const index = computed(() => positions.value.get(stop.value) ?? -1)
  const current = () => items.value[index.value]

  /** The row may be far away: it is brought into the DOM first, and is invisible there until it was measured. */
  async function focus(key: string, mayScroll: boolean): Promise<void> {
    const at = positions.value.get(key)
    if (at === undefined) return
    active.value = key
    if (mayScroll) {
      onMove(at === items.value.length - 1)
      list.value?.scrollToIndex(at, { align: 'nearest' })
    }
    for (let tries = 0; tries < 10 && active.value === key; tries += 1) {
      await nextTick()
      const row = rowOf(key)
      row?.focus({ preventScroll: true })
      if (row && activeIn(row) === row) return
      await new Promise((done) => requestAnimationFrame(done))
    }
  }

  function go(to: number): void {
    const item = items.value[Math.min(Math.max(to, 0), items.value.length - 1)]
    if (item) void focus(item.key, true)
  }

  function enter(row: HTMLElement): boolean {
    const inner = [...row.querySelectorAll<HTMLElement>(INNER)]
    if (inner.length === 0) return false
    for (const element of inner) element.tabIndex = 0
    entered.value = row.dataset['key'] ?? ''
    inner[0]!.focus()
    return true
  }

  function leave(row: HTMLElement): void {
    entered.value = ''
    for (const element of row.querySelectorAll<HTMLElement>(INNER)) element.tabIndex = -1
  }

  /** Whether the key was used. */
  function onKeydown(event: KeyboardEvent): boolean {
    const target = event.target as HTMLElement
    const row = target.closest<HTMLElement>('[data-key]')
    if (!row || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false
    if (target !== row) {
      if (event.key !== 'Escape') return false
      leave(row)
      row.focus({ preventScroll: true })
    } else if (event.key === 'ArrowUp') go(index.value - 1)
    else if (event.key === 'ArrowDown') go(index.value + 1)
    else if (event.key === 'Home') go(0)
    else if (event.key === 'End') go(items.value.length - 1)
    else if (event.key === 'Enter') enter(row)
    else return false
    event.preventDefault()
    event.stopPropagation()
    return true
  }

  function onFocusin(event: FocusEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-key]')
    if (row) active.value = row.dataset['key']!
  }

  function onFocusout(event: FocusEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-key]')
    const next = event.relatedTarget as Node | null
    if (row && entered.value === row.dataset['key'] && !row.contains(next)) leave(row)
  }

  return { stop, index, current, focus, onKeydown, onFocusin, onFocusout }
}
