import chat from '../../vue/src/styles/index.css?inline'

const HOST = `:host{display:block;position:relative;inline-size:100%;block-size:100%;min-inline-size:min(320px,100%);min-block-size:360px;text-align:start}
:host([hidden]){display:none}`
const CSS = HOST + chat

/** One sheet for all elements of a document. */
const sheets = new WeakMap<Document, CSSStyleSheet>()

/**
 * Puts the look into *root*. As an adopted sheet it needs no permission of the page's policy, `style-src 'none'` included;
 * only a browser without such sheets gets a style element, with the page's *nonce*.
 */
export function dress(root: ShadowRoot, nonce: string): void {
  const page = root.ownerDocument
  const Sheet = page.defaultView?.CSSStyleSheet
  if (Sheet && 'replaceSync' in Sheet.prototype && 'adoptedStyleSheets' in root) {
    let sheet = sheets.get(page)
    if (!sheet) {
      sheet = new Sheet()
      sheet.replaceSync(CSS)
      sheets.set(page, sheet)
    }
    root.adoptedStyleSheets = [sheet]
    return
  }
  const style = page.createElement('style')
  if (nonce) style.nonce = nonce
  style.textContent = CSS
  root.prepend(style)
}
