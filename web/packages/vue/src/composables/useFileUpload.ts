import {
  ATTACHMENT_LIMITS,
  isAllowedFileType,
  isValidFileSize,
  MTChatError,
  type AttachmentInput,
  type DialogId,
  type MTChatApi,
  type PendingAttachment as ClientAttachment,
} from '@mtchat/client'
import { computed, onScopeDispose, shallowRef, toValue, watch, type ComputedRef, type MaybeRefOrGetter, type Ref } from 'vue'

export interface PendingAttachment extends Omit<ClientAttachment, 'file'> {
  readonly file: File
  /** Of images, for an `img`. It is given back when the file goes. */
  readonly previewUrl?: string
}

export interface UseFileUploadOptions {
  dialogId: MaybeRefOrGetter<DialogId | null | undefined>
  /** Read anew for every upload, so that a new token or client is the one used. */
  api: MaybeRefOrGetter<MTChatApi | null | undefined>
  onError?: (error: MTChatError, file: File) => void
}

export interface UseFileUploadReturn {
  readonly pendingAttachments: Readonly<Ref<readonly PendingAttachment[]>>
  readonly isUploading: ComputedRef<boolean>
  /** Nothing is on its way and nothing has failed. */
  readonly isReady: ComputedRef<boolean>
  readonly hasUploaded: ComputedRef<boolean>
  /** Checks the files and begins to upload them at once. */
  addFiles(files: Iterable<File>): Promise<void>
  removeAttachment(id: string): void
  getUploadedAttachments(): AttachmentInput[]
  clearAll(): void
  retryUpload(id: string): Promise<void>
}

/** Uploads for an own composer. `MTChat` itself keeps files in the client, where they survive more. */
export function useFileUpload({ dialogId, api, onError }: UseFileUploadOptions): UseFileUploadReturn {
  const pendingAttachments = shallowRef<readonly PendingAttachment[]>([])
  const running = new Map<string, AbortController>()
  let made = 0

  const change = (id: string, patch: Partial<PendingAttachment>) => {
    pendingAttachments.value = pendingAttachments.value.map((item) => (item.id === id ? { ...item, ...patch } : item))
  }

  function refusal(file: File): string | null {
    if (!isAllowedFileType(file.type)) return 'UNSUPPORTED_FILE_TYPE'
    if (!isValidFileSize(file.size)) return 'FILE_TOO_LARGE'
    return pendingAttachments.value.length >= ATTACHMENT_LIMITS.MAX_ATTACHMENTS_PER_MESSAGE ? 'TOO_MANY_ATTACHMENTS' : null
  }

  async function upload({ id, file }: PendingAttachment): Promise<void> {
    const [target, dialog] = [toValue(api), toValue(dialogId)]
    const abort = new AbortController()
    running.set(id, abort)
    change(id, { status: 'uploading', progress: 0 })
    try {
      if (!target || !dialog) throw new MTChatError({ code: 'UPLOAD_FAILED', message: 'There is no dialog to upload to.' })
      const { upload_url, s3_key } = await target.getPresignedUploadUrl(dialog, file.name, file.type, file.size, abort.signal)
      await target.uploadFile(upload_url, file, (progress) => change(id, { progress }), abort.signal)
      change(id, { status: 'uploaded', progress: 100, s3Key: s3_key })
    } catch (cause) {
      const error = MTChatError.of(cause)
      change(id, { status: 'error', error })
      if (error.code !== 'ABORTED') onError?.(error, file)
    } finally {
      running.delete(id)
    }
  }

  async function addFiles(files: Iterable<File>): Promise<void> {
    const added: PendingAttachment[] = []
    for (const file of files) {
      const code = refusal(file)
      if (code) {
        onError?.(new MTChatError({ code, message: file.name, retryable: false }), file)
        continue
      }
      const item: PendingAttachment = {
        id: `file-${++made}`,
        file,
        filename: file.name,
        contentType: file.type,
        size: file.size,
        progress: 0,
        status: 'pending',
        ...(file.type.startsWith('image/') && { previewUrl: URL.createObjectURL(file) }),
      }
      pendingAttachments.value = [...pendingAttachments.value, item]
      added.push(item)
    }
    await Promise.all(added.map(upload))
  }

  function removeAttachment(id: string): void {
    running.get(id)?.abort()
    const item = pendingAttachments.value.find((one) => one.id === id)
    if (item?.previewUrl) URL.revokeObjectURL(item.previewUrl)
    pendingAttachments.value = pendingAttachments.value.filter((one) => one.id !== id)
  }

  function clearAll(): void {
    for (const { id } of pendingAttachments.value) removeAttachment(id)
  }

  // What was uploaded for one dialog may not be sent to another.
  watch(() => toValue(dialogId), clearAll)
  onScopeDispose(clearAll)

  return {
    pendingAttachments,
    isUploading: computed(() => pendingAttachments.value.some(({ status }) => status === 'pending' || status === 'uploading')),
    isReady: computed(() => pendingAttachments.value.every(({ status }) => status === 'uploaded')),
    hasUploaded: computed(() => pendingAttachments.value.some(({ status }) => status === 'uploaded')),
    addFiles,
    removeAttachment,
    getUploadedAttachments: () =>
      pendingAttachments.value.flatMap(({ s3Key, filename, contentType, size }) =>
        s3Key ? [{ s3_key: s3Key, filename, content_type: contentType, size }] : [],
      ),
    clearAll,
    async retryUpload(id) {
      const item = pendingAttachments.value.find((one) => one.id === id)
      if (item?.status === 'error') await upload(item)
    },
  }
}
