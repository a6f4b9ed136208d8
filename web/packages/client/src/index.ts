export { createChat } from './client.js'
export { NO_STATE } from './core.js'
export { objectKey } from './inbox.js'
export { MTChatError, type LocalErrorCode, type MTChatErrorOptions } from './errors.js'
export { MTChatApi, type DialogListOptions, type MultipartUpload, type ObjectQuery, type SendOptions } from './api.js'
export { MTChatClient, MTChatWebSocket, type MTChatWebSocketOptions } from './classes.js'
export {
  ATTACHMENT_LIMITS,
  formatFileSize,
  getAttachmentType,
  isAllowedFileType,
  isValidFileSize,
  type AttachmentType,
} from './attachments.js'
export { uuidv7 } from './ids.js'
export type * from './types.js'
