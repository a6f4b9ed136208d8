import type { MTChatError } from '@mtchat/client'
import type { MessageKey, MessageOverrides, MessageParams, Messages, Plural } from './messages'

/** The interface in one language: texts, plurals, dates, numbers. Plain values in, text out. */
export interface Translator {
  readonly locale: string
  readonly dir: 'ltr' | 'rtl'
  /** `{name}` is filled from *params*; a plural chooses its form by `params.count`. */
  t(key: MessageKey, params?: MessageParams): string
  /** The reason in words; decided by code, never by the error's text. Where the code says little the server's own words follow. */
  error(error: Pick<MTChatError, 'code'> & Partial<Pick<MTChatError, 'status' | 'message'>>): string
  objectType(type: string): string
  /** 14:05 */
  time(at: Date | string | number): string
  /** Date and time in full, for tooltips and screen readers. */
  full(at: Date | string | number): string
  /** Today, yesterday, else day and month, with the year if it is another. */
  day(at: Date | string | number): string
  /** Time today, else a short date. */
  brief(at: Date | string | number): string
  /** The calendar day in the viewer's zone, to compare: 2026-03-09. */
  dayKey(at: Date | string | number): string
  number(value: number): string
  percent(fraction: number): string
  /** "5 seconds", "2 minutes" */
  duration(milliseconds: number): string
  list(items: readonly string[]): string
  fileSize(bytes: number): string
  /** 1 to 99, then 99+ */
  badge(count: number): string
}

export interface TranslatorOptions {
  timeZone?: string | undefined
  dir?: 'ltr' | 'rtl' | undefined
  /** For tests. */
  now?: () => number
}

/** For codes that are newer than this client: better than to say nothing. */
const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'INVALID_INPUT',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'FILE_TOO_LARGE',
  429: 'RATE_LIMIT_EXCEEDED',
  500: 'INTERNAL_ERROR',
  503: 'SERVICE_UNAVAILABLE',
}

/** They say that something is wrong, and not what. */
const VAGUE = new Set(['INVALID_INPUT', 'BAD_REQUEST'])

const RIGHT_TO_LEFT = new Set(['ar', 'dv', 'fa', 'he', 'ku', 'ps', 'sd', 'ug', 'ur', 'yi'])

function at(tree: unknown, path: string): string | Plural | undefined {
  let here = tree as Record<string, unknown> | undefined
  for (const part of path.split('.')) here = here?.[part] as Record<string, unknown> | undefined
  return here as string | Plural | undefined
}

/** Counts calendar days, as a day may have 23 or 25 hours. */
const dayBefore = (key: string) => new Date(Date.parse(key) - 86_400_000).toISOString().slice(0, 10)

/** A name Intl knows. A host may call its locale anything. */
function known(locale: string): string {
  if (locale === 'en-XA') return 'en'
  if (locale === 'ar-XB') return 'ar-u-nu-latn'
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? 'en'
  } catch {
    return 'en'
  }
}

export function createTranslator(
  locale: string,
  texts: Messages | undefined,
  overrides: MessageOverrides = {},
  { timeZone, dir, now = Date.now }: TranslatorOptions = {},
): Translator {
  const intl = known(locale)
  const plurals = new Intl.PluralRules(intl)
  const numbers = new Intl.NumberFormat(intl)
  const made = new Map<string, Intl.DateTimeFormat>()
  const dates = (name: string, options: Intl.DateTimeFormatOptions) => {
    let format = made.get(name)
    if (!format) made.set(name, (format = new Intl.DateTimeFormat(intl, { timeZone, ...options })))
    return format
  }
  const date = (value: Date | string | number) => {
    const parsed = value instanceof Date ? value : new Date(value)
    return Number.isNaN(parsed.getTime()) ? null : parsed
  }
  const shown = (value: Date | string | number, name: string, options: Intl.DateTimeFormatOptions) => {
    const parsed = date(value)
    return parsed ? dates(name, options).format(parsed) : ''
  }

  function t(key: MessageKey, params: MessageParams = {}): string {
    const found = at(overrides, key) ?? at(texts, key)
    if (found === undefined) return ''
    const count = Number(params['count'])
    const text = typeof found === 'string' ? found : (found[plurals.select(count)] ?? found.other)
    return text.replace(/\{(\w+)\}/g, (all, name: string) => {
      const value = params[name]
      return value === undefined ? all : typeof value === 'number' ? numbers.format(value) : value
    })
  }

  function dayKey(value: Date | string | number): string {
    const parsed = date(value)
    if (!parsed) return ''
    let key = made.get('key')
    if (!key) {
      key = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
      made.set('key', key)
    }
    return key.format(parsed)
  }

  const time = (value: Date | string | number) => shown(value, 'time', { timeStyle: 'short' })

  return {
    locale,
    dir: dir ?? (RIGHT_TO_LEFT.has(intl.split('-')[0] ?? '') ? 'rtl' : 'ltr'),
    t,
    error({ code, status, message }) {
      const known = t(`errors.${code}` as MessageKey) ? code : (BY_STATUS[status ?? 0] ?? 'unknown')
      const words = t(`errors.${known}` as MessageKey)
      return message && message !== code && VAGUE.has(known) ? `${words}: ${message}` : words
    },
    objectType: (type) => t(`infoPanel.objectTypes.${type}` as MessageKey) || type,
    time,
    full: (value) => shown(value, 'full', { dateStyle: 'full', timeStyle: 'short' }),
    day(value) {
      const key = dayKey(value)
      if (key === dayKey(now())) return t('dates.today')
      if (key === dayBefore(dayKey(now()))) return t('dates.yesterday')
      return key.slice(0, 4) === dayKey(now()).slice(0, 4)
        ? shown(value, 'day', { day: 'numeric', month: 'long' })
        : shown(value, 'dayYear', { day: 'numeric', month: 'long', year: 'numeric' })
    },
    brief(value) {
      if (dayKey(value) === dayKey(now())) return time(value)
      return dayKey(value).slice(0, 4) === dayKey(now()).slice(0, 4)
        ? shown(value, 'short', { day: 'numeric', month: 'short' })
        : shown(value, 'shortYear', { day: '2-digit', month: '2-digit', year: '2-digit' })
    },
    dayKey,
    number: (value) => numbers.format(value),
    percent: (fraction) => new Intl.NumberFormat(intl, { style: 'percent' }).format(fraction),
    duration(milliseconds) {
      const seconds = Math.max(1, Math.ceil(milliseconds / 1000))
      const [value, unit] = seconds < 60 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
      return new Intl.NumberFormat(intl, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
    },
    list: (items) => new Intl.ListFormat(intl, { type: 'conjunction' }).format(items),
    fileSize(bytes) {
      const one = new Intl.NumberFormat(intl, { maximumFractionDigits: 1 })
      if (bytes < 1024) return t('sizes.byte', { size: one.format(bytes) })
      if (bytes < 1024 ** 2) return t('sizes.kilobyte', { size: one.format(bytes / 1024) })
      return t('sizes.megabyte', { size: one.format(bytes / 1024 ** 2) })
    },
    badge: (count) => (count > 99 ? `${numbers.format(99)}+` : numbers.format(count)),
  }
}
