// What a page can say in HTML alone. Everything else goes through `config`.
import type { ChatMode, MTChatConfig, UserProfile } from '@mtchat/client'

const TEXTS = {
  mode: 'mode',
  'object-id': 'objectId',
  'object-type': 'objectType',
  'dialog-id': 'dialogId',
  'message-id': 'messageId',
  'message-link': 'messageLink',
  theme: 'theme',
  density: 'density',
  dir: 'dir',
  'search-placeholder': 'searchPlaceholder',
  'time-zone': 'timeZone',
} as const
const SWITCHES = {
  'show-header': 'showHeader',
  'show-sidebar': 'showSidebar',
  'show-tabs': 'showTabs',
  'show-context-menu': 'showContextMenu',
  'show-search': 'showSearch',
  shortcuts: 'shortcuts',
  'intercept-object-navigation': 'interceptObjectNavigation',
  history: 'history',
} as const
const OF_CONFIG = ['base-url', 'ws-url', 'user-id', 'token-url', 'locale', 'display-name', 'company'] as const

export const ATTRIBUTES: readonly string[] = [...Object.keys(TEXTS), ...Object.keys(SWITCHES), ...OF_CONFIG, 'token']

/** Attributes that are properties of the same meaning too, in camelCase. */
export const REFLECTED: readonly string[] = ATTRIBUTES.filter((name) => name !== 'token' && name !== 'dir')

export type Given = Readonly<Record<string, string>>

export const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The properties of MTChat that *given* says; `show-header="false"` is false, and `history` or `history=""` true. */
export function propsOf(given: Given): Record<string, string | boolean> {
  const props: Record<string, string | boolean> = {}
  for (const [name, prop] of Object.entries(TEXTS)) {
    if (given[name] !== undefined) props[prop] = given[name]
  }
  for (const [name, prop] of Object.entries(SWITCHES)) {
    if (given[name] !== undefined) props[prop] = given[name] !== 'false'
  }
  // A word nobody knows would show nothing at all.
  if (props['mode'] !== 'inline') props['mode'] = 'full' satisfies ChatMode
  if (props['density'] !== 'compact' && props['density'] !== 'comfortable') delete props['density']
  if (props['dir'] !== 'rtl' && props['dir'] !== 'ltr') delete props['dir']
  return props
}

/** The config: what the host gave as an object goes before its attributes. Null as long as nobody says who the person is. */
export function configOf(given: Given, own: Partial<MTChatConfig>, service: string): MTChatConfig | null {
  const userId = own.userId ?? given['user-id']
  if (!userId) return null
  const url = given['token-url']
  const profile = profileOf(given)
  return {
    baseUrl: (given['base-url'] ?? service).replace(/\/+$/, ''),
    ...(given['ws-url'] && { wsUrl: given['ws-url'] }),
    ...(given['locale'] && { locale: given['locale'] as NonNullable<MTChatConfig['locale']> }),
    ...(url && { getToken: () => tokenFrom(url, own.fetch) }),
    ...(profile && { userProfile: profile }),
    ...own,
    userId,
  }
}

function profileOf(given: Given): UserProfile | null {
  const displayName = given['display-name']
  return displayName ? { displayName, company: given['company'] ?? '' } : null
}

/** Asks the host for a token, as text or as `{"token": …}`; with its cookies, as it has to know the person. */
export async function tokenFrom(url: string, ask: typeof fetch = fetch): Promise<string> {
  const answer = await ask(url, { credentials: 'same-origin', headers: { Accept: 'application/json, text/plain' }, cache: 'no-store' })
  if (!answer.ok) throw new Error(`The token endpoint answered ${answer.status}.`)
  const text = (await answer.text()).trim()
  return text.startsWith('{') ? String((JSON.parse(text) as { token: unknown }).token) : text.replace(/^"|"$/g, '')
}
