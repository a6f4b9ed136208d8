/** What the composer needs of a field, plain or rich. */

export interface FieldOptions {
  readonly label: string
  readonly placeholder: string
  /** Lets the composer use a key first; true: it did. */
  onKey(event: KeyboardEvent, isComposing: boolean): boolean
  onChange(): void
  /** The text before the caret, as far as it matters to what completes words; "" where nothing may be completed. */
  onCaret(before: string): void
  onFiles(files: File[]): void
  onFocus(): void
  onBlur(): void
}

export interface Field {
  readonly kind: 'plain' | 'rich'
  focus(): void
  /** The message as it would be sent: the contract's HTML, "" when blank. */
  html(): string
  setHtml(html: string): void
  isEmpty(): boolean
  /** Puts *text* at the caret, in place of the last *length* characters before it. */
  insert(text: string, length?: number): void
  /** Remembers what is there now; the answer removes that, and leaves what was typed since. */
  take(): () => void
  setLabels(label: string, placeholder: string): void
  setAria(name: string, value: string | null): void
  destroy(): void
}

/** Files of a paste or drop, unless it is text that merely brings its picture along. */
export function filesOf(data: DataTransfer | null): File[] {
  if (!data || data.files.length === 0) return []
  return data.getData('text/plain') ? [] : [...data.files]
}
