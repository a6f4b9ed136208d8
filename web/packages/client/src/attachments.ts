/** Which files may be sent, and how they are named and measured. */

const types = (prefix: string, names: string) => names.split(' ').map((name) => `${prefix}/${name}`)
const OFFICE = 'vnd.openxmlformats-officedocument.'

export const ATTACHMENT_LIMITS = {
  /** Bytes. */
  MAX_FILE_SIZE: 104_857_600,
  MAX_ATTACHMENTS_PER_MESSAGE: 10,
  ALLOWED_TYPES: [
    ...types('image', 'jpeg png gif webp svg+xml bmp tiff'),
    ...types(
      'application',
      `pdf msword ${OFFICE}wordprocessingml.document vnd.ms-excel ${OFFICE}spreadsheetml.sheet vnd.ms-powerpoint ` +
        `${OFFICE}presentationml.presentation vnd.oasis.opendocument.text vnd.oasis.opendocument.spreadsheet ` +
        'vnd.oasis.opendocument.presentation rtf json zip x-rar-compressed vnd.rar x-7z-compressed gzip x-tar',
    ),
    ...types('text', 'plain csv markdown html xml'),
    ...types('audio', 'mpeg wav ogg mp4'),
    ...types('video', 'mp4 webm ogg quicktime'),
  ] as readonly string[],
} as const

export type AttachmentType = 'image' | 'pdf' | 'file'

export function getAttachmentType(contentType: string): AttachmentType {
  if (contentType.startsWith('image/')) return 'image'
  return contentType === 'application/pdf' ? 'pdf' : 'file'
}

/** Exactly one of the allowed types; "" is a file whose type the browser does not know. */
export function isAllowedFileType(contentType: string): boolean {
  return contentType === '' || ATTACHMENT_LIMITS.ALLOWED_TYPES.includes(contentType)
}

export function isValidFileSize(size: number): boolean {
  return size > 0 && size <= ATTACHMENT_LIMITS.MAX_FILE_SIZE
}

/** For logs and plain hosts; what people read is localised by the components. */
export function formatFileSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const isMegabytes = bytes >= 1024 * 1024
  return `${(bytes / (isMegabytes ? 1024 * 1024 : 1024)).toFixed(1)} ${isMegabytes ? 'MB' : 'KB'}`
}
