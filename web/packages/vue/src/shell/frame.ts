// What the panes of one MTChat share: which are seen, how to move between them, what to tell.
import type { Dialog, DialogId, MTChatError } from '@mtchat/client'
import { inject, type InjectionKey, type Ref, type Slots } from 'vue'
import type { UseChatReturn } from '../composables/useChat'
import type { ConnectionLine } from './connection'

export type Layout = 'narrow' | 'medium' | 'wide'
export type View = 'list' | 'chat' | 'info'

/** One line under the header, with one thing to do about it. */
export interface Notice {
  readonly text: string
  readonly isError?: boolean
  readonly action?: { readonly label: string; readonly run: () => void }
}

export interface FrameOptions {
  readonly mode: 'full' | 'inline'
  readonly showHeader: boolean
  readonly showSidebar: boolean
  readonly showTabs: boolean
  readonly showContextMenu: boolean
  readonly showSearch: boolean
  readonly searchPlaceholder: string | undefined
  readonly interceptObjectNavigation: boolean
  readonly shortcuts: boolean
  readonly messageId: string | undefined
  readonly messageLink: string | undefined
  readonly object: { readonly objectType: string; readonly objectId: string } | null
  /** Remembers nothing on this device. */
  readonly isForgetful: boolean
  readonly profile: { displayName: string; company: string; email?: string; phone?: string } | undefined
}

export interface Frame {
  readonly chat: UseChatReturn
  readonly options: FrameOptions
  readonly slots: Slots
  readonly layout: Readonly<Ref<Layout>>
  /** The one pane to be seen when there is room for one. */
  readonly view: Readonly<Ref<View>>
  readonly isListAlone: Readonly<Ref<boolean>>
  readonly isInfoOpen: Readonly<Ref<boolean>>
  readonly isSearchOpen: Ref<boolean>
  /** What there is to say about the connection. */
  readonly line: Readonly<Ref<ConnectionLine | null>>
  readonly notice: Readonly<Ref<Notice | null>>
  select(dialog: Dialog): void
  goBack(): void
  toggleInfo(open?: boolean): void
  navigate(dialog: Dialog, event: Event): void
  /** Asks who to join as, then joins. */
  askToJoin(dialogId: DialogId): void
  askToLeave(dialogId: DialogId): void
  notify(notice: Notice | null): void
  /** Does what may fail; a failure becomes a notice. */
  attempt(act: () => Promise<unknown>): Promise<boolean>
  report(error: MTChatError | Error): void
  focusComposer(): void
  /** The transcript shows the message, if it still exists. */
  showMessage(messageId: string): Promise<boolean>
}

export const FRAME_KEY: InjectionKey<Frame> = Symbol('mtchat-frame')

export function useFrame(): Frame {
  const frame = inject(FRAME_KEY, undefined)
  if (!frame) throw new Error('This component needs an MTChat around.')
  return frame
}
