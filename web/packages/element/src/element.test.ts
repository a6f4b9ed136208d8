// @vitest-environment happy-dom
import { createTestServer, type TestServer } from '@mtchat/client/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { MTChatElement, setService } from './index'

let server: TestServer

beforeEach(() => {
  server = createTestServer()
  setService('https://chat.test')
})
afterEach(async () => {
  document.body.replaceChildren()
  await settled()
})

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) {
    await server.settle()
    await nextTick()
  }
}

/** An element with what a browser has and the test's server needs, not yet in the page. */
function anElement(attributes: Record<string, string> = {}, config = {}): MTChatElement {
  const chat = document.createElement('mt-chat') as MTChatElement
  for (const [name, value] of Object.entries({ locale: 'en', ...attributes })) chat.setAttribute(name, value)
  chat.config = { ...server.config('ana'), ...config }
  return chat
}

const root = (chat: MTChatElement) => chat.shadowRoot!.querySelector<HTMLElement>('.mtchat')

describe('<mt-chat>', () => {
  it('shows nothing before it knows who the person is, and the chat as soon as it does', async () => {
    const chat = document.createElement('mt-chat') as MTChatElement
    document.body.append(chat)
    await settled()
    expect(root(chat)).toBeNull()

    chat.config = server.config('ana')
    await settled()

    expect(root(chat)).not.toBeNull()
    expect(chat.client?.userId).toBe('ana')
  })

  it('lives in an open shadow root, with its look as an adopted sheet and none in the page', async () => {
    const [one, other] = [anElement(), anElement()]
    document.body.append(one, other)
    await settled()

    expect(one.shadowRoot?.mode).toBe('open')
    expect(one.shadowRoot?.adoptedStyleSheets).toHaveLength(1)
    expect(one.shadowRoot?.adoptedStyleSheets[0]).toBe(other.shadowRoot?.adoptedStyleSheets[0])
    expect(document.querySelectorAll('style, link')).toHaveLength(0)
  })

  it('takes its attributes, now and when they change', async () => {
    const chat = anElement({ mode: 'inline', theme: 'dark', 'object-type': 'order', 'object-id': '1', dir: 'rtl' })
    document.body.append(chat)
    await settled()
    expect(root(chat)?.className).toContain('mtchat--inline')
    expect(root(chat)?.className).toContain('mtchat--dark')
    expect(root(chat)?.dir).toBe('rtl')

    chat.setAttribute('theme', 'auto')
    chat.mode = 'full'
    await settled()

    expect(chat.getAttribute('mode')).toBe('full')
    expect(root(chat)?.className).toContain('mtchat--full')
    expect(root(chat)?.className).toContain('mtchat--auto')
  })

  it('keeps its chat while it is moved in the page', async () => {
    const chat = anElement()
    const [here, there] = [document.createElement('div'), document.createElement('div')]
    document.body.append(here, there)
    here.append(chat)
    await settled()
    const { client } = chat

    there.append(chat)
    await settled()

    expect(chat.client).toBe(client)
    expect(root(chat)).not.toBeNull()
  })

  it('ends its chat when it is taken out, and begins another when it comes back', async () => {
    const chat = anElement()
    document.body.append(chat)
    await settled()
    const { client } = chat
    const destroyed = vi.spyOn(client!, 'destroy')

    chat.remove()
    await settled()
    expect(destroyed).toHaveBeenCalledOnce()
    expect(root(chat)).toBeNull()

    document.body.append(chat)
    await settled()
    expect(chat.client).not.toBe(client)
    expect(root(chat)).not.toBeNull()
  })

  it('tells the same events as the component, and they stay at the element', async () => {
    const heard: string[] = []
    const chat = anElement()
    chat.addEventListener('connected', () => heard.push('connected'))
    document.body.addEventListener('connected', () => heard.push('outside'))
    document.body.append(chat)
    await settled()

    expect(heard).toEqual(['connected'])
    expect((chat as unknown as { isOnline: boolean }).isOnline).toBe(true)
    chat.remove()
    expect(chat.isConnected).toBe(false)
  })

  it('is told what to do by methods, and says what there is', async () => {
    const order = server.dialog({ title: 'Order 7', people: ['ana', 'bo'] })
    const chat = anElement()
    const selected = vi.fn()
    chat.addEventListener('message-sent', selected)
    document.body.append(chat)
    await settled()

    await chat.selectDialog(order.id)
    await settled()
    await chat.sendMessage('hello')
    await settled()

    expect((chat as unknown as { currentDialog: { title: string } }).currentDialog.title).toBe('Order 7')
    expect(selected).toHaveBeenCalledOnce()
    expect((selected.mock.calls[0]![0] as CustomEvent<{ content: string }>).detail.content).toContain('hello')
  })

  it('says why a method can do nothing yet', () => {
    expect(() => anElement().selectDialog('x')).toThrow('not ready')
  })

  it('takes properties that a framework set before it was defined', async () => {
    const chat = document.createElement('mt-chat') as MTChatElement
    Object.defineProperty(chat, 'config', { value: server.config('ana'), configurable: true, writable: true })
    document.body.append(chat)
    await settled()

    expect(chat.client?.userId).toBe('ana')
    expect(Object.hasOwn(chat, 'config')).toBe(false)
  })

  it('keeps a token that was set as a property out of the HTML', () => {
    const chat = anElement()
    chat.token = 'secret-token'

    expect(chat.token).toBe('secret-token')
    expect(chat.outerHTML).not.toContain('secret-token')
  })

  it('shows what the page gives for a slot', async () => {
    const chat = anElement()
    const button = document.createElement('button')
    button.setAttribute('slot', 'sidebar-action')
    chat.append(button)
    document.body.append(chat)
    await settled()

    await vi.waitFor(() => expect(chat.shadowRoot?.querySelector('slot[name="sidebar-action"]')).not.toBeNull())
    expect(chat.shadowRoot?.querySelector('slot[name="header-menu-actions"]')).toBeNull()
  })

  it('speaks in the words that the page gives it, also when they change', async () => {
    const chat = anElement()
    chat.messages = { tabs: { myChats: 'My orders' } }
    document.body.append(chat)
    await vi.waitFor(() => expect(root(chat)?.textContent).toContain('My orders'))

    chat.messages = { tabs: { myChats: 'Our orders' } }
    await settled()

    expect(root(chat)?.textContent).toContain('Our orders')
    expect(root(chat)?.textContent).not.toContain('My orders')
  })

  it('tells joining, leaving, trouble and a lost connection under their names', async () => {
    const order = server.dialog({ title: 'Order 7', people: ['bo'], isOpen: true })
    const own = server.dialog({ title: 'Order 8', people: ['ana'] })
    const heard: [string, unknown][] = []
    const chat = anElement({}, { reconnect: false })
    for (const name of ['connected', 'disconnected', 'error', 'dialog-joined', 'dialog-left']) {
      chat.addEventListener(name, (event) => heard.push([name, (event as CustomEvent).detail]))
    }
    document.body.append(chat)
    await settled()

    await chat.joinDialog(order.id)
    await chat.leaveDialog(order.id)
    await chat.selectDialog(own.id)
    server.fail('POST /messages', { status: 400, times: 1 })
    await chat.sendMessage('refused')
    await settled()
    server.dropSockets()
    await settled()

    expect(heard.map(([name]) => name)).toEqual(['connected', 'dialog-joined', 'dialog-left', 'error', 'disconnected'])
    expect(heard[1]).toEqual(['dialog-joined', order.id])
    expect(heard[2]).toEqual(['dialog-left', order.id])
    expect(heard[3]![1]).toBeInstanceOf(Error)
  })

  it('tells once that no token is taken, and goes on with another', async () => {
    server.acceptTokens({ fresh: 'ana' })
    const heard: [string, unknown][] = []
    const chat = anElement({}, { token: 'stale' })
    for (const name of ['connected', 'error', 'auth-error']) chat.addEventListener(name, (event) => heard.push([name, (event as CustomEvent).detail]))
    document.body.append(chat)
    await settled()

    expect(heard).toMatchObject([['error', { status: 401 }], ['auth-error', { status: 401, code: 'UNAUTHORIZED' }]])
    chat.token = 'fresh'
    await settled()

    expect(heard.at(-1)![0]).toBe('connected')
  })

  it('gives its style the nonce of the page where a browser adopts no sheets', async () => {
    const page = document.defaultView as unknown as { CSSStyleSheet: unknown }
    const { CSSStyleSheet: known } = page
    page.CSSStyleSheet = undefined
    const chat = anElement()
    chat.nonce = 'r4nd0m'
    document.body.append(chat)
    page.CSSStyleSheet = known
    await settled()

    const style = chat.shadowRoot!.querySelector('style')!
    expect(style.nonce).toBe('r4nd0m')
    expect(style.textContent).toContain(':host')
  })
})
