import type { Messages } from './messages'

const english = () => import('./locales/en.json').then((file): Messages => file.default)
const builtIn: Record<string, () => Promise<Messages>> = {
  ru: () => import('./locales/ru.json').then((file) => file.default),
  en: english,
  zh: () => import('./locales/zh.json').then((file) => file.default),
  'en-XA': () => import('./pseudo').then(async (pseudo) => pseudo.longer(await english())),
  'ar-XB': () => import('./pseudo').then(async (pseudo) => pseudo.mirrored(await english())),
}
const loaded = new Map<string, Messages>()

/** Which file speaks for *locale*: itself, its language, or English. */
function fileOf(locale: string): string {
  if (locale in builtIn || loaded.has(locale)) return locale
  const language = locale.split('-')[0] ?? ''
  return language in builtIn || loaded.has(language) ? language : 'en'
}

/** The texts of *locale* if they are here already. */
export function textsOf(locale: string): Messages | undefined {
  return loaded.get(fileOf(locale))
}

export async function loadTexts(locale: string): Promise<Messages> {
  const name = fileOf(locale)
  const texts = loaded.get(name) ?? (await builtIn[name]!())
  loaded.set(name, texts)
  return texts
}

/** Adds a locale, or brings one along so that it need not be fetched. */
export function addLocale(name: string, texts: Messages): void {
  loaded.set(name, texts)
}
