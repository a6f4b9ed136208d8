import type { AttachmentInput, ChatClient, Dialog, DialogId, Message, MTChatConfig, MTChatError, UserProfile } from '@mtchat/client'

export type { MTChatConfig } from '@mtchat/client'

/** What `<mt-chat>` tells. The events end at the element. */
export interface MTChatEventMap {
  connected: CustomEvent<undefined>
  disconnected: CustomEvent<undefined>
  error: CustomEvent<Error>
  /** The service took neither the token nor a new one: sign in again and set `token`. */
  'auth-error': CustomEvent<MTChatError>
  'message-sent': CustomEvent<Message>
  'dialog-selected': CustomEvent<Dialog>
  'dialog-joined': CustomEvent<DialogId>
  'dialog-left': CustomEvent<DialogId>
  'object-navigate': CustomEvent<{ dialog: Dialog; originalEvent: Event }>
}

export declare class MTChatElement extends HTMLElement {
  /** Goes before the attributes. */
  get config(): Partial<MTChatConfig>
  set config(config: Partial<MTChatConfig> | null)
  get token(): string | undefined
  set token(token: string | null | undefined)
  /** The host's own words, by the keys of a locale file. */
  messages: object | null | undefined
  client: ChatClient | null

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
  showHeader: string | boolean | null
  showSidebar: string | boolean | null
  showTabs: string | boolean | null
  showContextMenu: string | boolean | null
  showSearch: string | boolean | null
  shortcuts: string | boolean | null
  interceptObjectNavigation: string | boolean | null
  history: string | boolean | null

  readonly participatingDialogs: readonly Dialog[] | undefined
  readonly availableDialogs: readonly Dialog[] | undefined
  readonly archivedDialogs: readonly Dialog[] | undefined
  readonly currentDialog: Dialog | null | undefined
  /** Whether the socket is open. `isConnected` of the component; here that says whether the element is in a page. */
  readonly isOnline: boolean | undefined
  readonly isLoading: boolean | undefined
  readonly mobileView: string | undefined

  selectDialog(dialog: Dialog | DialogId | null): Promise<void>
  loadDialogs(): Promise<void>
  loadDialogsByObject(objectType?: string, objectId?: string): Promise<readonly DialogId[]>
  loadArchivedDialogsByObject(objectType?: string, objectId?: string): Promise<readonly DialogId[]>
  sendMessage(content: string, attachments?: readonly AttachmentInput[]): Promise<string | null>
  joinDialog(dialogId: DialogId, profile?: UserProfile): Promise<void>
  leaveDialog(dialogId: DialogId): Promise<void>
  archiveDialog(dialogId: DialogId): Promise<void>
  unarchiveDialog(dialogId: DialogId): Promise<void>
  pinDialog(dialogId: DialogId): Promise<void>
  unpinDialog(dialogId: DialogId): Promise<void>
  toggleNotifications(dialogId: DialogId, enabled?: boolean): Promise<void>
  goBack(): void
  toggleInfoPanel(): void

  addEventListener<K extends keyof MTChatEventMap>(type: K, listener: (event: MTChatEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void
}

/** Makes the element known to the page, once. Importing the package has done it under the name `mt-chat`. */
export declare function defineMTChat(name?: string): void
/** Where the service is, for elements without `base-url`. */
export declare function setService(url: string): void

/**
 * Draws the PDF behind `url` into `place`. Resolves once there is something to see; a rejection is shown with Retry. `signal` is
 * aborted when the viewer goes on to another file or closes.
 */
export type PdfRenderer = (place: HTMLElement, file: { readonly url: string; readonly filename: string }, signal: AbortSignal) => void | Promise<void>
/** From now on PDFs open in the viewer, in every chat of the page. The answer takes *render* back. */
export declare function registerPdf(render: PdfRenderer): () => void

declare global {
  interface HTMLElementTagNameMap {
    'mt-chat': MTChatElement
  }
}
