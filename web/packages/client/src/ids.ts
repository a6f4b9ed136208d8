/** Time-ordered ids (RFC 9562, version 7). They rise within one page, also within one millisecond. */

let last = 0
let counter = 0

export function uuidv7(now: number = Date.now()): string {
  if (now > last) {
    last = now
    counter = 0
  } else if (++counter > 0xfff) {
    last += 1
    counter = 0
  }
  const random = crypto.getRandomValues(new Uint8Array(8))
  random[0] = (random[0]! & 0x3f) | 0x80
  const tail = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const time = last.toString(16).padStart(12, '0')
  const count = counter.toString(16).padStart(3, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${tail.slice(0, 4)}-${tail.slice(4)}`
}

/** The id right after this one: cursors compare, they need not exist. */
export function successor(id: string): string {
  const hex = id.replaceAll('-', '')
  const next = (BigInt(`0x${hex}`) + 1n).toString(16).padStart(32, '0')
  return [next.slice(0, 8), next.slice(8, 12), next.slice(12, 16), next.slice(16, 20), next.slice(20)].join('-')
}

/** Before every message. */
export const FIRST_ID = '00000000-0000-7000-8000-000000000000'
