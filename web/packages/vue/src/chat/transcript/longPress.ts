/** Holding a finger still for half a second. */
import { onScopeDispose, ref } from 'vue'

export function useLongPress(ms = 500) {
  const isPressed = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = () => clearTimeout(timer)
  onScopeDispose(stop)
  const listeners = {
    pointerdown: (event: PointerEvent) => {
      stop()
      if (event.pointerType === 'mouse') return
      isPressed.value = false
      timer = setTimeout(() => { isPressed.value = true }, ms)
    },
    pointerup: stop,
    pointercancel: stop,
    pointermove: (event: PointerEvent) => {
      if (Math.abs(event.movementX) + Math.abs(event.movementY) > 4) stop()
    },
    focusout: () => { isPressed.value = false },
  }
  return { isPressed, listeners }
}
