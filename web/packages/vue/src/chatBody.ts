// The seam to src/chat, where transcript, composer and viewer are made.
import { defineComponent, h } from 'vue'

export default defineComponent({
  props: { dialogId: { type: String, required: true }, isClosed: Boolean, enterToSend: Boolean },
  setup: () => ({
    focusComposer: () => undefined,
    focusTranscript: () => undefined,
    showMessage: (_id: string) => Promise.resolve(false),
  }),
  render: () => h('div', { class: 'mtchat-body' }),
})
