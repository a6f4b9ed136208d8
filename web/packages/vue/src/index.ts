import './styles/index.css'

export { default as MTChat, type MTChatProps, type ObjectNavigateEvent } from './MTChat.vue'
export { useChat, type UseChatOptions, type UseChatReturn } from './composables/useChat'
export {
  useFileUpload,
  type PendingAttachment,
  type UseFileUploadOptions,
  type UseFileUploadReturn,
} from './composables/useFileUpload'
export { Icon } from './primitives/Icon'
export type { IconName } from './icons'
export { provideRegistry, REGISTRY_KEY, useRegistry, type ComponentRegistry, type PartialRegistry } from './registry'
export { provideClient, useClient, useSlice } from './context'
export { addLocale, provideI18n, useI18n, type MessageKey, type MessageOverrides, type Messages, type Translator } from './i18n'

export { default as MtAccordion } from './primitives/MtAccordion.vue'
export { default as MtAccordionPanel } from './primitives/MtAccordionPanel.vue'
export { default as MtButton } from './primitives/MtButton.vue'
export { default as MtCheckbox } from './primitives/MtCheckbox.vue'
export { default as MtContextMenu } from './primitives/MtContextMenu.vue'
export { default as MtDialog } from './primitives/MtDialog.vue'
export { default as MtInput } from './primitives/MtInput.vue'
export { default as MtMenu } from './primitives/MtMenu.vue'
export { default as MtRadioButton } from './primitives/MtRadioButton.vue'
export { default as MtSpinner } from './primitives/MtSpinner.vue'
export { default as MtTab } from './primitives/MtTab.vue'
export { default as MtTabs } from './primitives/MtTabs.vue'
export { default as MtTag } from './primitives/MtTag.vue'
export { vTooltip } from './primitives/tooltip'
export type * from './primitives/types'

export { default as MTDialogList } from './list/DialogList.vue'
export { default as MTTranscript } from './chat/transcript/MTTranscript.vue'
export { default as MTComposer } from './chat/composer/MTComposer.vue'
export { registerPdf, type PdfRenderer } from './chat/viewer/pdf'
export { FileViewer, FileViewer as MTViewer, MTInfoPanel } from './lazy'

export {
  ATTACHMENT_LIMITS,
  formatFileSize,
  getAttachmentType,
  isAllowedFileType,
  isValidFileSize,
  MTChatApi,
  MTChatClient,
  MTChatError,
  MTChatWebSocket,
} from '@mtchat/client'
export type {
  ApiResponse,
  Attachment,
  AttachmentInput,
  AttachmentType,
  ChatClient,
  ChatMode,
  ChatState,
  Dialog,
  DialogAccessScope,
  DialogListItem,
  DialogListType,
  DialogParticipant,
  Locale,
  Message,
  MTChatConfig,
  PaginationOptions,
  PresignUploadResponse,
  ScopeConfig,
  UserProfile,
  WsClientMessage,
  WsClientMessageType,
  WsEvent,
  WsEventHandler,
  WsEventPayload,
  WsEventType,
} from '@mtchat/client'
