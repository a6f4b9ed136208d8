import '../../packages/vue/src/styles/index.css'
import { MTChat, type MTChatProps } from '@mtchat/vue'
import { createApp, h } from 'vue'
import { buildGallery, OBJECT } from './stages'

buildGallery((stage, { shown, choices, mode, dialogId }) => {
  const props: MTChatProps = {
    config: { baseUrl: location.origin, userId: 'ana', locale: choices.locale as NonNullable<MTChatProps['config']['locale']>, storage: false },
    client: shown.make(),
    mode,
    theme: choices.theme,
    density: choices.density === 'compact' ? 'compact' : 'comfortable',
    timeZone: 'UTC',
    ...(dialogId && { dialogId }),
    ...(mode === 'inline' && { objectType: OBJECT.type, objectId: OBJECT.id }),
    ...((choices.dir === 'rtl' || choices.dir === 'ltr') && { dir: choices.dir }),
  }
  createApp({ render: () => h(MTChat, props) }).mount(stage)
  return stage
})
