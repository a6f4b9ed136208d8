// One dialog with the in-memory server behind it, to be driven by a browser.
import { createChat } from '@mtchat/client'
import { createTestServer } from '@mtchat/client/testing'
import { createApp, defineComponent, h, shallowRef } from 'vue'
import ChatBody from '../../packages/vue/src/chat/ChatBody.vue'
import { provideAnnouncer } from '../../packages/vue/src/announcer'
import { provideClient } from '../../packages/vue/src/context'
import { loadTexts, provideI18n } from '../../packages/vue/src/i18n'
import { isPlain, loadSanitiser, safeHtml } from '../../packages/vue/src/chat/transcript/html'
import '../../packages/vue/src/styles/index.css'

const parameters = new URLSearchParams(location.search)
const server = createTestServer()
const dialog = server.dialog({ people: [{ id: 'ana', name: 'Ana' }, { id: 'bo', name: 'Bo', company: 'Borealis' }, { id: 'cy', name: 'Cy' }] })
const WORDS = 'order price truck load invoice border customs pallet driver delay tomorrow confirmed weight seal'.split(' ')

/** Different lengths, pictures, quotes, two authors: rows of many heights, the same in every run. */
const said: string[] = []
function fill(count: number): void {
  for (let n = 0; n < count; n += 1) {
    const text = Array.from({ length: 1 + ((n * 7) % 23) * 3 }, (_, word) => WORDS[(n + word * 5) % WORDS.length]).join(' ')
    const attachments = n % 6 === 0
      ? [{ id: `file-${n}`, filename: `photo-${n}.png`, content_type: 'image/png', size: 5_000, url: `https://files.test/${n}.png`, ...(n % 12 === 0 ? {} : { width: 300, height: 200 }) }]
      : undefined
    const message = server.say(dialog.id, n % 5 < 3 ? 'bo' : 'cy', `<p>${text}</p>`, attachments ? { attachments } : {})
    said.push(message.id)
  }
}
fill(Number(parameters.get('messages') ?? 400))
const unread = Number(parameters.get('unread') ?? 0)
server.read(dialog.id, 'ana', said[said.length - 1 - unread]!)

const chat = createChat(server.config('ana'))
await loadTexts('en')
chat.connect()
await chat.openDialog(dialog.id)
await chat.loadParticipants(dialog.id)

const reading = { self: 'ana', nameOf: (user: string) => (user === 'bo' ? 'Bo Now' : undefined) }
const without = safeHtml('<p>A &amp; <a href="https://a.test" onclick="x()">b</a><br>&lt;i&gt;</p>', reading)
await loadSanitiser()
const { purified } = await import('../../packages/vue/src/chat/transcript/purify')

const body = shallowRef<InstanceType<typeof ChatBody> | null>(null)
createApp(defineComponent({
  setup() {
    provideI18n(() => ({ locale: 'en', timeZone: 'UTC' }))
    provideAnnouncer()
    provideClient(chat)
    return () => h('div', { class: 'mtchat mtchat--light' }, [h(ChatBody, { ref: body, dialogId: dialog.id })])
  },
})).mount('#app')

Object.assign(window, { safe: (html: string) => safeHtml(html, reading), purified: (html: string) => purified(html, reading), isPlain, without, said, server, chat, dialogId: dialog.id, body, fill })
