/** Between plain lines and the HTML of a message. */
import { escapeHtml, plainText } from '../transcript/html'

/** Characters of HTML, as the server counts them. */
export const MAX_LENGTH = 50_000
/** From here on the composer counts aloud. */
export const COUNT_FROM = MAX_LENGTH * 0.9

const ADDRESS = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/gi

function withLinks(line: string): string {
  let html = ''
  let from = 0
  for (const match of line.matchAll(ADDRESS)) {
    const address = escapeHtml(match[0])
    html += `${escapeHtml(line.slice(from, match.index))}<a href="${address}">${address}</a>`
    from = match.index + match[0].length
  }
  return html + escapeHtml(line.slice(from))
}

/** An empty line starts a paragraph, a single break stays one. "" for blank text. */
export function htmlOfText(text: string): string {
  if (!text.trim()) return ''
  return text.split('\n\n').map((part) => `<p>${part.split('\n').map(withLinks).join('<br>')}</p>`).join('')
}

/** The lines of a message, for a field that knows no more. */
export function textOfHtml(html: string): string {
  return plainText(html.replace(/<\/(p|blockquote|pre)>\s*(?=<(?!\/))/gi, '\n\n'))
}

export function isBlank(html: string): boolean {
  return plainText(html) === ''
}
