import { defineMTChat } from './element'

export { defineMTChat, MTChatElement, setService } from './element'
export type { MessageOverrides, MTChatConfig } from '@mtchat/vue'

defineMTChat()
