// What a host does with the Vue package: everything it wants is in the address, so that a test can ask for it.
import '../../packages/vue/src/styles/index.css'
import { MTChat, type MTChatConfig, type MTChatProps } from '@mtchat/vue'
import { createApp, h } from 'vue'

interface Wanted {
  config: Partial<MTChatConfig> & { userId: string }
  props?: Partial<MTChatProps>
  count?: number
  /** The host has no way to another token. */
  hasNoTokens?: boolean
}
const { config, props, count = 1, hasNoTokens } = JSON.parse(new URLSearchParams(location.search).get('o') ?? '{}') as Wanted
async function aToken(): Promise<string> {
  const answer = await fetch(`/token?user=${encodeURIComponent(config.userId)}`)
  if (!answer.ok) throw new Error('no token')
  return ((await answer.json()) as { token: string }).token
}
const all: MTChatConfig = {
  baseUrl: location.origin,
  locale: 'en',
  reconnectInterval: 400,
  ...(!hasNoTokens && { getToken: aToken }),
  onError: (error) => void errors.push(String(error)),
  onAuthError: () => void errors.push('auth'),
  ...config,
}
const errors: string[] = []
for (let n = 0; n < count; n += 1) {
  const place = document.createElement('div')
  document.getElementById('chat')!.append(place)
  const app = createApp({ render: () => h(MTChat, { ...props, config: all, ref: 'chat' }) })
  const root = app.mount(place)
  Object.assign(window, { host: { app, errors, chat: () => root.$refs['chat'] } })
}
