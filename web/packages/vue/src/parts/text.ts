const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00A0' }

/** What a message says, on one line, to be shown as text. The server has made the HTML regular. */
export function oneLine(html: string): string {
  return html
    .replace(/<\/(p|li|blockquote|pre)>|<br\s*\/?>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(#x?)?(\w+);/g, (all, numeric: string | undefined, name: string) => {
      if (!numeric) return ENTITIES[name] ?? all
      const code = parseInt(name, numeric === '#x' ? 16 : 10)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all
    })
    .replace(/\s+/g, ' ')
    .trim()
}

/** The address if a click on it is harmless. */
export function webUrl(address: string | null | undefined): string | null {
  if (!address) return null
  try {
    const { protocol, href } = new URL(address)
    return protocol === 'https:' || protocol === 'http:' ? href : null
  } catch {
    return null
  }
}
