const FOCUSABLE =
  'a[href],button:not([disabled]),input:not([disabled]),select:not([disabled]),textarea:not([disabled]),[contenteditable="true"],[tabindex]'

/** What can be reached by Tab inside *root*, in order. */
export function tabbables(root: Element): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((element) => element.tabIndex >= 0 && isShown(element))
}

export function isShown(element: Element): boolean {
  if (element.closest('[hidden],[inert]')) return false
  return element.checkVisibility?.({ visibilityProperty: true }) ?? true
}

/** What has the focus in the document or shadow root *element* lives in. */
export function activeIn(element: Element | null | undefined): Element | null {
  const root = element?.getRootNode() as Document | ShadowRoot | undefined
  return root && 'activeElement' in root ? root.activeElement : null
}

export function hasFocusInside(element: Element | null | undefined): boolean {
  const active = activeIn(element)
  return !!active && !!element?.contains(active)
}

/** Remembers what has the focus; the answer gives it back if it is still there. */
export function keepFocus(element: Element): () => void {
  const before = activeIn(element) as HTMLElement | null
  return () => {
    if (before?.isConnected && before !== before.ownerDocument.body) before.focus({ preventScroll: true })
  }
}

/**
 * Where an arrow key leads among *count* things when *index* has the focus; null for other keys. Horizontal ones follow
 * the direction of writing.
 */
export function moved(
  event: KeyboardEvent,
  index: number,
  count: number,
  { axis = 'vertical', wrap = false, rtl = false }: { axis?: 'vertical' | 'horizontal'; wrap?: boolean; rtl?: boolean } = {},
): number | null {
  if (!count || event.ctrlKey || event.metaKey || event.altKey) return null
  const [previous, next] = axis === 'vertical' ? ['ArrowUp', 'ArrowDown'] : rtl ? ['ArrowRight', 'ArrowLeft'] : ['ArrowLeft', 'ArrowRight']
  const to = { [previous!]: index - 1, [next!]: index + 1, Home: 0, End: count - 1 }[event.key]
  if (to === undefined) return null
  return wrap ? (to + count) % count : Math.min(count - 1, Math.max(0, to))
}

/** Collects letters typed within a second into a prefix, and finds what begins with it, going on from *index*. */
export function createTypeAhead(now: () => number = Date.now): (key: string, index: number, labels: readonly string[]) => number | null {
  let typed = ''
  let last = 0
  return (key, index, labels) => {
    const isBegun = typed !== '' && now() - last <= 1000
    // A space belongs to a word that is being typed, else it is a key of its own.
    if ([...key].length !== 1 || (key === ' ' && !isBegun)) return null
    typed = isBegun ? typed + key : key
    last = now()
    // The same letter again and again goes from one to the next.
    const isRepeated = [...typed].every((letter) => letter === typed[0])
    const prefix = (isRepeated ? typed[0]! : typed).toLocaleLowerCase()
    const from = isRepeated ? index + 1 : index
    for (let step = 0; step < labels.length; step++) {
      const candidate = (from + step) % labels.length
      if (labels[candidate]!.toLocaleLowerCase().startsWith(prefix)) return candidate
    }
    return key === ' ' ? index : null
  }
}
