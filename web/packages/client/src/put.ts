import { aborted, MTChatError } from './errors.js'

export interface PutOptions {
  contentType?: string
  onProgress?: (loaded: number) => void
  signal?: AbortSignal | undefined
}

/** PUT bytes to a signed link, telling the progress, which `fetch` cannot. */
export function putBytes(
  Request: new () => XMLHttpRequest,
  url: string,
  body: Blob,
  { contentType, onProgress, signal }: PutOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted())
    const request = new Request()
    const stop = () => request.abort()
    const end = (error?: MTChatError) => {
      signal?.removeEventListener('abort', stop)
      if (error) reject(error)
      else resolve()
    }
    signal?.addEventListener('abort', stop, { once: true })
    request.upload.onprogress = (event) => onProgress?.(event.loaded)
    request.onload = () => {
      const { status } = request
      if (status >= 200 && status < 300) end()
      else end(new MTChatError({ status, code: 'UPLOAD_FAILED' }))
    }
    request.onerror = () => end(new MTChatError({ code: 'NETWORK' }))
    request.onabort = () => end(aborted())
    request.open('PUT', url)
    if (contentType) request.setRequestHeader('Content-Type', contentType)
    request.send(body)
  })
}
