import { createAuth } from './auth.js'
import { MTChatError } from './errors.js'
import { uploadPart } from './parts.js'
import type { PutOptions } from './upload.js'
import { createTransport, path, type Transport } from './transport.js'
import type {
  ApiResponse,
  AttachmentInput,
  AttachmentKind,
  AttachmentLink,
  Dialog,
  DialogFile,
  DialogId,
  DialogListType,
  DialogParticipant,
  EditHistoryItem,
  Message,
  MessageId,
  MessagePage,
  PaginationOptions,
  PresignUploadResponse,
  ScopeConfig,
  SearchHit,
  UserProfile,
} from './types.js'

const V1 = '/api/v1'

export interface DialogListOptions {
  search?: string | undefined
  archived?: boolean | undefined
  limit?: number | undefined
  cursor?: string | undefined
  signal?: AbortSignal | undefined
}

export interface ObjectQuery {
  objectType: string
  objectId: string
  search?: string
  archived?: boolean
  type?: DialogListType
}

export interface SendOptions {
  replyTo?: MessageId | null
  attachments?: readonly AttachmentInput[]
  /** Makes a retry harmless. */
  idempotencyKey?: string
  signal?: AbortSignal
}

/** A large upload: parts that are missing, each to be PUT with exactly `size` bytes, and those that are there. */
export interface MultipartUpload {
  s3_key: string
  part_size: number
  parts: { part_number: number; size: number; upload_url: string }[]
  arrived: { part_number: number; size: number }[]
  expires_in: number
}

/** The chat API, one method per call. Refusals are thrown as MTChatError. */
export class MTChatApi {
  readonly transport: Transport
  private readonly Request: (new () => XMLHttpRequest) | undefined

  constructor(
    baseUrl: string | Transport,
    userId = '',
    scopeConfig?: ScopeConfig,
    token?: string,
    XMLHttpRequest?: new () => XMLHttpRequest,
  ) {
    this.transport =
      typeof baseUrl === 'string'
        ? createTransport({ baseUrl, userId, auth: createAuth(token ?? null), scopes: scopeConfig })
        : baseUrl
    this.Request = XMLHttpRequest
  }

  healthCheck(): Promise<{ status: string }> {
    return this.transport.request('GET', '/health')
  }

  /** Whether the server takes who asks. Without an answer: it may. */
  async isAccepted(): Promise<boolean> {
    try {
      await this.listDialogs('participating', { limit: 1 })
      return true
    } catch (cause) {
      return MTChatError.of(cause).status !== 401
    }
  }

  getDialogs(type: DialogListType, search?: string): Promise<Dialog[]> {
    return this.listDialogs(type, { search }).then((page) => page.data)
  }

  getParticipatingDialogs(search?: string, archived?: boolean): Promise<Dialog[]> {
    return this.listDialogs('participating', { search, archived }).then((page) => page.data)
  }

  getAvailableDialogs(search?: string): Promise<Dialog[]> {
    return this.getDialogs('available', search)
  }

  listDialogs(type: DialogListType, options: DialogListOptions = {}): Promise<ApiResponse<Dialog[]>> {
    const { signal, search, ...rest } = options
    return this.transport.request('GET', `${V1}/dialogs`, { query: { type, search: search || null, ...rest }, signal })
  }

  getDialog(id: DialogId, signal?: AbortSignal): Promise<Dialog> {
    return this.get(path`/dialogs/${id}`, {}, signal)
  }

  getDialogByObject(type: string, id: string, signal?: AbortSignal): Promise<Dialog | null> {
    return this.get(path`/dialogs/by-object/${type}/${id}`, {}, signal)
  }

  getDialogsByObject({ objectType, objectId, search, archived, type }: ObjectQuery): Promise<Dialog[]> {
    return this.get(path`/dialogs/by-object/${objectType}/${objectId}/list`, { search: search || null, archived, type })
  }

  joinDialog(id: DialogId, profile: UserProfile): Promise<void> {
    const { displayName: display_name, company, email, phone } = profile
    return this.post(path`/dialogs/${id}/join`, { display_name, company, email: email || undefined, phone: phone || undefined })
  }

  leaveDialog(id: DialogId): Promise<void> {
    return this.post(path`/dialogs/${id}/leave`)
  }

  archiveDialog(id: DialogId): Promise<void> {
    return this.post(path`/dialogs/${id}/archive`)
  }

  unarchiveDialog(id: DialogId): Promise<void> {
    return this.post(path`/dialogs/${id}/unarchive`)
  }

  pinDialog(id: DialogId): Promise<void> {
    return this.post(path`/dialogs/${id}/pin`)
  }

  unpinDialog(id: DialogId): Promise<void> {
    return this.post(path`/dialogs/${id}/unpin`)
  }

  setDialogNotifications(id: DialogId, enabled: boolean): Promise<void> {
    return this.post(path`/dialogs/${id}/notifications`, { enabled })
  }

  getParticipants(id: DialogId, signal?: AbortSignal): Promise<DialogParticipant[]> {
    return this.get(path`/dialogs/${id}/participants`, {}, signal)
  }

  getMessages(id: DialogId, options: PaginationOptions = {}, signal?: AbortSignal): Promise<MessagePage> {
    return this.get(path`/dialogs/${id}/messages`, { ...options }, signal)
  }

  markAsRead(id: DialogId, messageId: MessageId): Promise<void> {
    return this.post(path`/dialogs/${id}/read`, { last_read_message_id: messageId })
  }

  getMessage(dialogId: DialogId, id: MessageId, signal?: AbortSignal): Promise<Message> {
    return this.get(path`/dialogs/${dialogId}/messages/${id}`, {}, signal)
  }

  async sendMessage(id: DialogId, content: string, options: SendOptions = {}): Promise<Message> {
    const { replyTo, attachments, idempotencyKey, signal } = options
    const answer = await this.transport.request<ApiResponse<Message>>('POST', `${V1}${path`/dialogs/${id}/messages`}`, {
      body: { content, reply_to: replyTo ?? undefined, attachments: attachments?.length ? attachments : undefined },
      headers: idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {},
      signal,
    })
    return answer.data
  }

  async editMessage(dialogId: DialogId, id: MessageId, content: string): Promise<Message> {
    const target = `${V1}${path`/dialogs/${dialogId}/messages/${id}`}`
    return (await this.transport.request<ApiResponse<Message>>('PUT', target, { body: { content } })).data
  }

  deleteMessage(dialogId: DialogId, id: MessageId): Promise<void> {
    return this.transport.request('DELETE', `${V1}${path`/dialogs/${dialogId}/messages/${id}`}`)
  }

  getEditHistory(dialogId: DialogId, id: MessageId): Promise<EditHistoryItem[]> {
    return this.get(path`/dialogs/${dialogId}/messages/${id}/history`)
  }

  getUnread(): Promise<{ unread_count: number; dialogs_count: number }> {
    return this.get('/unread')
  }

  searchMessages(
    q: string,
    { dialogId, ...page }: { dialogId?: DialogId | null; limit?: number; cursor?: string | null } = {},
    signal?: AbortSignal,
  ): Promise<ApiResponse<SearchHit[]>> {
    return this.transport.request('GET', `${V1}/search`, { query: { q, dialog_id: dialogId, ...page }, signal })
  }

  getFiles(
    id: DialogId,
    query: { kind?: AttachmentKind | null; limit?: number; before?: string | undefined } = {},
    signal?: AbortSignal,
  ): Promise<{ files: DialogFile[]; has_more: boolean }> {
    return this.get(path`/dialogs/${id}/files`, query, signal)
  }

  async getPresignedUploadUrl(
    dialogId: DialogId,
    filename: string,
    contentType: string,
    size: number,
    signal?: AbortSignal,
  ): Promise<PresignUploadResponse> {
    const body = { dialog_id: dialogId, filename, content_type: contentType, size }
    return (await this.transport.request<ApiResponse<PresignUploadResponse>>('POST', `${V1}/upload/presign`, { body, signal }))
      .data
  }

  /** Begin an upload in parts, from 16 MiB on. */
  async beginMultipart(
    dialogId: DialogId,
    filename: string,
    contentType: string,
    size: number,
    signal?: AbortSignal,
  ): Promise<MultipartUpload> {
    const body = { dialog_id: dialogId, filename, content_type: contentType, size }
    return (await this.transport.request<ApiResponse<MultipartUpload>>('POST', `${V1}/upload/multipart`, { body, signal })).data
  }

  /** What is missing, with fresh links. */
  getMultipart(s3Key: string, signal?: AbortSignal): Promise<MultipartUpload> {
    return this.get('/upload/multipart', { s3_key: s3Key }, signal)
  }

  abortMultipart(s3Key: string): Promise<void> {
    return this.transport.request('DELETE', `${V1}/upload/multipart`, { query: { s3_key: s3Key } })
  }

  /** All parts are there: make one file of them. */
  completeMultipart(s3Key: string, signal?: AbortSignal): Promise<void> {
    return this.transport.request('POST', `${V1}/upload/multipart/complete`, { body: { s3_key: s3Key }, signal })
  }

  getAttachmentUrl(id: string): Promise<AttachmentLink> {
    return this.get(path`/attachments/${id}/url`)
  }

  /** PUT a file to a signed link; *onProgress* hears percent. */
  uploadFile(url: string, file: File, onProgress?: (percent: number) => void, signal?: AbortSignal): Promise<void> {
    return this.put(url, file, { contentType: file.type, onProgress: (loaded) => onProgress?.((100 * loaded) / file.size), signal })
  }

  /** PUT bytes to a signed link; *onProgress* hears how many have gone. */
  async put(url: string, body: Blob, options: PutOptions): Promise<void> {
    const { putBytes } = await uploadPart()
    const status = await putBytes(this.Request ?? globalThis.XMLHttpRequest, url, body, options).catch((cause: unknown) => {
      throw MTChatError.of(cause)
    })
    if (status < 200 || status > 299) throw new MTChatError({ status, code: status ? 'UPLOAD_FAILED' : 'NETWORK' })
  }

  private async get<T>(target: string, query: Record<string, string | number | boolean | null | undefined> = {}, signal?: AbortSignal) {
    return (await this.transport.request<ApiResponse<T>>('GET', V1 + target, { query, signal })).data
  }

  private async post(target: string, body?: unknown): Promise<void> {
    await this.transport.request('POST', V1 + target, { body })
  }
}
