import { describe, expect, it, vi } from 'vitest'
import { chatOf, online, pass, stopTime, texts } from '../test/harness.js'
import type { ChatClient } from './index.js'
import { createTestServer, type TestServer } from './testing/index.js'

const SHUT = {
  status: 'ready',
  error: null,
  isAtStart: true,
  isAtEnd: true,
  isLoadingOlder: false,
  isLoadingNewer: false,
  olderError: null,
  newerError: null,
  isCatchingUp: false,
}

/** Ana reads a long dialog, has her list beside it, and has begun to write. */
async function reading() {
  const made = await online()
  const { server, chat, dialog } = made
  const messages = server.chatter(dialog, 'bo', 120)
  server.read(dialog, 'ana', messages.at(-1)!.id)
  await chat.loadList('participating')
  await chat.openDialog(dialog)
  chat.setDraft(dialog, 'half a sentence')
  await pass(server, 1_000)
  const errors: string[] = []
  chat.on('error', ({ code }) => errors.push(code))
  return { ...made, errors }
}

/** Everything a page may still ask for. */
async function askForAll(server: TestServer, chat: ChatClient, dialog: string) {
  const before = server.requests.length
  const gap = chat.getSnapshot().transcripts[dialog]!.rows.find((row) => row.kind === 'gap')
  await Promise.all([
    chat.loadOlder(dialog),
    chat.loadNewer(dialog),
    chat.resetToLatest(dialog),
    chat.loadParticipants(dialog),
    chat.loadQuote(dialog, '0197c0de-0000-7000-8000-000000000001'),
    gap && chat.fillGap(dialog, gap.key),
  ])
  await pass(server, 10_000)
  return server.requests.slice(before)
}

function expectShut(chat: ChatClient, dialog: string, access: 'none' | 'gone' = 'none') {
  const { transcripts, lists, dialogs, participants, drafts } = chat.getSnapshot()
  expect(transcripts[dialog]).toMatchObject({ ...SHUT, access })
  expect(participants[dialog]).toEqual({ list: [], status: 'ready', error: null })
  expect(dialogs[dialog]?.participants_count).toBe(undefined)
  expect(dialogs[dialog]?.i_am_participant).toBe(access === 'none' ? false : undefined)
  expect(lists.participating.ids).not.toContain(dialog)
  expect(drafts[dialog]?.text).toBe('half a sentence')
}

describe('access', () => {
  stopTime()

  it('ends when one is taken out: the rows stay, nothing is stale, failed or still to be loaded', async () => {
    const { server, chat, dialog, errors } = await reading()
    const left = vi.fn()
    chat.on('dialogLeft', left)

    server.takeOut(dialog, 'ana')
    await pass(server, 1_000)

    expectShut(chat, dialog)
    expect(texts(chat, dialog)).toContain('message 120')
    expect(await askForAll(server, chat, dialog)).toEqual([])
    expectShut(chat, dialog)
    await expect(chat.jumpTo(dialog, '0197c0de-0000-7000-8000-000000000001')).rejects.toMatchObject({ status: 403 })
    expect([left.mock.calls, errors]).toEqual([[[dialog]], []])
  })

  it('ends in the same way by a 403, when no event told of it', async () => {
    const { server, chat, dialog, errors } = await reading()
    server.freezeSockets()
    server.takeOut(dialog, 'ana')

    await chat.loadOlder(dialog)
    await pass(server, 1_000)

    expectShut(chat, dialog)
    expect(await askForAll(server, chat, dialog)).toEqual([])
    expect(errors).toEqual([])
  })

  it.each([
    ['the events are told afterwards', false],
    ['the events are lost', true],
  ])('ends in the same way when it happened offline and %s', async (_, isForgotten) => {
    const { server, chat, dialog, errors } = await reading()
    server.forgetCursors(isForgotten)
    server.page.set({ online: false })
    server.takeOut(dialog, 'ana')

    server.page.set({ online: true })
    await pass(server, 5_000)

    expectShut(chat, dialog)
    expect(await askForAll(server, chat, dialog)).toEqual([])
    expect(errors).toEqual([])
  })

  it('ends the load that was under way', async () => {
    const { server, chat, dialog, errors } = await reading()
    const release = server.hold('GET /messages')
    const loading = chat.loadOlder(dialog)
    await server.settle()

    server.takeOut(dialog, 'ana')
    await server.settle()
    await loading
    release()
    await pass(server, 1_000)

    expectShut(chat, dialog)
    expect(texts(chat, dialog)).not.toContain('message 70')
    expect(errors).toEqual([])
  })

  it('ends when one leaves, without asking for its messages again', async () => {
    const { server, chat, dialog, errors } = await reading()
    const before = server.count('GET /messages')

    await chat.leave(dialog)
    await pass(server, 1_000)
    await askForAll(server, chat, dialog)

    expectShut(chat, dialog)
    expect(server.count('GET /messages')).toBe(before)
    expect(errors).toEqual([])
  })

  it('ends for good when the dialog is deleted, also when that is found out later', async () => {
    const { server, chat, dialog } = await reading()
    server.freezeSockets()
    server.deleteDialog(dialog)

    await chat.loadOlder(dialog)
    await pass(server, 1_000)

    expectShut(chat, dialog, 'gone')
    expect(await askForAll(server, chat, dialog)).toEqual([])
  })

  it('is looked into when a message is refused', async () => {
    const { server, chat, dialog } = await reading()
    server.freezeSockets()
    server.takeOut(dialog, 'ana')

    await chat.send(dialog, { content: 'too late' })
    chat.setDraft(dialog, 'half a sentence')
    await pass(server, 1_000)

    expectShut(chat, dialog)
    expect(chat.getSnapshot().outbox[dialog]).toMatchObject([{ content: 'too late', state: 'failed', isFinal: true }])
  })

  it('comes back with all there is when one is let in again', async () => {
    const { server, chat, dialog } = await reading()
    server.takeOut(dialog, 'ana')
    await pass(server, 1_000)
    server.say(dialog, 'bo', 'while she was out')

    server.add(dialog, 'ana')
    await pass(server, 1_000)

    expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ access: 'ok', isAtStart: false, isAtEnd: true })
    expect(texts(chat, dialog)).toContain('while she was out')
    expect(chat.getSnapshot().participants[dialog]!.list).toHaveLength(2)
    expect(chat.getSnapshot().lists.participating.ids).toContain(dialog)
  })

  it('what an object has is asked again after events were missed', async () => {
    const server = createTestServer()
    const chat = chatOf(server)
    chat.connect()
    await chat.loadByObject('order', '7')
    server.forgetCursors()
    server.page.set({ online: false })
    const { id } = server.dialog({ objectType: 'order', objectId: '7' })

    server.page.set({ online: true })
    await pass(server, 1_000)

    expect(Object.values(chat.getSnapshot().objects)).toMatchObject([{ ids: [id], status: 'ready' }])
  })

  it('nothing is asked of a dialog one may only join', async () => {
    const { server, chat } = await online()
    const other = server.dialog({ people: ['bo'], isOpen: true }).id
    await chat.loadList('available')
    const before = server.requests.length

    await chat.openDialog(other)
    await pass(server, 1_000)

    expect(server.requests.length).toBe(before)
    expect(chat.getSnapshot().transcripts[other]).toMatchObject({ access: 'none', status: 'ready' })
  })
})
