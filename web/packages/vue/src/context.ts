import type { ChatClient, ChatState, DialogId, MessageId } from '@mtchat/client'
import {
  computed,
  inject,
  onScopeDispose,
  provide,
  shallowReactive,
  shallowRef,
  type ComputedRef,
  type InjectionKey,
  type ShallowRef,
} from 'vue'

export interface ChatContext {
  readonly client: ChatClient
  readonly state: Readonly<ShallowRef<ChatState>>
  /** Which message is being edited, by dialog. */
  readonly editing: Record<DialogId, MessageId>
}

const KEY: InjectionKey<ChatContext> = Symbol('mtchat-client')

/** The client's state as one ref, for as long as the scope lives. */
export function followState(client: ChatClient): ShallowRef<ChatState> {
  const state = shallowRef(client.getSnapshot())
  onScopeDispose(client.subscribe((now) => now, (now) => (state.value = now)))
  return state
}

/** Gives *client* to everything below. For another client, mount anew: a `key` on the component does it. */
export function provideClient(
  client: ChatClient,
  editing: Record<DialogId, MessageId> = shallowReactive<Record<DialogId, MessageId>>({}),
): ChatContext {
  const context: ChatContext = { client, state: followState(client), editing }
  provide(KEY, context)
  return context
}

export function useChatContext(): ChatContext {
  const context = inject(KEY, undefined)
  if (!context) throw new Error('This component needs an MTChat around, or provideClient().')
  return context
}

/** The client of the MTChat around. */
export function useClient(): ChatClient {
  return useChatContext().client
}

/**
 * A part of the client's state. *select* may read props and refs; whoever uses the result is told only when what it
 * picks is another value, so pick what is there and build nothing new in it.
 */
export function useSlice<T>(select: (state: ChatState) => T): ComputedRef<T> {
  const { state } = useChatContext()
  return computed(() => select(state.value))
}
