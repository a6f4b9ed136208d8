/** The sanitiser, for what may hold more than plain tags. Loaded when it is needed. */
import createPurifier, { type Config, type DOMPurify } from 'dompurify'
import { httpUrl, type Reading } from './html'

const TAGS = 'p br strong b em i u s strike a ul ol li blockquote code pre span'.split(' ')
const ATTRIBUTES = 'href target rel class data-type data-id data-label'.split(' ')

let purifier: DOMPurify | undefined
let reading: Reading | undefined
let rules: Config | undefined
let fragmentRules: Config | undefined

/** Safe HTML of a message. Links open elsewhere and say where; mentions carry today's names. */
export function purified(content: string, as: Reading): string {
  reading = as
  try {
    return prepared().sanitize(content, rules!)
  } finally {
    reading = undefined
  }
}

/** The same as nodes, for the editor. */
export function safeFragment(content: string): DocumentFragment {
  return prepared().sanitize(quiet(content), fragmentRules!) as unknown as DocumentFragment
}

/**
 * Without the styles that everything pasted brings along: a page with a strict policy reports each that is parsed, even
 * where none is kept. What is left is made safe afterwards.
 */
function quiet(html: string): string {
  return html
    .replace(/<style\b[^]*?<\/style\s*>/gi, '')
    .replace(/<[a-z](?:"[^"]*"|'[^']*'|[^"'<>])*>/gi, (tag) => tag.replace(/\s(?:style|on\w+)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+)/gi, ''))
}

function prepared(): DOMPurify {
  if (purifier) return purifier
  const policy = trustedTypesPolicy()
  rules = {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: /^https?:\/\//i,
    // All but the one that is an address.
    ADD_URI_SAFE_ATTR: ATTRIBUTES.filter((name) => name !== 'href'),
    // What these hold is no text of the message.
    FORBID_CONTENTS: ['script', 'style', 'noscript', 'template', 'iframe', 'svg', 'math', 'title', 'textarea', 'select'],
    ...(policy && { TRUSTED_TYPES_POLICY: policy }),
  }
  fragmentRules = { ...rules, RETURN_DOM_FRAGMENT: true }
  purifier = createPurifier(window)
  purifier.addHook('afterSanitizeAttributes', (node) => {
    if (node.tagName === 'A') safeLink(node)
    else if (node.tagName === 'SPAN') safeMention(node)
    else if (node.hasAttribute('class') && !/^language-[\w-]+$/.test(node.className)) node.removeAttribute('class')
  })
  return purifier
}

function safeLink(link: Element): void {
  for (const name of ['class', 'data-type', 'data-id', 'data-label']) link.removeAttribute(name)
  const url = httpUrl(link.getAttribute('href'))
  if (!url) {
    link.removeAttribute('href')
    link.removeAttribute('target')
    return
  }
  link.setAttribute('target', '_blank')
  link.setAttribute('rel', 'noopener noreferrer nofollow')
  link.setAttribute('title', url.host)
  // The list is one tab stop; Enter on the row opens its links to Tab.
  link.setAttribute('tabindex', '-1')
}

function safeMention(span: Element): void {
  const id = span.getAttribute('data-id')
  if (span.getAttribute('data-type') !== 'mention' || id === null) {
    for (const { name } of [...span.attributes]) span.removeAttribute(name)
    return
  }
  const label = reading?.nameOf(id) ?? span.getAttribute('data-label')
  if (label) span.textContent = `@${label}`
  span.setAttribute('class', id === reading?.self ? 'mtchat-mention mtchat-mention--me' : 'mtchat-mention')
}

interface Policies {
  createPolicy(name: string, rules: Record<string, (input: string) => string>): unknown
}

/** Undefined where there are no Trusted Types, or where another copy of us made the policy already. */
function trustedTypesPolicy(): Config['TRUSTED_TYPES_POLICY'] {
  const factory = (window as { trustedTypes?: Policies }).trustedTypes
  try {
    return factory?.createPolicy('mtchat', { createHTML: (html) => html, createScriptURL: (url) => url }) as Config['TRUSTED_TYPES_POLICY']
  } catch {
    return undefined
  }
}
