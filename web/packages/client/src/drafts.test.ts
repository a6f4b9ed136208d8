import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chatOf, inDialog, stopTime, stored } from '../test/harness.js'
import { fakeTabs } from '../test/tabs.js'
import type { ChatClient, MTChatConfig } from './index.js'

const inBrowser: Partial<MTChatConfig> = { storage: undefined as never }
const DAY = 24 * 3_600_000
const text = (chat: ChatClient, dialog: string) => chat.getSnapshot().drafts[dialog]?.text

describe('a draft', () => {
  stopTime()
  beforeEach(() => {
    globalThis.indexedDB = new IDBFactory()
    fakeTabs()
  })
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  async function typing() {
    const made = await inDialog(inBrowser)
    await stored(made.server)
    return made
  }

  it('is there again after a reload, with its quote and finished files', async () => {
    const { chat, dialog, server } = await typing()
    const { id } = server.say(dialog, 'bo', 'what do you think')
    chat.setDraft(dialog, '<p>half a thou')
    chat.setReply(dialog, id)
    chat.addFiles(dialog, [new File(['xyz'], 'plan.pdf', { type: 'application/pdf' })])
    await stored(server, 300)
    await chat.destroy()

    const again = chatOf(server, 'ana', inBrowser)
    await stored(server)

    expect(again.getSnapshot().drafts[dialog]).toMatchObject({ text: '<p>half a thou', replyTo: id })
    expect(again.getSnapshot().uploads[dialog]).toMatchObject([{ filename: 'plan.pdf', status: 'uploaded', size: 3 }])
    await again.send(dialog, { content: 'done' })
    again.connect()
    await stored(server)
    expect(server.messages(dialog).at(-1)!.attachments).toMatchObject([{ filename: 'plan.pdf' }])
  })

  it('is written 300 ms after the last key, not with every one', async () => {
    const { chat, dialog, server } = await typing()
    const other = chatOf(server, 'ana', inBrowser)
    await stored(server)

    chat.setDraft(dialog, 'h')
    await stored(server, 299)
    chat.setDraft(dialog, 'he')
    await stored(server, 299)
    expect([text(chat, dialog), text(other, dialog)]).toEqual(['he', undefined])
    await stored(server, 1)

    expect(text(other, dialog)).toBe('he')
  })

  it('is written at once when the page is hidden or ended', async () => {
    const { chat, dialog, server } = await typing()
    chat.setDraft(dialog, 'almost')
    server.page.set({ visible: false })
    await stored(server)
    chat.setDraft(dialog, 'almost lost')
    const ending = chat.destroy()
    await stored(server)
    await ending

    const again = chatOf(server, 'ana', inBrowser)
    await stored(server)

    expect(text(again, dialog)).toBe('almost lost')
  })

  it('is there after a reload even when the database drops what the page wrote as it was left', async () => {
    const { chat, dialog, server } = await typing()
    const place = new Map<string, string>()
    vi.stubGlobal('sessionStorage', {
      getItem: (name: string) => place.get(name) ?? null,
      setItem: (name: string, text: string) => void place.set(name, text),
      removeItem: (name: string) => void place.delete(name),
    })
    chat.setDraft(dialog, 'almost lost')

    server.page.set({ visible: false })
    // The page that is left says and keeps nothing more.
    globalThis.indexedDB = new IDBFactory()
    fakeTabs()
    const again = chatOf(server, 'ana', inBrowser)
    await stored(server)

    expect(text(again, dialog)).toBe('almost lost')
    expect([...place]).toEqual([])
  })

  it('goes on from what was there when it was begun before the storage was read', async () => {
    const { chat, dialog, server } = await typing()
    chat.setDraft(dialog, '<p>old</p>')
    await stored(server, 300)
    await chat.destroy()

    const again = chatOf(server, 'ana', inBrowser)
    again.setDraft(dialog, '<p>new</p>')
    await stored(server, 300)
    expect(text(again, dialog)).toBe('<p>old</p><p>new</p>')
    await again.destroy()
    const later = chatOf(server, 'ana', inBrowser)
    await stored(server)

    expect(text(later, dialog)).toBe('<p>old</p><p>new</p>')
  })

  it.each(['nothing', 'more'])('that comes due while its message is being stored does not come back: %s typed meanwhile', async (typed) => {
    const { chat, dialog, server } = await typing()
    const other = chatOf(server, 'ana', inBrowser)
    await stored(server)
    chat.setDraft(dialog, 'hello')
    const sent = chat.send(dialog, { content: 'hello' })
    await server.settle()

    // The database has had no turn yet.
    if (typed === 'more') chat.setDraft(dialog, 'hello and more')
    await vi.advanceTimersByTimeAsync(300)
    await stored(server, 300)
    await sent
    expect([chat.getSnapshot().drafts, other.getSnapshot().drafts]).toEqual([{}, {}])
    const later = chatOf(server, 'ana', inBrowser)
    await stored(server)

    expect(later.getSnapshot().drafts).toEqual({})
  })

  it('of another tab does not overwrite what is being typed here', async () => {
    const { chat, dialog, server } = await typing()
    const other = chatOf(server, 'ana', inBrowser)
    await stored(server)

    other.setDraft(dialog, 'there')
    await stored(server, 299)
    chat.setDraft(dialog, 'here')
    await stored(server, 1)

    expect(text(chat, dialog)).toBe('here')
  })

  it('goes when the message is stored, in all tabs, and not when it is empty', async () => {
    const { chat, dialog, server } = await typing()
    const other = chatOf(server, 'ana', inBrowser)
    chat.setDraft(dialog, 'hello')
    await stored(server, 300)

    await chat.send(dialog, { content: 'hello' })
    await stored(server)
    expect([chat.getSnapshot().drafts, other.getSnapshot().drafts]).toEqual([{}, {}])
    chat.setDraft(dialog, 'x')
    chat.setDraft(dialog, '')

    expect(chat.getSnapshot().drafts).toEqual({})
  })

  it.each([
    [29, 'kept'],
    [31, undefined],
  ])('after %i days is %s', async (days, expected) => {
    const { chat, dialog, server } = await typing()
    chat.setDraft(dialog, 'kept')
    await stored(server, 300)
    await chat.destroy()

    vi.setSystemTime(Date.now() + days * DAY)
    const again = chatOf(server, 'ana', inBrowser)
    await stored(server)

    expect(text(again, dialog)).toBe(expected)
  })
})
