// Packages that read the sources know of these modules through it.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./modules.d.ts" />
/** The emoji of one language, loaded when they are first asked for. */
import { recall, remember } from '../../parts/memory'

export interface EmojiFile {
  readonly search: string
  readonly recent: string
  /** Of each emoji: itself, its name and key words, with `|` between. */
  readonly groups: readonly { readonly name: string; readonly emoji: readonly string[] }[]
}

export interface Emoji {
  readonly char: string
  readonly name: string
  /** Name and key words as they are compared. */
  readonly words: readonly string[]
}

export interface EmojiSet {
  readonly search: string
  readonly recent: string
  readonly groups: readonly { readonly name: string; readonly emoji: readonly Emoji[] }[]
}

const files: Record<string, () => Promise<{ default: EmojiFile }>> = {
  ru: () => import('mtchat:emoji/ru'),
  en: () => import('mtchat:emoji/en'),
  zh: () => import('mtchat:emoji/zh'),
}
const loaded = new Map<string, EmojiSet>()

/** The set of *locale*, of its language, or the English one. Whoever fails may ask again. */
export async function loadEmoji(locale: string): Promise<EmojiSet> {
  const language = locale.split('-')[0]!
  const name = language in files ? language : 'en'
  const known = loaded.get(name)
  if (known) return known
  const { default: file } = await files[name]!()
  const set = {
    ...file,
    groups: file.groups.map((group) => ({
      name: group.name,
      emoji: group.emoji.map((line) => {
        const [char = '', name = '', ...tags] = line.split('|')
        return { char, name, words: [name, ...tags].map(plain) }
      }),
    })),
  }
  loaded.set(name, set)
  return set
}

const plain = (text: string) => text.toLowerCase().replaceAll('ё', 'е')

/** Where *query* is found: at the start of the name, of a word in it, of a key word, or anywhere in one. */
function rankOf({ words: [name = '', ...tags] }: Emoji, query: string): number {
  if (name.startsWith(query)) return 0
  if (name.includes(` ${query}`)) return 1
  if (tags.some((tag) => tag.startsWith(query))) return 2
  return [name, ...tags].some((word) => word.includes(query)) ? 3 : 4
}

/** Best first, else in the order they are shown in. `thumbs_up` means `thumbs up`. */
export function found(set: EmojiSet, query: string, most = Infinity): readonly Emoji[] {
  const wanted = plain(query).replace(/[_-]/g, ' ').trim()
  if (!wanted) return []
  const ranks: Emoji[][] = [[], [], [], [], []]
  for (const { emoji } of set.groups) for (const one of emoji) ranks[rankOf(one, wanted)]!.push(one)
  return ranks.slice(0, 4).flat().slice(0, most)
}

// ---- Recently used, on this device -----------------------------------------------------------------------

const KEPT = 24

export function recentOf(set: EmojiSet): readonly Emoji[] {
  const chars = recall<unknown>('emoji')
  if (!Array.isArray(chars)) return []
  const all = new Map(set.groups.flatMap(({ emoji }) => emoji.map((one) => [one.char, one])))
  return chars.flatMap((char) => all.get(char as string) ?? [])
}

export function used(char: string): void {
  const before = recall<unknown>('emoji')
  remember('emoji', [char, ...(Array.isArray(before) ? before : []).filter((one) => one !== char)].slice(0, KEPT))
}
