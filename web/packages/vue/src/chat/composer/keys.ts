/** What Enter means, read from the event and the moment, never from a delayed copy. */
import { isComposing } from '../../keys'

/** An Enter that belongs to an input method never sends. With Ctrl or Cmd it sends wherever Enter is a new line. */
export function isSend(event: KeyboardEvent, enterToSend: boolean, isViewComposing = false): boolean {
  if (event.key !== 'Enter' || isComposing(event) || isViewComposing || event.shiftKey || event.altKey) return false
  return enterToSend || event.ctrlKey || event.metaKey
}

/** On a touch screen Enter is a new line. */
export function sendsByDefault(): boolean {
  return typeof matchMedia !== 'function' || !matchMedia('(pointer: coarse)').matches
}
