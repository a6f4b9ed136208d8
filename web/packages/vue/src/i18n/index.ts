import { computed, inject, provide, shallowRef, watch, type ComputedRef, type InjectionKey } from 'vue'
import { loadTexts, textsOf } from './load'
import type { MessageOverrides, Messages } from './messages'
import { createTranslator, type Translator, type TranslatorOptions } from './translate'

export { addLocale, loadTexts } from './load'
export { createTranslator, type Translator, type TranslatorOptions } from './translate'
export type { MessageKey, MessageOverrides, MessageParams, Messages, Plural } from './messages'

export interface I18n {
  /** The language as it is now; a template that reads it follows changes. */
  readonly translator: ComputedRef<Translator>
  /** False until the first texts are here: show no text before. */
  readonly isReady: ComputedRef<boolean>
}

export interface I18nSource extends TranslatorOptions {
  locale?: string | undefined
  messages?: MessageOverrides | undefined
}

export const I18N_KEY: InjectionKey<I18n> = Symbol('mtchat-i18n')

/** Speaks the language *source* names, and gives it to everything below. */
export function provideI18n(source: () => I18nSource): I18n {
  const locale = () => source().locale ?? 'ru'
  const texts = shallowRef<Messages | undefined>(textsOf(locale()))
  const spoken = shallowRef(locale())
  watch(
    locale,
    async (wanted) => {
      // The old language stays until the new one is here.
      const found = textsOf(wanted) ?? (await loadTexts(wanted).catch(() => undefined))
      if (locale() !== wanted || !found) return
      texts.value = found
      spoken.value = wanted
    },
    { immediate: true },
  )
  const i18n: I18n = {
    translator: computed(() => {
      const { messages, timeZone, dir, now } = source()
      return createTranslator(spoken.value, texts.value, messages, { timeZone, dir, ...(now && { now }) })
    }),
    isReady: computed(() => texts.value !== undefined),
  }
  provide(I18N_KEY, i18n)
  return i18n
}

/** The language of the MTChat around. Its members follow changes when called in a template or a computed. */
export function useI18n(): Translator {
  const i18n = inject(I18N_KEY, undefined)
  if (!i18n) throw new Error('useI18n() needs an MTChat around, or provideI18n().')
  const now = () => i18n.translator.value
  return {
    get locale() {
      return now().locale
    },
    get dir() {
      return now().dir
    },
    t: (key, params) => now().t(key, params),
    error: (error) => now().error(error),
    objectType: (type) => now().objectType(type),
    time: (at) => now().time(at),
    full: (at) => now().full(at),
    day: (at) => now().day(at),
    brief: (at) => now().brief(at),
    dayKey: (at) => now().dayKey(at),
    number: (value) => now().number(value),
    percent: (fraction) => now().percent(fraction),
    duration: (milliseconds) => now().duration(milliseconds),
    list: (items) => now().list(items),
    fileSize: (bytes) => now().fileSize(bytes),
    badge: (count) => now().badge(count),
  }
}
