import '../../packages/vue/src/styles/index.css'
import { MTChat, type MTChatProps } from '@mtchat/vue'
import { createApp, h, shallowRef } from 'vue'
import { buildGallery, OBJECT, settled } from './stages'

buildGallery(async (stage, { shown, choices, mode, dialogId }) => {
  const chat = shallowRef<{ toggleInfoPanel(): void } | null>(null)
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
  const app = createApp({ render: () => h(MTChat, { ...props, ref: (made: unknown) => void (chat.value = made as typeof chat.value) }) })
  app.mount(stage)
  await settled()
  if (shown.hasInfo) chat.value?.toggleInfoPanel()
})
