// Parts that are loaded when they are first shown, or before, when there is time.
import { defineAsyncComponent } from 'vue'
import { loadSanitiser } from './chat/transcript/html'
import { loadIcons } from './primitives/Icon'

const transcriptDialogs = () => import('./chat/transcript/TranscriptDialogs.vue')
const formatBar = () => import('./chat/composer/FormatBar.vue')
export const loadEmojiPicker = () => import('./chat/emoji/EmojiPicker.vue')
const infoPanel = () => import('./info/InfoPanel.vue')

export const FileViewer = defineAsyncComponent(() => import('./chat/viewer/MTViewer.vue'))
export const FormatBar = defineAsyncComponent(formatBar)
export const MTInfoPanel = defineAsyncComponent(infoPanel)
export const TranscriptDialogs = defineAsyncComponent(transcriptDialogs)

/** What will be wanted soon. Whoever fails is asked again when it is. */
export function prefetch(): void {
  const all = () => {
    for (const load of [loadSanitiser, loadIcons, transcriptDialogs, formatBar, loadEmojiPicker, infoPanel]) load().catch(() => undefined)
  }
  if (typeof requestIdleCallback === 'function') requestIdleCallback(all, { timeout: 5_000 })
  else setTimeout(all, 1_000)
}
