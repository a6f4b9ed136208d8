import { MTChat, type MessageOverrides, type MTChatConfig, type UseChatReturn } from '@mtchat/vue'
import { computed, createApp, h, shallowReactive, shallowRef, type App, type ShallowRef } from 'vue'
import { ATTRIBUTES, camel, configOf, propsOf, REFLECTED } from './attributes'
import { dress } from './styles'

/** What MTChat tells: the same names, as CustomEvents that end at the element. */
export const EVENTS = [
  'connected',
  'disconnected',
  'error',
  'auth-error',
  'message-sent',
  'dialog-selected',
  'dialog-joined',
  'dialog-left',
  'object-navigate',
] as const
const SLOTS = ['sidebar-action', 'header-menu-actions'] as const
export const METHODS = [
  'selectDialog',
  'loadDialogsByObject',
  'loadArchivedDialogsByObject',
  'loadDialogs',
  'sendMessage',
  'joinDialog',
  'leaveDialog',
  'archiveDialog',
  'unarchiveDialog',
  'pinDialog',
  'unpinDialog',
  'toggleNotifications',
  'goBack',
  'toggleInfoPanel',
] as const
export const READABLE = {
  participatingDialogs: 'participatingDialogs',
  availableDialogs: 'availableDialogs',
  archivedDialogs: 'archivedDialogs',
  currentDialog: 'currentDialog',
  // Every element has an isConnected of its own: whether it is in a page.
  isOnline: 'isConnected',
  isLoading: 'isLoading',
  mobileView: 'mobileView',
} as const
/** Read and set by a program; what is left of the readable ones can't be set. */
export const SETTABLE = ['config', 'token', 'messages', 'client', ...REFLECTED.map(camel)]

type Exposed = Record<string, unknown> & { client: UseChatReturn }

/** Where a page's one script tag came from: the service, unless the page says otherwise. */
let service = typeof location === 'undefined' ? '' : location.origin

export function setService(url: string): void {
  service = url
}

// Nothing of the browser is touched while this module loads on a server.
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- it stands for the browser's
const Base = typeof HTMLElement === 'undefined' ? (class {} as typeof HTMLElement) : HTMLElement

/** `<mt-chat>`: MTChat in a shadow root of its own, for pages of any make. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- members made in a loop, below
export class MTChatElement extends Base {
  static readonly observedAttributes = ATTRIBUTES

  private readonly given = shallowReactive<Record<string, string>>({})
  private readonly ownConfig: ShallowRef<Partial<MTChatConfig>> = shallowRef({})
  private readonly ownToken = shallowRef<string>()
  private readonly ownMessages = shallowRef<MessageOverrides>()
  private readonly ownClient = shallowRef<UseChatReturn['client']['value']>(null)
  private app: App | null = null
  private readonly exposed = shallowRef<Exposed | null>(null)

  /** What the chat is told beside the attributes, which give way to it. */
  get config(): Partial<MTChatConfig> {
    return this.ownConfig.value
  }

  set config(config: Partial<MTChatConfig> | null) {
    this.ownConfig.value = config ?? {}
  }

  /** Not an attribute of the same value: a token set here can't be read from the page's HTML. */
  get token(): string | undefined {
    return this.ownToken.value ?? this.given['token']
  }

  set token(token: string | null | undefined) {
    this.ownToken.value = token ?? undefined
  }

  /** The host's own words. */
  get messages(): MessageOverrides | undefined {
    return this.ownMessages.value
  }

  set messages(messages: MessageOverrides | null | undefined) {
    this.ownMessages.value = messages ?? undefined
  }

  /** The chat below. Given, it is used; whoever made it ends it. */
  get client(): UseChatReturn['client']['value'] {
    return this.ownClient.value ?? this.exposed.value?.client.client.value ?? null
  }

  set client(client: UseChatReturn['client']['value']) {
    this.ownClient.value = client
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    if (value === null) Reflect.deleteProperty(this.given, name)
    else this.given[name] = value
  }

  connectedCallback(): void {
    for (const name of SETTABLE) this.takeOver(name)
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    if (!this.app) this.start(root)
  }

  disconnectedCallback(): void {
    // Whoever moves an element takes it out and puts it in again at once: the chat goes on.
    queueMicrotask(() => {
      if (!this.isConnected) this.end()
    })
  }

  /** Its presence says: moving, as far as browsers know how, is no leaving. */
  connectedMoveCallback(): void {
    // The chat goes on.
  }

  adoptedCallback(): void {
    // A sheet belongs to its document.
    if (this.shadowRoot && this.app) dress(this.shadowRoot, this.nonce)
  }

  /** A framework may have set a property before the element was defined; it would hide ours. */
  private takeOver(name: string): void {
    if (!Object.hasOwn(this, name)) return
    const value: unknown = Reflect.get(this, name)
    Reflect.deleteProperty(this, name)
    Reflect.set(this, name, value)
  }

  private start(root: ShadowRoot): void {
    const { given } = this
    const listeners = Object.fromEntries(
      EVENTS.map((name) => [`on${camel(`-${name}`)}`, (detail: unknown) => this.tell(name, detail)]),
    )
    const slots = Object.fromEntries(
      SLOTS.filter((name) => [...this.children].some((child) => child.getAttribute('slot') === name)).map((name) => [name, () => h('slot', { name })]),
    )
    const config = computed(() => configOf(given, this.ownConfig.value, service))
    const app = createApp({
      render: () => {
        const known = this.ownClient.value
        const found = config.value ?? (known && { baseUrl: service, userId: known.userId })
        if (!found) return null
        const token = this.token ?? this.ownConfig.value.token
        return h(
          MTChat,
          {
            ...propsOf(given),
            ...listeners,
            ref: (made: unknown) => void (this.exposed.value = made as Exposed | null),
            config: found,
            'data-tokens': 'host',
            ...(token !== undefined && { token }),
            ...(this.ownMessages.value && { messages: this.ownMessages.value }),
            ...(known && { client: known }),
          },
          slots,
        )
      },
    })
    app.config.errorHandler = (error) => this.tell('error', error)
    dress(root, this.nonce)
    const box = this.ownerDocument.createElement('div')
    box.style.display = 'contents'
    root.append(box)
    app.mount(box)
    this.app = app
  }

  private end(): void {
    this.app?.unmount()
    this.app = null
    this.exposed.value = null
    this.shadowRoot?.replaceChildren()
  }

  private tell(name: (typeof EVENTS)[number], detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }

  static {
    const define = (name: string, property: PropertyDescriptor) =>
      Object.defineProperty(this.prototype, name, { configurable: true, enumerable: true, ...property })
    for (const attribute of REFLECTED) {
      define(camel(attribute), {
        get(this: MTChatElement) {
          return this.getAttribute(attribute)
        },
        set(this: MTChatElement, value: unknown) {
          if (value === null || value === undefined) this.removeAttribute(attribute)
          else this.setAttribute(attribute, String(value))
        },
      })
    }
    for (const [name, exposed] of Object.entries(READABLE)) {
      define(name, {
        get(this: MTChatElement) {
          return this.exposed.value?.[exposed]
        },
      })
    }
    for (const name of METHODS) {
      define(name, {
        value(this: MTChatElement, ...args: unknown[]): unknown {
          const verb = this.exposed.value?.[name] as ((...args: unknown[]) => unknown) | undefined
          if (!verb) throw new Error(`<mt-chat> is not ready: ${name}() needs user-id and a place in the page.`)
          return verb(...args)
        },
      })
    }
  }
}

/** What a program sees beside the members written out above. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export interface MTChatElement
  extends Pick<UseChatReturn, Extract<(typeof METHODS)[number], keyof UseChatReturn>> {
  baseUrl: string | null
  wsUrl: string | null
  userId: string | null
  tokenUrl: string | null
  locale: string | null
  displayName: string | null
  company: string | null
  mode: string | null
  objectId: string | null
  objectType: string | null
  dialogId: string | null
  messageId: string | null
  messageLink: string | null
  theme: string | null
  density: string | null
  searchPlaceholder: string | null
  timeZone: string | null
  goBack(): void
  toggleInfoPanel(): void
}

/** Makes `<mt-chat>` known to the page, once. Importing the package has done it. */
export function defineMTChat(name = 'mt-chat'): void {
  if (typeof customElements === 'undefined' || customElements.get(name)) return
  customElements.define(name, name === 'mt-chat' ? MTChatElement : class extends MTChatElement {})
}
