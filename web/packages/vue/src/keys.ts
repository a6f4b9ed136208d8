/** Keys that leave our fields: the browser and the host page have their own use for them. */
const LEAVING = /^(Tab|Escape|F\d+|Unidentified)$/

export function isField(target: EventTarget | null | undefined): boolean {
  const element = target as HTMLElement | null | undefined
  if (!element?.tagName) return false
  if (element.isContentEditable) return true
  if (element.tagName === 'TEXTAREA' || element.tagName === 'SELECT') return true
  return element.tagName === 'INPUT' && !/^(button|checkbox|radio|range|submit|reset|file|color)$/.test((element as HTMLInputElement).type)
}

/** Ends at our root what we have used and what was typed into a field, so that the host's own shortcuts do not fire. */
export function stopKey(event: KeyboardEvent): void {
  const isTyped = isField(event.target) && !event.ctrlKey && !event.metaKey && !LEAVING.test(event.key)
  if (event.defaultPrevented || isTyped) event.stopPropagation()
}

/** An Enter or arrow that belongs to an input method. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

export const hasModifier = (event: KeyboardEvent) => event.ctrlKey || event.metaKey || event.altKey
/** Ctrl, or Cmd where that is the custom. */
export const hasCommand = (event: KeyboardEvent) => (event.ctrlKey || event.metaKey) && !event.altKey
