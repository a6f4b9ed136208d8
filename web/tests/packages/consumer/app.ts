// What a consumer writes, against the packages as they are shipped.
import { createChat, MTChatError, type ChatState, type Message, type MTChatConfig } from '@mtchat/client'
import { createTestServer } from '@mtchat/client/testing'
import { defineMTChat, type MTChatElement } from '@mtchat/element'
import { addLocale, MTChat, useChat, type MTChatProps } from '@mtchat/vue'
import en from '@mtchat/vue/locales/en'
import { createApp, h, ref } from 'vue'

const config: MTChatConfig = { baseUrl: 'https://chat.example.com', userId: 'ana', getToken: () => fetch('/chat-token').then((answer) => answer.text()) }
const props: MTChatProps = { config, mode: 'inline', objectType: 'order', objectId: '4711' }
createApp({ render: () => h(MTChat, { ...props, onMessageSent: (message: Message) => message.content.trim() }) })
// @ts-expect-error -- no such mode
createApp({ render: () => h(MTChat, { config, mode: 'sideways' }) })

const chat = createChat(createTestServer().config('ana'))
const undo: () => void = chat.subscribe((state: ChatState) => state.connection, (connection) => connection.status.trim())
export const isWorthAnotherTry = (error: unknown): boolean => error instanceof MTChatError && error.retryable
export const { messages, sendMessage } = useChat({ config: ref(config) })
addLocale('de', { ...en, buttons: { ...en.buttons, join: 'Mitreden' } })
undo()

defineMTChat()
const element: MTChatElement = document.createElement('mt-chat')
element.config = config
element.addEventListener('message-sent', ({ detail }) => detail.content.trim())
element.addEventListener('dialog-joined', ({ detail }) => void element.selectDialog(detail))
