/** Native popovers where there are some; elsewhere the element is simply shown. */
export function openPopover(element: HTMLElement): void {
  if (element.isConnected && !element.matches(':popover-open')) element.showPopover?.()
}

export function closePopover(element: HTMLElement): void {
  if (element.isConnected && element.matches(':popover-open')) element.hidePopover?.()
}

export type Side = 'top' | 'bottom' | 'left' | 'right'
export type Anchor = Pick<DOMRect, 'top' | 'bottom' | 'left' | 'right'>

const GAP = 4

/** Where a layer of this size goes beside *anchor*: on *side* if it fits there, else opposite, never out of the window. */
export function placed(
  anchor: Anchor,
  size: { width: number; height: number },
  window: { width: number; height: number },
  { side = 'bottom', rtl = false }: { side?: Side; rtl?: boolean } = {},
): { left: number; top: number } {
  const inside = (at: number, length: number, limit: number) => Math.max(GAP, Math.min(at, limit - length - GAP))
  if (side === 'left' || side === 'right') {
    const before = anchor.left - size.width - GAP
    const after = anchor.right + GAP
    const isAfter = side === 'right' ? after + size.width <= window.width || before < 0 : before < 0
    const middle = (anchor.top + anchor.bottom - size.height) / 2
    return { left: inside(isAfter ? after : before, size.width, window.width), top: inside(middle, size.height, window.height) }
  }
  const above = anchor.top - size.height - GAP
  const below = anchor.bottom + GAP
  const isBelow = side === 'bottom' ? below + size.height <= window.height || above < 0 : above < 0
  return {
    left: inside(rtl ? anchor.right - size.width : anchor.left, size.width, window.width),
    top: inside(isBelow ? below : above, size.height, window.height),
  }
}

export function place(element: HTMLElement, anchor: Anchor, options: { side?: Side; rtl?: boolean } = {}): void {
  const view = element.ownerDocument.defaultView
  if (!view) return
  const size = { width: element.offsetWidth, height: element.offsetHeight }
  const { left, top } = placed(anchor, size, { width: view.innerWidth, height: view.innerHeight }, options)
  element.style.left = `${left}px`
  element.style.top = `${top}px`
}
