import type { MTChatElement } from '@mtchat/element'
import { buildGallery, OBJECT } from './stages'

await customElements.whenDefined('mt-chat')
buildGallery((stage, { shown, choices, mode, dialogId }) => {
  const chat = document.createElement('mt-chat') as MTChatElement
  chat.mode = mode
  chat.theme = choices.theme
  chat.locale = choices.locale
  chat.density = choices.density
  chat.timeZone = 'UTC'
  if (choices.dir) chat.dir = choices.dir
  if (dialogId) chat.dialogId = dialogId
  if (mode === 'inline') Object.assign(chat, { objectType: OBJECT.type, objectId: OBJECT.id })
  chat.config = { userId: 'ana', storage: false }
  chat.client = shown.make()
  stage.append(chat)
  return chat.shadowRoot!
})
