// A dialog of any length, without a service: how the list holds up. `?messages=10000&dialogs=2`
import '../../packages/vue/src/styles/index.css'
import { A_DIALOG, aDialog, aMessage, aParticipant, aState, aTranscript, fixedChat, id, anAttachment } from '@mtchat/client/testing'
import { MTChat } from '@mtchat/vue'
import { createApp, h } from 'vue'

const asked = new URLSearchParams(location.search)
const count = Number(asked.get('messages') ?? 1000)
const dialogIds = Array.from({ length: Number(asked.get('dialogs') ?? 1) }, (_, n) => (n ? id(0xa1_000 + n) : A_DIALOG))
const messages = Array.from({ length: count }, (_, n) =>
  aMessage(n + 1, {
    content: `<p>Message ${n + 1}: ${'of a length that differs. '.repeat(n % 7)}</p>`,
    ...(n % 3 === 0 && { sender_id: 'ana', sender_name: 'Ana' }),
    ...(n % 40 === 7 && { attachments: [anAttachment({ id: id(0xf0_000 + n), filename: 'chair.png', content_type: 'image/png', url: '/demo/files/chair.png', thumbnail_url: '/demo/files/chair.png', kind: 'image', width: 320, height: 240 })] }),
  }),
)
const participants = { list: [aParticipant({ user_id: 'ana', display_name: 'Ana' }), aParticipant()], status: 'ready' as const, error: null }
const first = Number(asked.get('first') ?? 0)
const isAtStart = first === 0
const client = fixedChat(aState({
  dialogs: Object.fromEntries(dialogIds.map((dialog, n) => [dialog, aDialog({ id: dialog, title: `Dialog ${n}` })])),
  lists: {
    ...aState().lists,
    participating: { ...aState().lists.participating, ids: dialogIds, status: 'ready', total: dialogIds.length },
  },
  open: dialogIds,
  participants: Object.fromEntries(dialogIds.map((dialog) => [dialog, participants])),
  transcripts: Object.fromEntries(dialogIds.map((dialog) => [dialog, aTranscript(messages.slice(first), { isAtStart })])),
}))
const app = createApp({
  render: () => h(MTChat, { config: { baseUrl: location.origin, userId: 'ana', locale: 'en', storage: false }, client, dialogId: A_DIALOG, ref: 'chat' }),
})
const root = app.mount(document.getElementById('chat')!)
Object.assign(window, {
  long: {
    chat: () => root.$refs['chat'],
    dialogIds,
    /** The *count* messages before those shown are loaded now. */
    prepend(from: number) {
      client.show({ transcripts: { ...client.getSnapshot().transcripts, [A_DIALOG]: aTranscript(messages.slice(from), { isAtStart: from === 0 }) } })
    },
  },
})
