// A page with an MTChat in it, over the server in memory.
import { createTestPage, createTestServer, fixedChat, type FixedChat, type TestServer } from '@mtchat/client/testing'
import type { ChatState, MTChatConfig } from '@mtchat/client'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach } from 'vitest'
import { defineComponent, h, type Component } from 'vue'
import { addLocale, provideI18n } from '../src/i18n'
import en from '../src/i18n/locales/en.json'
import ru from '../src/i18n/locales/ru.json'
import zh from '../src/i18n/locales/zh.json'
import MTChat, { type MTChatProps } from '../src/MTChat.vue'

const mounted: VueWrapper[] = []
afterEach(() => {
  for (const wrapper of mounted.splice(0)) wrapper.unmount()
  document.body.innerHTML = ''
  localStorage.clear()
})
beforeEach(() => {
  addLocale('ru', ru)
  addLocale('en', en)
  addLocale('zh', zh)
  giveSizes()
})

/** happy-dom lays nothing out: every element says it is 1000 by 600, rows 76 high. */
function giveSizes(): void {
  const of = (name: 'offsetHeight' | 'offsetWidth' | 'clientHeight' | 'clientWidth', size: (element: HTMLElement) => number) =>
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get(this: HTMLElement) { return size(this) } })
  of('offsetHeight', () => 600)
  of('clientHeight', () => 600)
  of('offsetWidth', () => 1000)
  of('clientWidth', () => width)
  globalThis.ResizeObserver = class {
    constructor(private readonly tell: ResizeObserverCallback) {}
    observe(target: Element): void {
      const isRow = !!target.querySelector(':scope > .mtchat-entry')
      const contentRect = { width, height: isRow ? 76 : 600 } as DOMRectReadOnly
      const entry = { target, contentRect, borderBoxSize: [], contentBoxSize: [], devicePixelContentBoxSize: [] } as unknown as ResizeObserverEntry
      queueMicrotask(() => this.tell([entry], this))
    }
    unobserve(): void {}
    disconnect(): void {}
  }
}
let width = 1300
export function setWidth(pixels: number): void {
  width = pixels
}

export interface Hosted {
  server: TestServer
  wrapper: VueWrapper
  settle(): Promise<void>
  text(): string
}

/** Mounts MTChat for *who* (ana), in English. */
export async function host(
  props: Partial<MTChatProps> & { config?: MTChatConfig } = {},
  { server = createTestServer(), who = 'ana', slots = {} }: { server?: TestServer; who?: string; slots?: Record<string, unknown> } = {},
): Promise<Hosted> {
  const config: MTChatConfig = { locale: 'en', storage: false, environment: createTestPage(), ...server.config(who), ...props.config }
  const wrapper = mount(MTChat, { props: { ...props, config } as MTChatProps, slots: slots as never, attachTo: document.body })
  mounted.push(wrapper)
  const settle = async () => {
    for (let turn = 0; turn < 3; turn++) {
      await server.settle()
      await flushPromises()
    }
  }
  await settle()
  return { server, wrapper, settle, text: () => document.body.textContent ?? '' }
}

/** Mounts MTChat showing one state. */
export async function picture(state: ChatState, props: Partial<MTChatProps> = {}, answers: Parameters<typeof fixedChat>[1] = {}) {
  const client: FixedChat = fixedChat(state, answers)
  const config: MTChatConfig = { baseUrl: 'https://chat.example', userId: 'ana', locale: 'en', storage: false }
  const wrapper = mount(MTChat, { props: { config, client, ...props } as MTChatProps, attachTo: document.body })
  mounted.push(wrapper)
  await flushPromises()
  await flushPromises()
  return { client, wrapper, text: () => document.body.textContent ?? '' }
}

/** Mounts a small part, in English. */
export function part(component: Component, props: Record<string, unknown> = {}, slots: Record<string, unknown> = {}) {
  const Around = defineComponent({
    setup() {
      provideI18n(() => ({ locale: 'en' }))
      return () => h('div', { class: 'mtchat' }, [h(component, { ref: 'part', ...props }, slots)])
    },
  })
  const wrapper = mount(Around, { attachTo: document.body })
  mounted.push(wrapper)
  return wrapper
}

export const press = (target: Element, key: string, init: KeyboardEventInit = {}) => {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, composed: true, ...init })
  target.dispatchEvent(event)
  return event
}
