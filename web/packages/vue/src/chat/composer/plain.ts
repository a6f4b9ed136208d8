/** The field of the first bundle: works at once, and goes on working when the editor cannot be loaded. */
import { htmlOfText, textOfHtml } from './content'
import { filesOf, type Field, type FieldOptions } from './field'

export interface PlainField extends Field {
  readonly kind: 'plain'
  readonly element: HTMLTextAreaElement
}

export function createPlainField(element: HTMLTextAreaElement, options: FieldOptions): PlainField {
  const stop = new AbortController()
  const on = <E extends keyof HTMLElementEventMap>(name: E, listener: (event: HTMLElementEventMap[E]) => void) =>
    element.addEventListener(name, listener, { signal: stop.signal })

  function grow(): void {
    element.style.blockSize = 'auto'
    if (element.scrollHeight > 0) element.style.blockSize = `${element.scrollHeight}px`
  }
  function changed(): void {
    grow()
    options.onChange()
    tellCaret()
  }
  function tellCaret(): void {
    const { selectionStart: caret, selectionEnd, value } = element
    options.onCaret(caret === selectionEnd ? value.slice(Math.max(0, caret - 60), caret) : '')
  }
  on('input', changed)
  on('focus', options.onFocus)
  on('blur', options.onBlur)
  on('keyup', tellCaret)
  on('click', tellCaret)
  on('keydown', (event) => {
    if (options.onKey(event, false)) event.preventDefault()
  })
  on('paste', (event) => {
    const files = filesOf(event.clipboardData)
    if (files.length === 0) return
    event.preventDefault()
    options.onFiles(files)
  })

  const field: PlainField = {
    kind: 'plain',
    element,
    focus: () => element.focus(),
    html: () => htmlOfText(element.value),
    setHtml(html) {
      element.value = textOfHtml(html)
      changed()
    },
    isEmpty: () => element.value === '',
    insert(text, length = 0) {
      element.setRangeText(text, element.selectionStart - length, element.selectionEnd, 'end')
      changed()
      element.focus()
    },
    take() {
      const taken = element.value
      return () => {
        if (element.value.startsWith(taken)) element.value = element.value.slice(taken.length)
        changed()
      }
    },
    setLabels(label, placeholder) {
      element.setAttribute('aria-label', label)
      element.placeholder = placeholder
    },
    setAria(name, value) {
      if (value === null) element.removeAttribute(name)
      else element.setAttribute(name, value)
    },
    destroy: () => stop.abort(),
  }
  field.setLabels(options.label, options.placeholder)
  return field
}
