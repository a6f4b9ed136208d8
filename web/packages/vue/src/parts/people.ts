/** Up to two letters, in whatever script the name has. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined]
  return letters.map((word) => word?.match(/[\p{L}\p{N}]/u)?.[0] ?? '').join('').toUpperCase() || '?'
}

export const COLOURS = 8

/** One of `COLOURS`, the same everywhere and always. */
export function colourOf(id: string): number {
  let hash = 2166136261
  for (const letter of id) hash = Math.imul(hash ^ letter.codePointAt(0)!, 16777619)
  return (hash >>> 0) % COLOURS
}
