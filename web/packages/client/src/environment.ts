import type { Environment } from './types.js'

/** The page this runs in, looked at when asked and never on import; outside a browser always online and looked at. */
export const browser: Environment = {
  isOnline: () => globalThis.navigator?.onLine !== false,
  isVisible: () => globalThis.document?.visibilityState !== 'hidden',
  isFocused() {
    const page = globalThis.document
    return page === undefined || (page.visibilityState !== 'hidden' && page.hasFocus())
  },
  onChange(listener) {
    const page = globalThis.document
    const target: EventTarget | undefined = typeof globalThis.addEventListener === 'function' ? globalThis : undefined
    const names = ['online', 'offline', 'focus', 'blur'] as const
    const heard = names.map((name) => [name, () => listener(name)] as const)
    const turned = () => listener(page.visibilityState === 'hidden' ? 'hidden' : 'visible')
    for (const [name, on] of heard) target?.addEventListener(name, on)
    page?.addEventListener('visibilitychange', turned)
    return () => {
      for (const [name, on] of heard) target?.removeEventListener(name, on)
      page?.removeEventListener('visibilitychange', turned)
    }
  },
}
