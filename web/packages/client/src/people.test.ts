import { describe, expect, it } from 'vitest'
import { inDialog, pass, stopTime } from '../test/harness.js'

describe('people', () => {
  stopTime()

  it('presence comes with the participants, follows events, and is unknown without a socket', async () => {
    const { chat, server } = await inDialog()
    expect(chat.getSnapshot().presence).toEqual({ ana: true, bo: false })

    server.presence('bo', true)
    await server.settle()
    expect(chat.getSnapshot().presence.bo).toBe(true)
    server.refuseSockets(true)
    server.dropSockets()
    await server.settle()

    expect(chat.getSnapshot().presence).toEqual({})
  })

  it('who comes in is loaded once, however many come', async () => {
    const { chat, server, dialog } = await inDialog()
    const before = server.count('GET /participants')

    for (const name of ['cy', 'di', 'ed']) server.add(dialog, name)
    await pass(server, 1_000)

    expect(server.count('GET /participants') - before).toBe(1)
    expect(chat.getSnapshot().participants[dialog]!.list).toHaveLength(5)
  })

  it('who writes is shown until they stop, say something, or are silent for long', async () => {
    const { chat, server, dialog } = await inDialog()
    const writing = () => chat.getSnapshot().typing[dialog] ?? []

    server.types(dialog, 'bo')
    await server.settle()
    expect(writing()).toEqual(['bo'])
    server.types(dialog, 'bo', false)
    await server.settle()
    expect(writing()).toEqual([])
    server.types(dialog, 'bo')
    server.say(dialog, 'bo', 'said')
    await server.settle()
    expect(writing()).toEqual([])
    server.types(dialog, 'bo')
    await pass(server, 5_999)
    expect(writing()).toEqual(['bo'])
    await pass(server, 1)

    expect(writing()).toEqual([])
  })

  it('one tells that one writes every 3 s at most, and that one stopped after 5 s', async () => {
    const { chat, server, dialog } = await inDialog()
    const told = () => server.sockets()[0]!.sent.map(({ is_typing }) => is_typing)

    for (let key = 0; key < 40; key++) {
      chat.sendTyping(dialog)
      await pass(server, 100)
    }
    expect(told()).toEqual([true, true])
    await pass(server, 5_000)
    expect(told()).toEqual([true, true, false])
    chat.sendTyping(dialog)
    await chat.send(dialog, { content: 'said' })

    expect(told()).toEqual([true, true, false, true, false])
  })

  it('nothing is told to a server that knows no typing', async () => {
    const { chat, server, dialog } = await inDialog({}, { isOlder: true })

    chat.sendTyping(dialog)

    expect(server.sockets()[0]!.sent).toEqual([])
  })
})

describe('looking things up', () => {
  stopTime()

  it('search finds words, page by page, and forgets an older question', async () => {
    const { chat, server, dialog } = await inDialog()
    server.chatter(dialog, 'bo', 30)
    await server.settle()

    void chat.searchMessages('nothing of it')
    await chat.searchMessages(' Message ', { dialogId: dialog })
    expect(chat.getSnapshot().search).toMatchObject({ query: 'Message', status: 'ready', hasMore: true })
    expect(chat.getSnapshot().search.hits).toHaveLength(20)
    await chat.searchMessages('Message', { dialogId: dialog, more: true })
    expect(chat.getSnapshot().search).toMatchObject({ hasMore: false, hits: { length: 30 } })
    await chat.searchMessages('')

    expect(chat.getSnapshot().search).toMatchObject({ status: 'idle', hits: [] })
  })

  it('files come newest first, by kind and page, and a fresh link reaches the message', async () => {
    const { chat, server, dialog } = await inDialog()
    const file = (n: number) => ({ id: `f${n}`, filename: `${n}.png`, content_type: 'image/png', size: 1, url: `https://files.test/${n}`, kind: n % 2 ? 'image' : 'document' }) as const
    for (let n = 0; n < 120; n++) server.say(dialog, 'bo', 'file', { attachments: [file(n)] })
    await server.settle()

    await chat.loadFiles(dialog)
    await chat.loadFiles(dialog, { more: true })
    expect(chat.getSnapshot().files[dialog]).toMatchObject({ status: 'ready', hasMore: true, files: { length: 100 } })
    await chat.loadFiles(dialog, { kind: 'image' })
    expect(chat.getSnapshot().files[dialog]!.files.map(({ id }) => id).slice(0, 2)).toEqual(['f119', 'f117'])
    await chat.attachmentLink(dialog, 'f119')

    const row = chat.getSnapshot().transcripts[dialog]!.rows.at(-1)!
    expect(row.kind === 'message' && row.message.attachments![0]!.url).toBe('https://files.test/119?fresh')
  })

  it('edits show at once and have a history; deleting twice is deleting', async () => {
    const { chat, server, dialog } = await inDialog()
    const { id } = server.say(dialog, 'ana', 'frist')
    await server.settle()

    await chat.edit(dialog, id, 'first')
    expect(await chat.editHistory(dialog, id)).toMatchObject([{ content: 'frist' }])
    await chat.delete(dialog, id)
    await expect(chat.delete(dialog, id)).resolves.toBeUndefined()

    expect(chat.getSnapshot().transcripts[dialog]!.rows).toEqual([])
    const other = server.say(dialog, 'bo', 'not mine')
    await expect(chat.edit(dialog, other.id, 'x')).rejects.toMatchObject({ code: 'NOT_MESSAGE_AUTHOR' })
  })
})
