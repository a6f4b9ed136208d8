import { describe, expect, it, vi } from 'vitest'
import { inDialog, online, pass, stopTime } from '../test/harness.js'
import { uuidv7 } from './ids.js'
import { objectKey, type ChatClient, type ChatState } from './index.js'

const BROKEN = { status: 500, code: 'BROKEN' }
const shownAt = (dialog: string) => ({
  lists: ({ lists }: ChatState) => lists.participating.error,
  object: ({ objects }: ChatState) => objects[objectKey('order', '7')]?.error,
  people: ({ participants }: ChatState) => participants[dialog]?.error,
  older: ({ transcripts }: ChatState) => transcripts[dialog]?.olderError,
  files: ({ files }: ChatState) => files[dialog]?.error,
  search: ({ search }: ChatState) => search.error,
})

describe('an error', () => {
  stopTime()

  it.each<[what: string, on: string, load: (chat: ChatClient, dialog: string, far: string) => Promise<unknown>, where: string, shown?: keyof ReturnType<typeof shownAt>]>([
    ['a list', 'GET /dialogs', (chat) => chat.loadList('participating'), 'list', 'lists'],
    ['the dialogs of an object', 'GET /list', (chat) => chat.loadByObject('order', '7'), 'object', 'object'],
    ['participants', 'GET /participants', (chat, id) => chat.loadParticipants(id), 'participants', 'people'],
    ['a page of messages', 'GET /messages', (chat, id) => chat.loadOlder(id), 'messages', 'older'],
    ['files', 'GET /files', (chat, id) => chat.loadFiles(id), 'files', 'files'],
    ['a search', 'GET /search', (chat) => chat.searchMessages('word'), 'search', 'search'],
    ['a quote', 'GET /messages', (chat, id) => chat.loadQuote(id, uuidv7()), 'quote'],
    ['a jump', 'GET /messages', (chat, id, far) => chat.jumpTo(id, far), 'jump'],
    ['a dialog', 'GET /dialogs', (chat, id) => chat.loadDialog(id), 'dialog'],
    ['pinning', 'POST /pin', (chat, id) => chat.pin(id), 'change'],
    ['leaving', 'POST /leave', (chat, id) => chat.leave(id), 'leave'],
  ])('of %s is told once, and logged', async (_, on, act, where, shown) => {
    const logger = vi.fn()
    const { server, chat, dialog } = await online({ logger })
    const far = server.chatter(dialog, 'bo', 120)[60]!
    await chat.openDialog(dialog)
    await server.settle()
    const told = vi.fn()
    chat.on('error', told)
    server.fail(on, BROKEN)

    await act(chat, dialog, far.id).catch(() => undefined)
    await pass(server, 5_000)

    expect(told).toHaveBeenCalledExactlyOnceWith(expect.objectContaining(BROKEN))
    expect(logger.mock.calls).toEqual([['error', where, { ...BROKEN, requestId: undefined }]])
    if (shown) expect(shownAt(dialog)[shown](chat.getSnapshot())).toBe(told.mock.calls[0]![0])
  })

  it('of a token that nobody takes is told once, whatever was being loaded', async () => {
    const { server, chat, dialog } = await inDialog()
    const told: string[] = []
    chat.on('error', ({ code }) => told.push(code))
    server.acceptTokens({})

    await Promise.all([chat.loadList('participating'), chat.loadParticipants(dialog), chat.loadFiles(dialog), chat.pin(dialog).catch(() => undefined)])
    await pass(server, 5_000)

    expect(told).toEqual(['UNAUTHORIZED'])
    expect(chat.getSnapshot().lists.participating).toMatchObject({ status: 'error', error: { status: 401 } })
  })
})
