import type { Auth } from './auth.js'
import type { Connection as State, Environment, MTChatConfig, Undo, WsClientMessage, WsEvent } from './types.js'

const LONGEST_WAIT_MS = 30_000
const PONG_WITHIN_MS = 10_000
const GREETING_WITHIN_MS = 15_000
const TICK_MS = 5_000
const SLEEP_MS = 10_000

export interface ConnectionOptions {
  config: Pick<MTChatConfig, 'baseUrl' | 'wsUrl' | 'userId' | 'reconnect' | 'reconnectInterval' | 'heartbeatInterval' | 'WebSocket'>
  environment: Environment
  auth: Auth
  onState: (state: State) => void
  onEvent: (event: WsEvent) => void
  /** A handshake failed without a word: find out whether the token is to blame. False: it is, for good. */
  probe: () => Promise<boolean>
}

export type Connection = ReturnType<typeof createConnection>

/** One socket kept open, as far as that is possible: dials, pings, waits, resumes where it stopped. */
export function createConnection({ config, environment, auth, onState, onEvent, probe }: ConnectionOptions) {
  const { reconnect = true, reconnectInterval = 3_000, heartbeatInterval = 30_000 } = config
  let state: State = { status: 'idle' }
  let socket: WebSocket | null = null
  let cursor: string | null = null
  let attempt = 0
  let isWanted = false
  let retryTimer: ReturnType<typeof setTimeout> | undefined
  let greetingTimer: ReturnType<typeof setTimeout> | undefined
  let pingTimer: ReturnType<typeof setInterval> | undefined
  let pongTimer: ReturnType<typeof setTimeout> | undefined
  let tick: ReturnType<typeof setInterval> | undefined
  let undo: Undo | undefined

  const become = (next: State) => {
    state = next
    onState(next)
  }
  const send = (message: WsClientMessage): boolean => {
    if (state.status !== 'online' || !socket) return false
    socket.send(JSON.stringify(message))
    return true
  }
  const ping = () => {
    if (send({ type: 'ping' })) pongTimer ??= setTimeout(lost, PONG_WITHIN_MS)
  }
  const ponged = () => {
    clearTimeout(pongTimer)
    pongTimer = undefined
  }
  /** Let go of the socket and of everything that waits for it. */
  const drop = (code?: number) => {
    clearTimeout(retryTimer)
    clearTimeout(greetingTimer)
    clearInterval(pingTimer)
    ponged()
    const old = socket
    socket = null
    try {
      old?.close(code)
    } catch {
      // Closing a socket that is not open yet may throw; it is let go either way.
    }
  }
  const disconnect = () => {
    if (!isWanted) return
    isWanted = false
    undo?.()
    clearInterval(tick)
    drop(1000)
    attempt = 0
    become({ status: 'idle' })
  }
  const lost = () => {
    drop()
    if (!isWanted) return
    if (!reconnect) return disconnect()
    if (!environment.isOnline()) return become({ status: 'offline' })
    // Full jitter: many clients that lost the same server must not come back together.
    const wait = Math.random() * Math.min(LONGEST_WAIT_MS, (reconnectInterval / 2) * 2 ** attempt)
    attempt += 1
    become({ status: 'reconnecting', attempt, nextAt: Date.now() + wait })
    retryTimer = setTimeout(dial, wait)
  }
  /** The token is not taken, for good. */
  const refuse = () => {
    if (!isWanted) return
    drop()
    become({ status: 'unauthorized', isFinal: true })
  }
  /** *used* is not taken: one more try with another, if there is one. */
  const refused = async (used: string | null) => {
    drop()
    become({ status: 'unauthorized', isFinal: false })
    const hasAnother = await auth.renew(used)
    if (!isWanted || socket) return
    if (hasAnother) dial()
    else refuse()
  }
  const unheard = async (used: string | null) => {
    drop()
    const isAllowed = await probe()
    if (!isWanted || socket) return
    // The probe got another token: that was it.
    if (auth.token !== used) dial()
    else if (isAllowed) lost()
    else refuse()
  }
  const greeted = () => {
    attempt = 0
    clearTimeout(greetingTimer)
    auth.accepted()
    pingTimer = setInterval(ping, heartbeatInterval)
    become({ status: 'online' })
  }
  const dial = () => {
    drop()
    if (!environment.isOnline()) return become({ status: 'offline' })
    if (attempt === 0) become({ status: 'connecting' })
    if (auth.token === null && auth.canAsk()) return void refused(null)
    const used = auth.token
    let mine: WebSocket
    try {
      mine = socket = new (config.WebSocket ?? globalThis.WebSocket)(socketUrl(config.baseUrl, config.wsUrl, used, config.userId, cursor))
    } catch {
      return lost()
    }
    let wasGreeted = false
    greetingTimer = setTimeout(lost, GREETING_WITHIN_MS)
    mine.onmessage = (message: MessageEvent<unknown>) => {
      if (socket !== mine) return
      const event = read(message.data)
      if (!event) return
      const { type } = event
      if (type === 'connected') {
        wasGreeted = true
        greeted()
      }
      if (type === 'connected' || type === 'pong') cursor = event.cursor ?? cursor
      if (type === 'pong') ponged()
      onEvent(event)
    }
    // Not every WebSocket says "close" after a handshake that failed.
    mine.onerror = () => {
      if (socket === mine && !wasGreeted) void unheard(used)
    }
    mine.onclose = ({ code }: CloseEvent) => {
      if (socket !== mine) return
      if (code === 1008) void refused(used)
      else if (wasGreeted) lost()
      else void unheard(used)
    }
  }
  /** Something speaks for trying now. */
  const hurry = () => {
    const { status } = state
    if (status === 'online') return ping()
    if (status === 'reconnecting' || status === 'offline') {
      attempt = 0
      dial()
    }
  }

  return {
    state: () => state,
    connect(): void {
      // Whoever asks again does not want to wait.
      if (isWanted) return hurry()
      isWanted = true
      undo = environment.onChange((what) => {
        if (what === 'online' || what === 'visible') hurry()
        // The socket would only find out after a while.
        if (what === 'offline' && state.status !== 'unauthorized') lost()
      })
      let before = Date.now()
      tick = setInterval(() => {
        const late = Date.now() - before - TICK_MS
        before = Date.now()
        // The timer stood still: the machine slept, and the socket may be dead without knowing.
        if (late > SLEEP_MS) hurry()
      }, TICK_MS)
      dial()
    },
    disconnect,
    send,
    ping,
    refuse,
    /** There is another token: an open socket keeps the old one, a refused one is opened anew. */
    tokenChanged(): void {
      if (!isWanted || state.status !== 'unauthorized') return
      attempt = 0
      dial()
    },
  }
}

function read(data: unknown): WsEvent | null {
  try {
    const event = JSON.parse(String(data)) as WsEvent
    return typeof event?.type === 'string' ? event : null
  } catch {
    return null
  }
}

/** The socket's address: the one given, or the API's with ws(s); with who asks, and where to go on. */
export function socketUrl(
  baseUrl: string,
  wsUrl: string | undefined,
  token: string | null,
  userId: string,
  cursor: string | null,
): string {
  const url = new URL(wsUrl ?? (baseUrl || '/'), globalThis.location?.href)
  if (!wsUrl) url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/ws`
  url.protocol = url.protocol.replace(/^http/, 'ws')
  url.searchParams.set(token ? 'token' : 'user_id', token ?? userId)
  if (cursor) url.searchParams.set('cursor', cursor)
  return url.href
}
