import type { Auth } from './auth.js'
import { aborted, MTChatError, unauthorized } from './errors.js'
import type { ScopeConfig } from './types.js'

const TIMEOUT_MS = 15_000
const READ_RETRIES = 2
const LONGEST_WAIT_MS = 30_000
const AGAIN_MS = [1_000, 3_000]
const AGAIN = new Set([429, 502, 503, 504])

export interface RequestOptions {
  query?: Record<string, string | number | boolean | null | undefined>
  body?: unknown
  signal?: AbortSignal | undefined
  headers?: Record<string, string>
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

/** The network may stumble; what is refused for good is not asked again. */
export async function again<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work()
    } catch (cause) {
      const wait = AGAIN_MS[attempt]
      if (wait === undefined || !MTChatError.of(cause).retryable || signal?.aborted) throw cause
      await pause(wait, signal)
    }
  }
}

export type Transport = ReturnType<typeof createTransport>

/** Requests to the chat API: identity, deadline, retries of reads, and refusals as MTChatError. */
export function createTransport({ baseUrl, userId, auth, scopes, fetch = globalThis.fetch.bind(globalThis) }: TransportOptions) {
  const root = baseUrl.replace(/\/+$/, '')

  const ask = async <T>(method: string, target: string, { query = {}, body, signal, headers }: RequestOptions): Promise<T> => {
    if (signal?.aborted) throw aborted()
    const search = new URLSearchParams({ user_id: userId })
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) search.set(name, String(value))
    }
    const controller = new AbortController()
    let isLate = false
    const stop = () => controller.abort()
    const timer = setTimeout(() => {
      isLate = true
      stop()
    }, TIMEOUT_MS)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      // "+" for a space is read differently by different servers.
      const response = await fetch(`${root}${target}?${search.toString().replaceAll('+', '%20')}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...(auth.token ? { Authorization: `Bearer ${auth.token}` } : {}),
          ...(scopes ? { 'X-Scope-Config': scopeHeader(scopes) } : {}),
          ...headers,
        },
        signal: controller.signal,
        body: body === undefined ? null : JSON.stringify(body),
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
  const authorised = async <T>(method: string, target: string, options: RequestOptions): Promise<T> => {
    await auth.first()
    for (let isSecond = false; ; isSecond = true) {
      const used = auth.token
      if (auth.isFinal) throw unauthorized()
      try {
        const answer = await ask<T>(method, target, options)
        auth.accepted()
        return answer
      } catch (cause) {
        const isRefused = cause instanceof MTChatError && cause.status === 401
        if (!isRefused || !(await auth.renew(used)) || isSecond) throw cause
      }
    }
  }

  return {
    /** The body of the answer, undefined when it has none. */
    async request<T>(method: string, target: string, options: RequestOptions = {}): Promise<T> {
      const retries = method === 'GET' ? READ_RETRIES : 0
      for (let attempt = 0; ; attempt++) {
        try {
          return await authorised<T>(method, target, options)
        } catch (cause) {
          const error = MTChatError.of(cause)
          const isAgain = error.code === 'NETWORK' || error.code === 'TIMEOUT' || AGAIN.has(error.status)
          const wait = error.retryAfter ?? 300 * 3 ** attempt * (0.5 + Math.random())
          if (!isAgain || attempt >= retries || wait > LONGEST_WAIT_MS) throw error
          await pause(wait, options.signal)
        }
      }
    },
    setScopes(next: ScopeConfig): void {
      scopes = next
    },
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
