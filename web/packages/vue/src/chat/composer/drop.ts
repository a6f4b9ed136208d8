/** Files dropped anywhere on the pane. */
import { onScopeDispose, ref, watch, type Ref } from 'vue'

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false

/** True while files are held over *target*. */
export function useFileDrop(target: Ref<HTMLElement | null>, onFiles: (files: File[]) => void): Ref<boolean> {
  const isOver = ref(false)
  /** Enter and leave come in pairs for every element on the way. */
  let depth = 0
  let stop: AbortController | undefined

  function leave(): void {
    depth = 0
    isOver.value = false
  }

  watch(target, (element) => {
    stop?.abort()
    leave()
    if (!element) return
    stop = new AbortController()
    const on = (name: string, listener: (event: DragEvent) => void) =>
      element.addEventListener(name, (event) => {
        if (hasFiles(event as DragEvent)) listener(event as DragEvent)
      }, { signal: stop!.signal })
    on('dragenter', (event) => {
      event.preventDefault()
      depth += 1
      isOver.value = true
    })
    on('dragover', (event) => {
      // Without this the browser would open the file in the place of the page.
      event.preventDefault()
      event.dataTransfer!.dropEffect = 'copy'
    })
    on('dragleave', () => {
      depth -= 1
      if (depth <= 0) leave()
    })
    on('drop', (event) => {
      event.preventDefault()
      leave()
      onFiles([...event.dataTransfer!.files])
    })
  }, { immediate: true })
  onScopeDispose(() => stop?.abort())
  return isOver
}
