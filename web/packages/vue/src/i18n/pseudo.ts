// Two languages nobody speaks. They show what breaks when texts are longer, or run from right to left.
import type { Messages } from './messages'

type Tree = { readonly [key: string]: string | Tree }

function mapped(tree: Tree, change: (text: string) => string): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key, typeof value === 'string' ? change(value) : mapped(value, change)]),
  )
}

const ACCENTS: Record<string, string> = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', A: 'Á', E: 'É', I: 'Í', O: 'Ó', U: 'Ú' }

/** 40 % longer, in brackets, so that what is cut off shows. Parameters stay. */
export function longer(english: Messages): Messages {
  return mapped(english as unknown as Tree, (text) => {
    const accented = text
      .split(/(\{\w+\})/)
      .map((part) => (part.startsWith('{') ? part : part.replace(/[aeiou]/gi, (letter) => ACCENTS[letter] ?? letter)))
      .join('')
    return `[${accented} ${'~'.repeat(Math.ceil(text.length * 0.4))}]`
  }) as unknown as Messages
}

/** English between right-to-left marks: the letters are to be read, everything around them is mirrored. */
export function mirrored(english: Messages): Messages {
  return mapped(english as unknown as Tree, (text) => `\u202E${text}\u202C`) as unknown as Messages
}
