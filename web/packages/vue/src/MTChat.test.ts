// @vitest-environment happy-dom
import { MTChatError, objectKey, type ChatState } from '@mtchat/client'
import { aDialog, aDialogFile, aHit, aMessage, aParticipant, aState, aTranscript, createTestServer, id } from '@mtchat/client/testing'
import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { h, nextTick } from 'vue'
import { host, picture, press, setWidth } from '../test/host'

const $ = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector)
const button = (text: string) =>
  [...document.querySelectorAll<HTMLElement>('button, a')].find((one) => (one.getAttribute('aria-label') ?? one.textContent)?.trim() === text)
const inline = { mode: 'inline', objectType: 'quote', objectId: 'RFQ-88' } as const
const key = objectKey('quote', 'RFQ-88')
const list = (ids: string[]) => ({ ...aState().lists.participating, ids, status: 'ready' as const, total: ids.length })

afterEach(() => setWidth(1300))

describe('inline, whatever the width', () => {
  it.each([320, 800, 1300])('says that there is nothing yet, with no way back to nowhere (%i px)', async (width) => {
    setWidth(width)
    const { text } = await picture(aState({ objects: { [key]: { ids: [], status: 'ready', error: null } } }), inline)
    expect(text()).toContain('There is no chat here yet')
    expect(button('Back')).toBeUndefined()
    expect($('.mtchat-frame')!.dataset['view']).toBe('chat')
  })

  it('shows the newest dialog of the object, and a choice when there are several', async () => {
    const server = createTestServer()
    const options = { objectType: 'quote', objectId: 'RFQ-88', people: ['ana', 'bo'] }
    server.dialog({ ...options, title: 'First' })
    server.dialog({ ...options, title: 'Second' })
    const { settle } = await host(inline, { server })
    const title = $('.mtchat-header__switch')!
    expect(title.textContent).toContain('Second')

    title.click()
    await flushPromises()
    button('First')!.click()
    await settle()

    expect($('.mtchat-header__title')!.textContent).toContain('First')
  })

  it('asks to join, and then shows the chat', async () => {
    const server = createTestServer()
    server.dialog({ objectType: 'quote', objectId: 'RFQ-88', title: 'Open', people: ['bo'], isOpen: true })
    const { wrapper, settle, text } = await host(inline, { server })
    expect(text()).toContain('Join to read and write here')
    button('Join')!.click()
    await vi.dynamicImportSettled()
    await settle()
    $('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await settle()
    expect(wrapper.emitted('dialog-joined')).toHaveLength(1)
    expect(text()).not.toContain('Join to read and write here')
    expect($('.mtchat-body')).not.toBeNull()
  })

  it('tells why nothing could be loaded, and tries again', async () => {
    const error = new MTChatError({ code: 'INTERNAL_ERROR', status: 500 })
    const { client, text } = await picture(aState({ objects: { [key]: { ids: [], status: 'error', error } } }), inline)
    expect(text()).toContain('The server has a problem')
    const before = client.calls.length
    button('Retry')!.click()
    expect(client.calls.slice(before).map(([verb]) => verb)).toContain('loadByObject')
  })
})

describe('full', () => {
  it('opens a dialog, tells the host first, and counts people properly', async () => {
    const server = createTestServer()
    server.dialog({ title: 'Order 7', people: ['ana'] })
    const { wrapper, settle } = await host({}, { server })
    $('[role="option"]')!.click()
    expect(wrapper.emitted('dialog-selected')).toHaveLength(1)
    await settle()
    expect($('.mtchat-header__sub')!.textContent).toContain('1 participant')
    expect($('.mtchat-header__sub')!.textContent).not.toContain('participants')
  })

  it('has landmarks with names', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['ana'] })
    await host({ dialogId: id }, { server })
    expect($('nav')!.getAttribute('aria-label')).toBe('Chats')
    expect($('section[data-pane="chat"]')!.getAttribute('aria-label')).toBe('Chat')
    button('About the chat')!.click()
    await nextTick()
    expect($('aside')!.getAttribute('aria-label')).toBe('About the chat')
  })

  it('on a phone goes from list to chat and back to the list', async () => {
    setWidth(400)
    const server = createTestServer()
    server.dialog({ title: 'Order 7', people: ['ana'] })
    const { wrapper, settle } = await host({}, { server })
    const view = () => (wrapper.vm as unknown as { mobileView: string }).mobileView
    expect(view()).toBe('list')
    $('[role="option"]')!.click()
    await settle()
    expect(view()).toBe('chat')
    button('Back')!.click()
    await settle()
    expect(view()).toBe('list')
    expect(document.activeElement!.getAttribute('role')).toBe('option')
  })

  it('follows the back button where the host wants it', async () => {
    setWidth(400)
    const server = createTestServer()
    server.dialog({ people: ['ana'] })
    const push = vi.spyOn(history, 'pushState')
    const { wrapper, settle } = await host({ history: true }, { server })
    $('[role="option"]')!.click()
    await settle()
    expect(push).toHaveBeenCalledTimes(1)
    window.dispatchEvent(new PopStateEvent('popstate', { state: null }))
    await settle()
    expect((wrapper.vm as unknown as { mobileView: string }).mobileView).toBe('list')
  })

  it('decides by code, not by words, that a chat is not open to one', async () => {
    const error = new MTChatError({ status: 403, code: 'SCOPE_MISMATCH', message: 'кириллица без того слова' })
    const { text } = await picture(aState(), { dialogId: 'x' }, { loadDialog: Promise.reject(error) })
    expect(text()).toContain('This chat is not open to you')
  })

  it('goes back to the list when a dialog is not there, and says so', async () => {
    const error = new MTChatError({ status: 404, code: 'DIALOG_NOT_FOUND' })
    const { text } = await picture(aState(), { dialogId: 'x' }, { loadDialog: Promise.reject(error) })
    expect(text()).toContain('There is no such chat')
    expect(text()).toContain('Choose a chat from the list')
  })

  it('offers what was not sent when one has been taken out', async () => {
    const dialog = aDialog({})
    const { client, text } = await picture(
      aState({
        dialogs: { [dialog.id]: dialog },
        transcripts: { [dialog.id]: aTranscript([aMessage(1)]) },
        drafts: { [dialog.id]: { text: '<p>not yet said</p>', replyTo: null, attachments: [], updatedAt: 0 } },
      }),
      { dialogId: dialog.id },
    )
    client.show({
      dialogs: { [dialog.id]: { ...dialog, i_am_participant: false, can_join: false } },
      transcripts: { [dialog.id]: aTranscript([aMessage(1)], { access: 'none' }) },
    })
    await flushPromises()
    expect(text()).toContain('You do not take part in this chat any more')
    expect($<HTMLTextAreaElement>('.mtchat-closed__field')!.value).toBe('not yet said')
    expect($('.mtchat-header')!.textContent).not.toContain('participants')
    expect($('.mtchat-jump')).toBeNull()
    expect(button('Retry')).toBeUndefined()
    expect($('[role="textbox"], .mtchat-composer textarea')).toBeNull()
  })

  it('keeps a dead pane to itself', async () => {
    const dialog = aDialog({ participants: null as never, object_type: null as never, title: 3 as never })
    const { wrapper, text } = await picture(aState({ dialogs: { [dialog.id]: dialog }, lists: { ...aState().lists, participating: list([dialog.id]) } }))
    expect(text()).toContain('Something went wrong here')
    expect(text()).toContain('Choose a chat from the list')
    expect(wrapper.emitted('error')).toHaveLength(1)
  })

  it('links only to the web', async () => {
    const dialog = aDialog({ object_url: 'javascript:alert(1)' })
    const { client } = await picture(aState({ dialogs: { [dialog.id]: dialog } }), { dialogId: dialog.id })
    expect($('.mtchat-header a')).toBeNull()
    client.show({ dialogs: { [dialog.id]: { ...dialog, object_url: 'https://host.example/orders/7' } } })
    await flushPromises()
    expect($<HTMLAnchorElement>('.mtchat-header a')!.rel).toContain('noopener')
  })

  it('gives the object to the host when it wants to go there itself', async () => {
    const dialog = aDialog({ object_url: 'https://host.example/orders/7' })
    const { wrapper } = await picture(aState({ dialogs: { [dialog.id]: dialog } }), { dialogId: dialog.id, interceptObjectNavigation: true })
    expect($('.mtchat-header a')).toBeNull()
    button('Open quote')!.click()
    expect(wrapper.emitted('object-navigate')![0]![0]).toMatchObject({ dialog: { id: dialog.id } })
  })

  it('puts the host’s actions into the menu', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['ana'] })
    const slots = { 'header-menu-actions': ({ menuItemClass }: { menuItemClass: string }) => h('button', { class: menuItemClass }, 'Call them') }
    await host({ dialogId: id }, { server, slots })
    button('Menu')!.click()
    await flushPromises()
    expect(button('Call them')!.getAttribute('role')).toBe('menuitem')
    expect(button('Call them')!.tabIndex).toBe(-1)
  })
})

describe('keys', () => {
  it('Ctrl+K inside goes to the search, outside it is the host’s', async () => {
    await host({}, { server: createTestServer() })
    const outside = press(document.body, 'k', { code: 'KeyK', ctrlKey: true })
    expect(outside.defaultPrevented).toBe(false)
    const inside = press($('[data-pane="list"]')!, 'k', { code: 'KeyK', ctrlKey: true })
    await flushPromises()
    expect(inside.defaultPrevented).toBe(true)
    expect(document.activeElement).toBe($('input[type="search"]'))
  })

  it('Ctrl+K is left alone where it was switched off, and inline', async () => {
    await host({ shortcuts: false }, { server: createTestServer() })
    expect(press($('[data-pane="list"]')!, 'k', { code: 'KeyK', ctrlKey: true }).defaultPrevented).toBe(false)
    document.body.innerHTML = ''
    await host(inline, { server: createTestServer() })
    expect(press($('[data-pane="chat"]')!, 'k', { code: 'KeyK', ctrlKey: true }).defaultPrevented).toBe(false)
  })

  it('typed into our fields do not reach the page', async () => {
    await host({}, { server: createTestServer() })
    const heard: string[] = []
    const hear = (event: KeyboardEvent) => void heard.push(event.key)
    document.addEventListener('keydown', hear)
    const field = $('input[type="search"]')!
    press(field, 'j')
    press(field, 's', { ctrlKey: true })
    press(field, 'Tab')
    press(document.body, 'j')
    document.removeEventListener('keydown', hear)
    expect(heard).toEqual(['s', 'Tab', 'j'])
  })

  it('F6 goes from pane to pane', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['ana'] })
    await host({ dialogId: id }, { server })
    $('input[type="search"]')!.focus()
    press(document.activeElement!, 'F6')
    await flushPromises()
    expect($('[data-pane="chat"]')!.contains(document.activeElement)).toBe(true)
    press(document.activeElement!, 'F6', { shiftKey: true })
    await flushPromises()
    expect($('[data-pane="list"]')!.contains(document.activeElement)).toBe(true)
  })

  it('? shows what keys there are, but not while typing', async () => {
    const { text, settle } = await host({}, { server: createTestServer() })
    press($('input[type="search"]')!, '?')
    await settle()
    expect(text()).not.toContain('Keyboard shortcuts')
    press($('[data-pane="list"]')!, '?')
    await vi.dynamicImportSettled()
    await settle()
    expect(text()).toContain('Keyboard shortcuts')
  })
})

describe('connection', () => {
  it('is mentioned after three seconds, and its return too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    try {
      const { client } = await picture(aState())
      client.show({ connection: { status: 'offline' } })
      await vi.advanceTimersByTimeAsync(2999)
      expect($('.mtchat-banner')).toBeNull()
      await vi.advanceTimersByTimeAsync(1)
      await nextTick()
      expect($('.mtchat-banner')!.textContent).toContain('No network')
      client.show({ connection: { status: 'online' } })
      await nextTick()
      await nextTick()
      expect($('.mtchat-banner')).toBeNull()
      expect($('.mtchat > [role="status"]')!.textContent).toContain('Connection restored')
    } finally {
      vi.useRealTimers()
    }
  })

  it('that was lost for a moment is not worth a word', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    try {
      const { client } = await picture(aState())
      client.show({ connection: { status: 'reconnecting', attempt: 1, nextAt: Date.now() + 500 } })
      await vi.advanceTimersByTimeAsync(1000)
      client.show({ connection: { status: 'online' } })
      await vi.advanceTimersByTimeAsync(5000)
      expect($('.mtchat-banner')).toBeNull()
      expect($('.mtchat > [role="status"]')!.textContent).toBe('')
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('says when the session has ended', async () => {
    const { text } = await picture(aState({ connection: { status: 'unauthorized', isFinal: true } }))
    await nextTick()
    expect(text()).toContain('The session has ended')
  })
})

describe('another client', () => {
  it('begins anew for another person, and only tells a new token to the old client', async () => {
    const server = createTestServer()
    server.dialog({ title: 'Of ana', people: ['ana'] })
    server.dialog({ title: 'Of bo', people: ['bo'] })
    const { wrapper, settle, text } = await host({}, { server })
    const exposed = wrapper.vm as unknown as { client: { client: { value: unknown } } }
    const first = exposed.client.client.value
    await wrapper.setProps({ token: 'another' })
    expect(exposed.client.client.value).toBe(first)

    await wrapper.setProps({ config: { ...server.config('bo'), locale: 'en', storage: false } } as never)
    await settle()

    expect(text()).toContain('Of bo')
    expect(text()).not.toContain('Of ana')
  })

  it('speaks another language at once', async () => {
    const { wrapper, settle, text, server } = await host({}, { server: createTestServer() })
    expect(text()).toContain('My chats')
    await wrapper.setProps({ config: { ...(wrapper.props() as { config: object }).config, locale: 'zh' } } as never)
    await settle()
    expect(text()).toContain('我的聊天')
    expect(server).toBeDefined()
  })
})

describe('about the chat', () => {
  it('names people, who is here, their contacts, and those who left', async () => {
    const dialog = aDialog({})
    const bo = aParticipant({ user_id: 'bo', display_name: 'Bo', company: 'Borealis', email: 'bo@x.example', is_online: true })
    const { wrapper, text } = await picture(
      aState({
        dialogs: { [dialog.id]: dialog },
        participants: { [dialog.id]: { list: [bo], status: 'ready', error: null } },
        transcripts: { [dialog.id]: aTranscript([aMessage(1, { sender_id: 'cy', sender_name: 'Cy' })]) },
      }),
      { dialogId: dialog.id },
    )
    ;(wrapper.vm as unknown as { toggleInfoPanel(): void }).toggleInfoPanel()
    await vi.dynamicImportSettled()
    await flushPromises()
    const info = $('aside')!.textContent!
    expect(info).toContain('Borealis, online')
    expect(info).toContain('bo@x.example')
    expect(info).toMatch(/Left the chat.*Cy/)
    expect(text()).toBeDefined()
  })
})

describe('search in the chat', () => {
  const dialog = aDialog({})
  const hit = aHit({ message_id: id(1), snippet: 'the chairs', matches: [{ start: 4, length: 6 }] })
  const open = async (search: ChatState['search']) => {
    const shown = await picture(
      aState({ capabilities: ['search'], dialogs: { [dialog.id]: dialog }, transcripts: { [dialog.id]: aTranscript([aMessage(1), aMessage(2)]) }, search }),
      { dialogId: dialog.id },
      { jumpTo: true },
    )
    button('Search in the chat')!.click()
    await vi.dynamicImportSettled()
    await flushPromises()
    const field = $<HTMLInputElement>('.mtchat-search input')!
    field.value = 'chairs'
    field.dispatchEvent(new Event('input'))
    await flushPromises()
    return { ...shown, field }
  }
  const found = { query: 'chairs', dialogId: dialog.id, hits: [hit], status: 'ready', error: null, hasMore: false } as const

  it('counts and marks what was found, and goes there by keyboard alone', async () => {
    const { client, field } = await open(found)
    expect($('.mtchat-search')!.textContent).toContain('1 message found')
    expect($('.mtchat-hit mark')!.textContent).toBe('chairs')

    press(field, 'ArrowDown')
    expect(document.activeElement).toBe($('.mtchat-hit'))
    press(document.activeElement!, 'ArrowUp')
    expect(document.activeElement).toBe(field)
    press(field, 'Enter')
    await flushPromises()

    expect(client.calls).toContainEqual(['jumpTo', dialog.id, hit.message_id])
    expect($('.mtchat-hit')!.getAttribute('aria-current')).toBe('true')
    press(field, 'Escape')
    await flushPromises()
    expect($('.mtchat-search')).toBeNull()
  })

  it('says that nothing was found, or that searching failed', async () => {
    const { client, text } = await open({ ...found, hits: [] })
    expect(text()).toContain('Nothing found')
    client.show({ search: { ...found, hits: [], status: 'error', error: new MTChatError({ code: 'NETWORK' }) } })
    await flushPromises()
    expect(text()).toContain('No connection to the server')
    expect(button('Retry')).toBeDefined()
  })
})

describe('files of the chat', () => {
  it('are looked at here when they are pictures, and are plain links when not', async () => {
    const dialog = aDialog({})
    const picture_ = aDialogFile({ id: id(0xe1), filename: 'chair.png', content_type: 'image/png', url: 'https://files.test/chair.png' })
    const plan = aDialogFile({ id: id(0xe2), filename: 'plan.pdf' })
    const checked = aDialogFile({ id: id(0xe3), filename: 'tool.zip', content_type: 'application/zip', status: 'scanning' })
    const { wrapper } = await picture(
      aState({
        capabilities: ['files'],
        dialogs: { [dialog.id]: dialog },
        transcripts: { [dialog.id]: aTranscript([aMessage(1)]) },
        files: { [dialog.id]: { files: [picture_, plan, checked], kind: null, status: 'ready', error: null, hasMore: false } },
      }),
      { dialogId: dialog.id },
    )
    ;(wrapper.vm as unknown as { toggleInfoPanel(): void }).toggleInfoPanel()
    await vi.dynamicImportSettled()
    await flushPromises()
    ;[...document.querySelectorAll<HTMLElement>('aside [role="tab"]')][1]!.click()
    await flushPromises()

    const link = $<HTMLAnchorElement>('aside a.mtchat-file')!
    expect(link.href).toBe('https://files.test/plan.pdf')
    expect(link.rel).toContain('noopener')
    expect($('.mtchat-file--off')!.textContent).toContain('is being checked')
    $('aside button.mtchat-file')!.click()
    await vi.dynamicImportSettled()
    await flushPromises()
    expect($('.mtchat-viewer')!.getAttribute('aria-label')).toBe('chair.png')
  })
})

describe('links to messages', () => {
  const dialog = aDialog({})
  const state = () => aState({ dialogs: { [dialog.id]: dialog }, transcripts: { [dialog.id]: aTranscript([aMessage(1), aMessage(2)]) } })

  it('are copied where the host says how its pages find a message', async () => {
    const copied: string[] = []
    vi.spyOn(navigator.clipboard, 'writeText').mockImplementation((text) => (copied.push(text), Promise.resolve()))
    await picture(state(), { dialogId: dialog.id })
    expect(button('Copy link')).toBeUndefined()
    document.body.innerHTML = ''

    await picture(state(), { dialogId: dialog.id, messageLink: 'https://host.example/chat?d={dialogId}&m={messageId}' })
    button('Copy link')!.click()

    expect(copied).toEqual([`https://host.example/chat?d=${dialog.id}&m=${id(1)}`])
    vi.restoreAllMocks()
  })

  it('open the message, once, and another one when asked for it', async () => {
    const { client, wrapper } = await picture(state(), { dialogId: dialog.id, messageId: id(1) }, { jumpTo: true })
    const jumps = () => client.calls.filter(([verb]) => verb === 'jumpTo').map(([, , message]) => message)
    await flushPromises()
    expect(jumps()).toEqual([id(1)])

    client.show({ transcripts: { [dialog.id]: aTranscript([aMessage(1), aMessage(2), aMessage(3)]) } })
    await wrapper.setProps({ messageId: id(2) } as never)
    await flushPromises()

    expect(jumps()).toEqual([id(1), id(2)])
  })
})

describe('what the host says', () => {
  it('is followed when it changes: another mode, no search', async () => {
    const server = createTestServer()
    const { id: dialogId } = server.dialog({ objectType: 'quote', objectId: 'RFQ-88', people: ['ana'] })
    const { wrapper, settle } = await host({ dialogId }, { server })
    expect($('[data-pane="list"] input')).not.toBeNull()

    await wrapper.setProps({ showSearch: false } as never)
    await settle()
    expect($('[data-pane="list"] input')).toBeNull()

    await wrapper.setProps({ mode: 'inline', objectType: 'quote', objectId: 'no such' } as never)
    await settle()
    expect(document.body.textContent).toContain('There is no chat here yet')
  })
})
