import type { Auth } from './auth.js'
import { aborted, MTChatError } from './errors.js'
import type { ScopeConfig } from './types.js'

const TIMEOUT_MS = 15_000
const READ_RETRIES = 2
const LONGEST_WAIT_MS = 30_000
const AGAIN = new Set([429, 502, 503, 504])

export interface RequestOptions {
  query?: Record<string, string | number | boolean | null | undefined>
  body?: unknown
  signal?: AbortSignal | undefined
  headers?: Record<string, string>
  /** Milliseconds, default 15000. */
  timeout?: number
}

export interface TransportOptions {
  baseUrl: string
  userId: string
  auth: Auth
  scopes?: ScopeConfig | undefined
  fetch?: typeof fetch | undefined
}

/** A path whose parts are encoded: path`/dialogs/${id}`. */
export function path(texts: TemplateStringsArray, ...parts: string[]): string {
  return texts.reduce((whole, text, at) => whole + encodeURIComponent(parts[at - 1]!) + text)
}

/** Scopes as the header carries them: base64 of UTF-8 JSON, whatever the script. */
export function scopeHeader(scopes: ScopeConfig): string {
  const json = JSON.stringify({
    scope_level0: scopes.scopeLevel0,
    scope_level1: scopes.scopeLevel1,
    scope_level2: scopes.scopeLevel2,
  })
  return btoa(Array.from(new TextEncoder().encode(json), (byte) => String.fromCharCode(byte)).join(''))
}

/** Wait, unless given up. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(aborted())
    }
    if (signal?.aborted) return reject(aborted())
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Requests to the chat API: identity, deadline, retries of reads, and refusals as MTChatError. */
export class Transport {
  scopes: ScopeConfig | undefined

  constructor(private readonly options: TransportOptions) {
    this.scopes = options.scopes
  }

  /** The body of the answer, undefined when it has none. */
  async request<T>(method: string, target: string, options: RequestOptions = {}): Promise<T> {
    const retries = method === 'GET' ? READ_RETRIES : 0
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.authorised<T>(method, target, options)
      } catch (cause) {
        const error = MTChatError.of(cause)
        const isAgain = error.code === 'NETWORK' || error.code === 'TIMEOUT' || AGAIN.has(error.status)
        const wait = error.retryAfter ?? 300 * 3 ** attempt * (0.5 + Math.random())
        if (!isAgain || attempt >= retries || wait > LONGEST_WAIT_MS) throw error
        await pause(wait, options.signal)
      }
    }
  }

  private async authorised<T>(method: string, target: string, options: RequestOptions): Promise<T> {
    const { auth } = this.options
    await auth.first()
    for (let isSecond = false; ; isSecond = true) {
      const used = auth.token
      if (auth.isFinal) throw new MTChatError({ status: 401, code: 'UNAUTHORIZED' })
      try {
        const body = await this.once<T>(method, target, options)
        auth.accepted()
        return body
      } catch (cause) {
        const isRefused = cause instanceof MTChatError && cause.status === 401
        if (!isRefused || !(await auth.renew(used)) || isSecond) throw cause
      }
    }
  }

  private async once<T>(method: string, target: string, options: RequestOptions): Promise<T> {
    const { signal } = options
    if (signal?.aborted) throw aborted()
    const controller = new AbortController()
    let isLate = false
    const stop = () => controller.abort()
    const timer = setTimeout(() => {
      isLate = true
      stop()
    }, options.timeout ?? TIMEOUT_MS)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      const response = await this.fetch(this.url(target, options), {
        method,
        headers: this.headers(options),
        signal: controller.signal,
        body: options.body === undefined ? null : JSON.stringify(options.body),
      })
      const text = response.status === 204 ? '' : await response.text()
      if (!response.ok) throw refusal(response, text)
      return parse<T>(text)
    } catch (cause) {
      if (cause instanceof MTChatError) throw cause
      if (isLate) throw new MTChatError({ code: 'TIMEOUT' })
      if (signal?.aborted) throw aborted()
      throw new MTChatError({ code: 'NETWORK' })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  private get fetch(): typeof fetch {
    return this.options.fetch ?? globalThis.fetch.bind(globalThis)
  }

  private url(target: string, { query = {} }: RequestOptions): string {
    const search = new URLSearchParams({ user_id: this.options.userId })
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) search.set(name, String(value))
    }
    // "+" for a space is read differently by different servers.
    return `${this.options.baseUrl.replace(/\/+$/, '')}${target}?${search.toString().replaceAll('+', '%20')}`
  }

  private headers(options: RequestOptions): Record<string, string> {
    const { token } = this.options.auth
    return {
      ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(this.scopes ? { 'X-Scope-Config': scopeHeader(this.scopes) } : {}),
      ...options.headers,
    }
  }
}

function parse<T>(text: string): T {
  if (!text) return undefined as T
  try {
    return JSON.parse(text) as T
  } catch {
    throw new MTChatError({ code: 'BAD_RESPONSE', retryable: false })
  }
}

function refusal(response: Response, text: string): MTChatError {
  let said: { code?: unknown; message?: unknown; request_id?: unknown } = {}
  try {
    said = (JSON.parse(text) as { error?: typeof said }).error ?? {}
  } catch {
    // A proxy's page: the status says enough.
  }
  const retryAfter = waitOf(response.headers.get('Retry-After'))
  const requestId = said.request_id ?? response.headers.get('X-Request-Id')
  return new MTChatError({
    status: response.status,
    code: typeof said.code === 'string' ? said.code : `HTTP_${response.status}`,
    message: typeof said.message === 'string' ? said.message : undefined,
    retryAfter,
    requestId: typeof requestId === 'string' ? requestId : undefined,
  })
}

function waitOf(header: string | null): number | undefined {
  if (!header) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
