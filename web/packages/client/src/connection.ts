import type { Auth } from './auth.js'
import type { Connection as ConnectionState, Environment, Undo, WsClientMessage, WsEvent } from './types.js'

const LONGEST_WAIT_MS = 30_000
const PONG_WITHIN_MS = 10_000
const GREETING_WITHIN_MS = 15_000
const TICK_MS = 5_000
const SLEEP_MS = 10_000

export interface ConnectionOptions {
  /** Where to go, with the cursor to resume from. */
  url: (cursor: string | null) => string
  open: (url: string) => WebSocket
  environment: Environment
  auth: Auth
  reconnect: boolean
  /** Milliseconds: the first wait is below it, later ones below its doubles. */
  firstWait: number
  heartbeat: number
  onState: (state: ConnectionState) => void
  onEvent: (event: WsEvent) => void
  /** A handshake failed without a word: find out whether the token is to blame. False: it is, for good. */
  probe: () => Promise<boolean>
}

/** One socket kept open, as far as that is possible: dials, pings, waits, resumes where it stopped. */
export class Connection {
  state: ConnectionState = { status: 'idle' }
  private socket: WebSocket | null = null
  private cursor: string | null = null
  private attempt = 0
  private isWanted = false
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private greetingTimer: ReturnType<typeof setTimeout> | undefined
  private pingTimer: ReturnType<typeof setInterval> | undefined
  private pongTimer: ReturnType<typeof setTimeout> | undefined
  private tick: ReturnType<typeof setInterval> | undefined
  private undo: Undo | undefined

  constructor(private readonly options: ConnectionOptions) {}

  connect(): void {
    if (this.isWanted) return
    this.isWanted = true
    this.undo = this.options.environment.onChange((what) => {
      if (what === 'online' || what === 'visible') this.hurry()
      // The socket would only find out after a while.
      if (what === 'offline' && this.state.status !== 'unauthorized') this.lost()
    })
    let before = Date.now()
    this.tick = setInterval(() => {
      const late = Date.now() - before - TICK_MS
      before = Date.now()
      // The timer stood still: the machine slept, and the socket may be dead without knowing.
      if (late > SLEEP_MS) this.hurry()
    }, TICK_MS)
    this.dial()
  }

  disconnect(): void {
    if (!this.isWanted) return
    this.isWanted = false
    this.undo?.()
    clearInterval(this.tick)
    this.drop(1000)
    this.attempt = 0
    this.become({ status: 'idle' })
  }

  send(message: WsClientMessage): boolean {
    if (this.state.status !== 'online' || !this.socket) return false
    this.socket.send(JSON.stringify(message))
    return true
  }

  /** There is another token: an open socket keeps the old one, a refused one is opened anew. */
  tokenChanged(): void {
    if (this.isWanted && this.state.status === 'unauthorized') {
      this.attempt = 0
      this.dial()
    }
  }

  /** The token is not taken, as a request has found out. */
  refuse(): void {
    if (!this.isWanted) return
    this.drop()
    this.become({ status: 'unauthorized', isFinal: true })
  }

  ping(): void {
    if (this.send({ type: 'ping' })) this.pongTimer ??= setTimeout(() => this.lost(), PONG_WITHIN_MS)
  }

  private become(state: ConnectionState): void {
    this.state = state
    this.options.onState(state)
  }

  /** Something speaks for trying now. */
  private hurry(): void {
    if (this.state.status === 'online') return this.ping()
    if (this.state.status === 'reconnecting' || this.state.status === 'offline') {
      this.attempt = 0
      this.dial()
    }
  }

  private dial(): void {
    const { auth } = this.options
    this.drop()
    if (!this.options.environment.isOnline()) return this.become({ status: 'offline' })
    if (this.attempt === 0) this.become({ status: 'connecting' })
    if (auth.token === null && auth.canAsk) return void this.refused(null)
    let socket: WebSocket
    try {
      socket = this.options.open(this.options.url(this.cursor))
    } catch {
      return this.lost()
    }
    this.socket = socket
    const used = auth.token
    let wasGreeted = false
    this.greetingTimer = setTimeout(() => this.lost(), GREETING_WITHIN_MS)
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (this.socket !== socket) return
      const event = read(message.data)
      if (!event) return
      if (event.type === 'connected') {
        wasGreeted = true
        this.greeted()
      }
      if (event.type === 'connected' || event.type === 'pong') this.cursor = event.cursor ?? this.cursor
      if (event.type === 'pong') this.ponged()
      this.options.onEvent(event)
    }
    // Not every WebSocket says "close" after a handshake that failed.
    socket.onerror = () => {
      if (this.socket === socket && !wasGreeted) void this.unheard(used)
    }
    socket.onclose = (event: CloseEvent) => {
      if (this.socket !== socket) return
      if (event.code === 1008) void this.refused(used)
      else if (wasGreeted) this.lost()
      else void this.unheard(used)
    }
  }

  private greeted(): void {
    this.attempt = 0
    clearTimeout(this.greetingTimer)
    this.options.auth.accepted()
    this.pingTimer = setInterval(() => this.ping(), this.options.heartbeat)
    this.become({ status: 'online' })
  }

  private ponged(): void {
    clearTimeout(this.pongTimer)
    this.pongTimer = undefined
  }

  private async unheard(used: string | null): Promise<void> {
    this.drop()
    const isAllowed = await this.options.probe()
    if (!this.isWanted || this.socket) return
    // The probe got another token: that was it.
    if (this.options.auth.token !== used) this.dial()
    else if (isAllowed) this.lost()
    else this.refuse()
  }

  private async refused(used: string | null): Promise<void> {
    this.drop()
    this.become({ status: 'unauthorized', isFinal: false })
    const hasAnother = await this.options.auth.renew(used)
    if (!this.isWanted || this.socket) return
    if (hasAnother) this.dial()
    else this.refuse()
  }

  private lost(): void {
    this.drop()
    if (!this.isWanted) return
    if (!this.options.reconnect) return this.disconnect()
    if (!this.options.environment.isOnline()) return this.become({ status: 'offline' })
    // Full jitter: many clients that lost the same server must not come back together.
    const wait = Math.random() * Math.min(LONGEST_WAIT_MS, this.options.firstWait * 2 ** this.attempt)
    this.attempt += 1
    this.become({ status: 'reconnecting', attempt: this.attempt, nextAt: Date.now() + wait })
    this.retryTimer = setTimeout(() => this.dial(), wait)
  }

  /** Let go of the socket and of everything that waits for it. */
  private drop(code?: number): void {
    clearTimeout(this.retryTimer)
    clearTimeout(this.greetingTimer)
    clearInterval(this.pingTimer)
    this.ponged()
    const { socket } = this
    this.socket = null
    try {
      socket?.close(code)
    } catch {
      // Closing a socket that is not open yet may throw; it is let go either way.
    }
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
