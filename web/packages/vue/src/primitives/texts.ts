import { inject } from 'vue'
import { I18N_KEY } from '../i18n'
import type { MessageKey } from '../i18n'

/** Texts where there is an MTChat around; a primitive that stands alone has none. */
export function useTexts(): { t(key: MessageKey): string; readonly dir: 'ltr' | 'rtl' } {
  const i18n = inject(I18N_KEY, undefined)
  return {
    t: (key) => i18n?.translator.value.t(key) ?? '',
    get dir() {
      return i18n?.translator.value.dir ?? 'ltr'
    },
  }
}
