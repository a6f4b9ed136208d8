/** What went wrong, as a value. Decide on `code` and `status`; `message` is the server's word, else the code again. */
export interface MTChatErrorOptions {
  status?: number
  code: string
  message?: string | undefined
  retryable?: boolean
  /** Milliseconds. */
  retryAfter?: number | undefined
  requestId?: string | undefined
}

/** Codes the client itself gives; all others come from the server. */
export type LocalErrorCode =
  | 'NETWORK'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'BAD_RESPONSE'
  | 'UPLOAD_FAILED'
  | 'UPLOAD_INTERRUPTED'
  | 'AMBIGUOUS'
  | 'STORAGE'

const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504])

export class MTChatError extends Error {
  override readonly name = 'MTChatError'
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly code: string
  /** Whether the same may work later. */
  readonly retryable: boolean
  /** Milliseconds to wait before trying again, when the server says. */
  readonly retryAfter: number | undefined
  /** Name it when asking for help. */
  readonly requestId: string | undefined

  constructor(options: MTChatErrorOptions) {
    super(options.message ?? options.code)
    this.status = options.status ?? 0
    this.code = options.code
    this.retryable = options.retryable ?? (this.status === 0 || AGAIN.has(this.status))
    this.retryAfter = options.retryAfter
    this.requestId = options.requestId
  }

  static of(cause: unknown): MTChatError {
    if (cause instanceof MTChatError) return cause
    const named = cause as { name?: string; message?: string } | null
    if (named?.name === 'AbortError') return aborted()
    return new MTChatError({ code: 'NETWORK', message: named?.message })
  }
}

/** No token is taken, and none can be had. */
export function unauthorized(): MTChatError {
  return new MTChatError({ status: 401, code: 'UNAUTHORIZED' })
}

export function aborted(): MTChatError {
  return new MTChatError({ code: 'ABORTED', retryable: false })
}
