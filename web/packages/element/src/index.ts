import { defineMTChat, setService } from './element'

export { defineMTChat, MTChatElement, setService } from './element'
export { registerPdf, type MessageOverrides, type MTChatConfig, type PdfRenderer } from '@mtchat/vue'

// A script tag that fetched us from the service says where the service is. Modules have no such tag.
const tag = typeof document === 'undefined' ? null : (document.currentScript as HTMLScriptElement | null)
const from = tag?.src && /^(.+)\/sdk\/[^/]+$/.exec(tag.src)?.[1]
if (from) setService(from)
defineMTChat()
