// What somebody does to see a state: clicks and keys, as a person would, the same for the component and the element.

/** The chat on its stage. */
export type Root = HTMLElement | ShadowRoot
export type Act = (root: Root) => Promise<void>

const MOST_MS = 60_000
const frame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()))

/** The element, once it is there; what never comes leaves the state unready, and a test notices. */
export async function find(root: Root, selector: string, last = false): Promise<HTMLElement> {
  for (const until = performance.now() + MOST_MS; performance.now() < until; await frame()) {
    const seen = [...root.querySelectorAll<HTMLElement>(selector)].filter((one) => one.checkVisibility({ visibilityProperty: true }))
    const one = last ? seen.at(-1) : seen[0]
    if (one) return one
  }
  throw new Error(`The gallery waits for ${selector} in vain.`)
}

export const shown = (selector: string): Act => async (root) => void (await find(root, selector))

export const click = (selector: string, last = false): Act => async (root) => (await find(root, selector, last)).click()

export const key = (selector: string, name: string, code = '', last = false): Act => async (root) => {
  const target = await find(root, selector, last)
  target.focus()
  target.dispatchEvent(new KeyboardEvent('keydown', { key: name, code, bubbles: true, cancelable: true, composed: true }))
}

/** Types into a field, or into the rich editor once it has taken over. */
export const type = (selector: string, text: string): Act => async (root) => {
  const field = await find(root, selector)
  field.focus()
  if (!(field instanceof HTMLInputElement)) return void document.execCommand('insertText', false, text)
  field.value = text
  field.dispatchEvent(new Event('input', { bubbles: true }))
}

/** Holds a file over the chat. */
export const drag = (selector: string): Act => async (root) => {
  const dataTransfer = new DataTransfer()
  dataTransfer.items.add(new File(['chair'], 'chair.txt', { type: 'text/plain' }))
  ;(await find(root, selector)).dispatchEvent(new DragEvent('dragenter', { dataTransfer, bubbles: true, cancelable: true }))
}

export const all = (...acts: readonly Act[]): Act => async (root) => {
  for (const act of acts) await act(root)
}

const EDITOR = '.mtchat-composer [contenteditable="true"]'
/** The plain field is there first; the focus brings the rich one. */
const enterEditor: Act = async (root) => {
  ;(await find(root, `.mtchat-composer textarea, ${EDITOR}`)).focus()
  await find(root, EDITOR)
}
const OWN = '.mtchat-item:has(.mtchat-row--own:not(.mtchat-row--outbox))'
export const openInfo = all(click('.mtchat-header [aria-expanded="false"]', true), shown('.mtchat-info'))
export const openFiles = all(openInfo, click('.mtchat-info [role="tab"]', true))
export const search = all(click('.mtchat-header [aria-expanded="false"]'), type('.mtchat-search input', 'chairs'), shown('.mtchat-search__results'))
export const openViewer = all(click('.mtchat-image'), shown('.mtchat-viewer[open]'))
export const edit = all(key(OWN, 'e', 'KeyE', true), shown('.mtchat-composer__bar'))
export const askDelete = all(key(OWN, 'Delete', 'Delete', true), shown('.mtchat-dialog[open]'))
export const mention = all(enterEditor, type(EDITOR, '@'), shown('.mtchat-mentions'))
export const emoji = all(click('.mtchat-composer__emoji'), shown('.mtchat-emoji [role="gridcell"]'))
export const emojiByName = all(enterEditor, type(EDITOR, ':smi'), shown('.mtchat-mentions'))
export const format = all(click('.mtchat-composer [aria-pressed]'), shown('.mtchat-format'))
export const menu = all(shown('.mtchat-item'), click('.mtchat-header > [aria-haspopup="menu"]'), shown('.mtchat-menu'))
export const listMenu = all(click('.mtchat-entry__menu'), shown('.mtchat-menu'))
export const shortcuts = all(key('.mtchat-header button', '?'), shown('.mtchat-dialog[open]'))
export const readers = all(click('.mtchat-delivery--read', true), shown('.mtchat-dialog[open]'))
export const history = all(click('.mtchat-row__edited'), shown('.mtchat-history li'))
export const join = all(click('.mtchat-state button'), shown('.mtchat-dialog[open]'))
export const leave = all(openInfo, click('.mtchat-info__leave'), shown('.mtchat-dialog[open]'))
export const drop = all(shown('.mtchat-composer__line'), drag('.mtchat-body'), shown('.mtchat-drop'))
