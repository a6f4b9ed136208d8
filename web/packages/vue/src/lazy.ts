// Parts that are loaded when they are first shown.
import { defineAsyncComponent } from 'vue'

export const FileViewer = defineAsyncComponent(() => import('./chat/viewer/MTViewer.vue'))
export const MTInfoPanel = defineAsyncComponent(() => import('./info/InfoPanel.vue'))
