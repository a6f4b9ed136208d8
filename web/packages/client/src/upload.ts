import type { MTChatApi, MultipartUpload } from './api.js'
import type { MTChatError } from './errors.js'
import type { again } from './transport.js'
import type { PendingAttachment } from './types.js'

/** Bytes to the storage. Loaded with the first file, and so without imports, which would split what is loaded at first. */

const PARALLEL = 3
const IN_PARTS_FROM = 16 * 1024 * 1024
const withoutParts = new WeakSet<MTChatApi>()

export interface PutOptions {
  contentType?: string
  /** Bytes so far. */
  onProgress?: (loaded: number) => void
  signal?: AbortSignal | undefined
}

/** PUT bytes to a signed link, telling the progress, which `fetch` cannot. Returns the status, 0 without an answer. */
export function putBytes(
  Request: new () => XMLHttpRequest,
  url: string,
  body: Blob,
  { contentType, onProgress, signal }: PutOptions,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = new Request()
    const stop = () => request.abort()
    const end = () => {
      signal?.removeEventListener('abort', stop)
      resolve(request.status)
    }
    signal?.throwIfAborted()
    signal?.addEventListener('abort', stop, { once: true })
    request.upload.onprogress = (event) => onProgress?.(event.loaded)
    request.onload = request.onerror = end
    request.onabort = () => reject(new DOMException('', 'AbortError'))
    request.open('PUT', url)
    if (contentType) request.setRequestHeader('Content-Type', contentType)
    request.send(body)
  })
}

interface Ways {
  again: typeof again
  onProgress: (loaded: number) => void
  signal: AbortSignal
}

/** One file, whole or in parts. Returns the key under which it lies. */
export async function upload(
  api: MTChatApi,
  dialogId: string,
  { filename, contentType, size }: PendingAttachment,
  bytes: File,
  ways: Ways,
): Promise<string> {
  const { again, onProgress, signal } = ways
  if (size >= IN_PARTS_FROM && !withoutParts.has(api)) {
    const parts = await api.beginMultipart(dialogId, filename, contentType, size, signal).catch((cause: MTChatError) => {
      // The server knows no parts: it takes the file in one piece.
      if (cause.status !== 404 && cause.status !== 405) throw cause
      return null
    })
    if (parts) return inParts(api, parts, bytes, ways)
    withoutParts.add(api)
  }
  const place = await api.getPresignedUploadUrl(dialogId, filename, contentType, size, signal)
  await again(() => api.put(place.upload_url, bytes, { contentType, onProgress, signal }), signal)
  return place.s3_key
}

async function inParts(
  api: MTChatApi,
  { s3_key, part_size, parts }: MultipartUpload,
  bytes: File,
  { again, onProgress, signal }: Ways,
): Promise<string> {
  const loaded = new Map<number, number>()
  const tell = (part: number, count: number) => {
    loaded.set(part, count)
    onProgress([...loaded.values()].reduce((a, b) => a + b, 0))
  }
  const putAll = async (left: MultipartUpload['parts']) => {
    for (let part = left.shift(); part; part = left.shift()) {
      const { part_number, size, upload_url } = part
      const begin = (part_number - 1) * part_size
      const options = { onProgress: (count: number) => tell(part_number, count), signal }
      await again(() => api.put(upload_url, bytes.slice(begin, begin + size), options), signal)
      tell(part_number, size)
    }
  }
  const all = (left: MultipartUpload['parts']) => Promise.all(Array.from({ length: PARALLEL }, () => putAll(left)))
  try {
    await all([...parts]).catch(async (cause: unknown) => {
      if (signal.aborted) throw cause
      // Links end; what has arrived stays: once more with fresh links for the rest.
      await all((await api.getMultipart(s3_key, signal)).parts)
    })
    await again(() => api.completeMultipart(s3_key, signal), signal)
    return s3_key
  } catch (cause) {
    api.abortMultipart(s3_key).catch(() => undefined)
    throw cause
  }
}
