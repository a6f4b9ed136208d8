import type { ObjectDirective } from 'vue'
import { closePopover, openPopover, place } from '../layers'
import type { TooltipValue } from './types'

interface Tip {
  value: TooltipValue
  end(): void
}

const tips = new WeakMap<HTMLElement, Tip>()
let made = 0

function settings(value: TooltipValue) {
  const given = typeof value === 'string' ? { value } : (value ?? {})
  return { text: given.value ?? '', position: given.position ?? 'top', showDelay: given.showDelay ?? 500, hideDelay: given.hideDelay ?? 100 }
}

/** Shows what *target* means: on hover, on focus by keyboard, until Esc. */
function attach(target: HTMLElement, value: TooltipValue): Tip {
  let layer: HTMLElement | null = null
  let timer: ReturnType<typeof setTimeout> | undefined
  const tip: Tip = { value, end }

  function soon(act: () => void, delay: number): void {
    clearTimeout(timer)
    timer = setTimeout(act, delay)
  }
  function show(): void {
    const { text, position } = settings(tip.value)
    if (!text || layer || !target.isConnected) return
    layer = target.ownerDocument.createElement('div')
    layer.className = 'mtchat-tooltip'
    layer.setAttribute('role', 'tooltip')
    layer.setAttribute('popover', 'manual')
    layer.id = `mtchat-tip-${++made}`
    layer.textContent = text
    // It may be reached with the pointer.
    layer.addEventListener('mouseenter', () => clearTimeout(timer))
    layer.addEventListener('mouseleave', leave)
    const home = target.closest('dialog, .mtchat') ?? target.parentElement ?? target
    home.append(layer)
    openPopover(layer)
    place(layer, target.getBoundingClientRect(), { side: position })
    // A name need not be read twice.
    if (text !== target.getAttribute('aria-label') && text !== target.textContent?.trim()) target.setAttribute('aria-describedby', layer.id)
  }
  function hide(): void {
    clearTimeout(timer)
    if (!layer) return
    if (target.getAttribute('aria-describedby') === layer.id) target.removeAttribute('aria-describedby')
    closePopover(layer)
    layer.remove()
    layer = null
  }
  const enter = () => soon(show, settings(tip.value).showDelay)
  const leave = () => soon(hide, settings(tip.value).hideDelay)
  const focus = () => {
    if (target.matches(':focus-visible')) enter()
  }
  const key = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && layer) {
      event.preventDefault()
      event.stopPropagation()
    }
    hide()
  }
  const listeners = { mouseenter: enter, mouseleave: leave, focusin: focus, focusout: hide, click: hide, keydown: key }
  for (const [name, listener] of Object.entries(listeners)) target.addEventListener(name, listener as EventListener)
  function end(): void {
    hide()
    for (const [name, listener] of Object.entries(listeners)) target.removeEventListener(name, listener as EventListener)
  }
  return tip
}

export const vTooltip: ObjectDirective<HTMLElement, TooltipValue> = {
  mounted: (element, { value }) => void tips.set(element, attach(element, value)),
  updated(element, { value }) {
    const tip = tips.get(element)
    if (tip) tip.value = value
  },
  beforeUnmount(element) {
    tips.get(element)?.end()
    tips.delete(element)
  },
  getSSRProps: () => ({}),
}
