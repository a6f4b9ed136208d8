/** What others wrote, made safe to show. */
import { shallowRef } from 'vue'

export interface Reading {
  readonly self: string
  /** The name somebody has now; undefined keeps the one in the message. */
  nameOf(userId: string): string | undefined
}

/** Undefined: not asked for yet, or on its way. Null: it can't be had. */
const sanitiser = shallowRef<typeof import('./purify') | null>()
let loading: Promise<void> | undefined

/** Never fails; asked again after a failure, it tries again. */
export function loadSanitiser(): Promise<void> {
  return (loading ??= import('./purify').then(
    (loaded) => void (sanitiser.value = loaded),
    () => {
      sanitiser.value = null
      loading = undefined
    },
  ))
}

/** Changes when the sanitiser comes: what was made of a text before may be made better. */
export const sanitiserNow = (): unknown => sanitiser.value

/** Whether *content* can't be shown yet as it will be. Asking brings the sanitiser, and a computed that asks follows its coming. */
export function isAwaited(content: string): boolean {
  if (sanitiser.value !== undefined || isPlain(content)) return false
  void loadSanitiser()
  return true
}

const TAG_OR_SIGN = /<\/?(?:p|br|strong|b|em|i|u|s|strike|ul|ol|li|blockquote|code|pre)>|&(?:amp|lt|gt|quot|#39|nbsp);/g

/**
 * Whether *content* is nothing but text, allowed tags without attributes, and well-known character references. A parser
 * leaves plain text at "<" and "&" alone; each of them belongs to one of those here, and none of those tags changes how the
 * rest is read. So it can become nothing else than it says, and needs no sanitiser.
 */
export function isPlain(content: string): boolean {
  return !/[<&]/.test(content.replace(TAG_OR_SIGN, ''))
}

/** Safe HTML of a message. Without the sanitiser, what needs one is shown as its words alone. */
export function safeHtml(content: string, as: Reading): string {
  if (isPlain(content)) return content
  return sanitiser.value?.purified(content, as) ?? wordsOf(content)
}

const wordsOf = (content: string) => escapeHtml(plainText(content)).replaceAll('\n', '<br>')

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => ESCAPES[letter]!)
}

/** The address if it is absolute http or https, else null. */
export function httpUrl(address: string | null | undefined): URL | null {
  if (!address || !/^https?:\/\//i.test(address.trim())) return null
  try {
    return new URL(address)
  } catch {
    return null
  }
}

const NAMED: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&nbsp;': ' ' }

/** The words alone, for names, quotes, announcements and copying. Blocks become lines. Needs no DOM. */
export function plainText(html: string): string {
  return html
    .replace(/<br\s*\/?>|<\/(p|li|blockquote|pre|ul|ol)>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:amp|lt|gt|quot|#39|nbsp);/g, (entity) => NAMED[entity] ?? entity)
    .replace(/\n{3,}/g, '\n\n')
    .trim()
}
