import { onBeforeUnmount, type Ref } from 'vue'

/** What covers less is a bar of the browser. */
const LEAST_PX = 100

/**
 * A phone's keyboard covers a page without making it smaller: while it does and the focus is inside, the root says in
 * `--mtchat-keyboard` how much of it is covered.
 */
export function useKeyboard(root: Readonly<Ref<HTMLElement | null>>) {
  let view: VisualViewport | null = null
  let shown = 0

  function show(pixels: number): void {
    if (pixels === shown) return
    shown = pixels
    root.value?.style.setProperty('--mtchat-keyboard', `${pixels}px`)
  }
  function measure(): void {
    if (!view || !root.value) return
    const keyboard = window.innerHeight - view.height
    // Who has zoomed in sees less too, and wants nothing moved.
    if (view.scale !== 1 || keyboard < LEAST_PX) return show(0)
    // The browser may have moved the page up by itself.
    const covered = root.value.getBoundingClientRect().bottom - view.offsetTop - view.height
    show(Math.round(Math.max(0, Math.min(keyboard, covered))))
  }
  function follow(): void {
    if (view) return
    view = window.visualViewport
    view?.addEventListener('resize', measure)
    view?.addEventListener('scroll', measure)
    measure()
  }
  function leave(event?: FocusEvent): void {
    if (event && root.value?.contains(event.relatedTarget as Node | null)) return
    view?.removeEventListener('resize', measure)
    view?.removeEventListener('scroll', measure)
    view = null
    show(0)
  }
  onBeforeUnmount(() => leave())
  return { follow, leave }
}
