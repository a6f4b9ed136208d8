/** The original's classes, for hosts that speak to the service themselves. `createChat` does more. */
import { MTChatApi } from './api.js'
import { createAuth, type Auth } from './auth.js'
import { createConnection, type Connection } from './connection.js'
import { browser } from './environment.js'
import { unauthorized } from './errors.js'
import { createTransport } from './transport.js'
import type { AttachmentInput, DialogId, Message, MessageId, MTChatConfig, Undo, UserProfile, WsClientMessage, WsEvent, WsEventHandler, WsEventType } from './types.js'

export type MTChatWebSocketOptions = Pick<
  MTChatConfig,
  'baseUrl' | 'wsUrl' | 'userId' | 'token' | 'getToken' | 'reconnect' | 'reconnectInterval' | 'heartbeatInterval' | 'WebSocket' | 'environment'
> & {
  onEvent?: WsEventHandler
}

/** A socket that stays open: it dials again, pings, and resumes where it stopped. */
export class MTChatWebSocket {
  private readonly connection: Connection
  private wasOnline = false

  constructor(
    options: MTChatWebSocketOptions,
    auth: Auth = createAuth(options.token ?? null, options.getToken),
    probe: () => Promise<boolean> = () => Promise.resolve(true),
  ) {
    const tell = (event: WsEvent) => options.onEvent?.(event)
    this.connection = createConnection({
      config: options,
      environment: options.environment ?? browser,
      auth,
      onEvent: tell,
      onState: (state) => {
        const isOnline = state.status === 'online'
        if (this.wasOnline && !isOnline) tell({ type: 'disconnected' })
        this.wasOnline = isOnline
        if (state.status === 'unauthorized' && state.isFinal) {
          tell({ type: 'error', payload: { error_message: 'Unauthorized: the token is not taken.' } })
        }
      },
      probe,
    })
  }

  get isConnected(): boolean {
    return this.connection.state().status === 'online'
  }

  connect(): void {
    this.connection.connect()
  }

  disconnect(): void {
    this.connection.disconnect()
  }

  send(message: WsClientMessage): void {
    this.connection.send(message)
  }

  subscribe(dialogId: DialogId): void {
    this.send({ type: 'subscribe', dialog_id: dialogId })
  }

  unsubscribe(dialogId: DialogId): void {
    this.send({ type: 'unsubscribe', dialog_id: dialogId })
  }

  ping(): void {
    this.connection.ping()
  }
}

export class MTChatClient {
  readonly api: MTChatApi
  readonly userId: string
  private readonly socket: MTChatWebSocket
  private readonly handlers = new Map<WsEventType | '*', Set<WsEventHandler>>()

  constructor(private readonly config: MTChatConfig) {
    this.userId = config.userId
    const { baseUrl, userId, scopeConfig: scopes, fetch } = config
    const auth = createAuth(config.token ?? null, config.getToken, (what) => {
      if (what === 'final') config.onAuthError?.(unauthorized())
    })
    this.api = new MTChatApi(createTransport({ baseUrl, userId, auth, scopes, fetch }), userId, scopes, undefined, config.XMLHttpRequest)
    this.socket = new MTChatWebSocket({ ...config, onEvent: (event) => this.tell(event) }, auth, () => this.api.isAccepted())
  }

  get isConnected(): boolean {
    return this.socket.isConnected
  }

  connect(): void {
    this.socket.connect()
  }

  disconnect(): void {
    this.socket.disconnect()
  }

  subscribe(dialogId: DialogId): void {
    this.socket.subscribe(dialogId)
  }

  unsubscribe(dialogId: DialogId): void {
    this.socket.unsubscribe(dialogId)
  }

  on(event: WsEventType | '*', handler: WsEventHandler): Undo {
    const own = this.handlers.get(event) ?? new Set()
    this.handlers.set(event, own.add(handler))
    return () => this.off(event, handler)
  }

  off(event: WsEventType | '*', handler: WsEventHandler): void {
    this.handlers.get(event)?.delete(handler)
  }

  sendMessage(
    dialogId: DialogId,
    content: string,
    options: { replyTo?: MessageId; attachments?: readonly AttachmentInput[] } = {},
  ): Promise<Message> {
    return this.api.sendMessage(dialogId, content, options)
  }

  joinDialog(dialogId: DialogId, profile: UserProfile | undefined = this.config.userProfile): Promise<void> {
    return this.api.joinDialog(dialogId, profile ?? { displayName: this.userId, company: '' })
  }

  leaveDialog(dialogId: DialogId): Promise<void> {
    return this.api.leaveDialog(dialogId)
  }

  private tell(event: WsEvent): void {
    const { config } = this
    if (event.type === 'connected') config.onConnect?.()
    if (event.type === 'disconnected') config.onDisconnect?.()
    if (event.type === 'error') config.onError?.(new Error(event.payload?.error_message ?? 'error'))
    config.onMessage?.(event)
    for (const handler of [...(this.handlers.get(event.type) ?? []), ...(this.handlers.get('*') ?? [])]) handler(event)
  }
}
