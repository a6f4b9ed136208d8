import type { MTChatApi } from './api.js'
import type { Auth } from './auth.js'
import { MTChatError } from './errors.js'
import { memoryStorage, type Storage } from './storage.js'
import type { Store } from './store.js'
import { alone, type Tabs } from './tabs.js'
import type {
  Capability,
  ChatEvents,
  ChatState,
  DialogId,
  Environment,
  MTChatConfig,
  ParticipantSummary,
  UserId,
  WsClientMessage,
} from './types.js'

/** What every part of the client shares. */
export interface Core {
  readonly config: MTChatConfig
  readonly userId: UserId
  readonly api: MTChatApi
  readonly auth: Auth
  readonly store: Store<ChatState>
  readonly environment: Environment
  storage: Storage
  tabs: Tabs
  isDestroyed: boolean
  emit<E extends keyof ChatEvents>(event: E, value: ChatEvents[E]): void
  /** Tells the `error` event and the logger. */
  report(cause: unknown, where: string): MTChatError
  /** The same for what somebody waits for, who hears of it too. */
  told<T>(work: Promise<T>, where: string): Promise<T>
  /** Reports a failed request about a dialog. A 403 or 404 speaks of the dialog, which is shut then; null: nothing to show. */
  blame(dialogId: DialogId, cause: unknown, where: string): MTChatError | null
  /** One does not take part any more, or the dialog is gone. */
  isShut(dialogId: DialogId): boolean
  can(capability: Capability): boolean
  /** Over the socket, if there is one. */
  speak(message: WsClientMessage): boolean
}

/** What is known before anything was asked. */
export const NO_STATE: ChatState = {
  connection: { status: 'idle' },
  capabilities: [],
  lists: {
    participating: emptyList(),
    archived: emptyList(),
    available: emptyList(),
  },
  objects: {},
  dialogs: {},
  open: [],
  transcripts: {},
  participants: {},
  presence: {},
  typing: {},
  outbox: {},
  drafts: {},
  uploads: {},
  search: { query: '', dialogId: null, hits: [], status: 'idle', error: null, hasMore: false },
  files: {},
  names: {},
}

function emptyList(): ChatState['lists']['participating'] {
  return { ids: [], status: 'idle', error: null, isLoadingMore: false, hasMore: false, total: null, search: '' }
}

export function createCore(
  parts: Pick<Core, 'config' | 'api' | 'auth' | 'store' | 'environment' | 'speak'>,
  shut: (dialogId: DialogId, access: 'none' | 'gone') => void,
): Core & { listen<E extends keyof ChatEvents>(event: E, listener: (value: ChatEvents[E]) => void): () => void } {
  const listeners = new Map<keyof ChatEvents, Set<(value: never) => void>>()
  const core = {
    ...parts,
    userId: parts.config.userId,
    storage: memoryStorage(),
    tabs: alone(),
    isDestroyed: false,
    can: (capability: Capability) => parts.store.get().capabilities.includes(capability),
    emit<E extends keyof ChatEvents>(event: E, value: ChatEvents[E]) {
      for (const listener of [...(listeners.get(event) ?? [])] as ((value: ChatEvents[E]) => void)[]) {
        try {
          listener(value)
        } catch (cause) {
          if (event !== 'error') core.report(cause, `listener of ${event}`)
        }
      }
    },
    report(cause: unknown, where: string): MTChatError {
      const error = MTChatError.of(cause)
      const { status, code, requestId } = error
      // That no token is taken was said where it was found out.
      const isSaid = status === 401 && parts.auth.isFinal && where !== 'auth'
      if (code === 'ABORTED' || core.isDestroyed || isSaid) return error
      parts.config.logger?.('error', where, { status, code, requestId })
      core.emit('error', error)
      return error
    },
    told<T>(work: Promise<T>, where: string): Promise<T> {
      return work.catch((cause: unknown) => {
        throw core.report(cause, where)
      })
    },
    blame(dialogId: DialogId, cause: unknown, where: string): MTChatError | null {
      const error = MTChatError.of(cause)
      const { status, code } = error
      if (status === 403) shut(dialogId, 'none')
      else if (status === 404 && code !== 'MESSAGE_NOT_FOUND') shut(dialogId, 'gone')
      else if (code !== 'ABORTED') return core.report(error, where)
      return null
    },
    isShut: (dialogId: DialogId) => (parts.store.get().transcripts[dialogId]?.access ?? 'ok') !== 'ok',
    listen<E extends keyof ChatEvents>(event: E, listener: (value: ChatEvents[E]) => void) {
      const own = listeners.get(event) ?? new Set()
      listeners.set(event, own.add(listener as (value: never) => void))
      return () => void own.delete(listener as (value: never) => void)
    },
  }
  return core
}

/** Remember names, so that who leaves stays readable. Only what is new changes anything. */
export function learnNames(core: Core, people: Iterable<ParticipantSummary>): void {
  const { names } = core.store.get()
  const learned: Record<UserId, ParticipantSummary> = {}
  for (const { user_id, display_name, company } of people) {
    const known = names[user_id]
    if (!display_name || (known?.display_name === display_name && (company === undefined || known.company === company))) continue
    const place = company ?? known?.company
    learned[user_id] = { user_id, display_name, ...(place === undefined ? {} : { company: place }) }
  }
  if (Object.keys(learned).length) core.store.set({ names: { ...names, ...learned } })
}
