import { describe, expect, it, vi } from 'vitest'
import { chatOf, inDialog, online, pass, stopTime } from '../test/harness.js'
import { objectKey } from './inbox.js'
import type { ChatClient, ListName } from './index.js'

const titles = (chat: ChatClient, name: ListName = 'participating') => {
  const { lists, dialogs } = chat.getSnapshot()
  return lists[name].ids.map((id) => dialogs[id]!.title)
}

async function three() {
  const made = await online()
  const { server } = made
  const [a, b] = ['A', 'B'].map((title) => server.dialog({ title, objectId: title }).id) as [string, string]
  const open = server.dialog({ title: 'Open', people: ['bo'], isOpen: true }).id
  await made.server.settle()
  await Promise.all((['participating', 'archived', 'available'] as const).map((name) => made.chat.loadList(name)))
  return { ...made, a, b, open }
}

describe('lists of dialogs', () => {
  stopTime()

  it('show the newest activity first, pinned ones before', async () => {
    const { chat, server, a, b, dialog } = await three()
    expect(titles(chat)).toEqual(['B', 'A', 'Order 7'])

    server.say(dialog, 'bo', 'hello')
    await server.settle()
    expect(titles(chat)).toEqual(['Order 7', 'B', 'A'])
    await chat.pin(a)
    expect(titles(chat)).toEqual(['A', 'Order 7', 'B'])
    await chat.unpin(a)

    expect(titles(chat)).toEqual(['Order 7', 'B', 'A'])
    expect(chat.getSnapshot().dialogs[b]!.unread_count).toBe(0)
  })

  it('count what is unread, once per message, and show the last one', async () => {
    const { chat, server, a } = await three()

    server.say(a, 'bo', 'one')
    server.say(a, 'bo', 'two')
    await server.settle()

    expect(chat.getSnapshot().dialogs[a]).toMatchObject({ unread_count: 2, last_message: { content: 'two', sender_name: 'Bo' } })
    server.say(a, 'ana', 'from my telephone')
    await server.settle()
    expect(chat.getSnapshot().dialogs[a]!.unread_count).toBe(0)
  })

  it.each(['message.new', 'archived elsewhere'])('keep what came while an answer was on its way: %s', async (what) => {
    const { chat, server, a } = await three()
    const release = server.hold('GET /api/v1/dialogs')
    const loading = chat.loadList('participating')
    await server.settle()
    if (what === 'message.new') server.say(a, 'bo', 'one')
    else await chat.archive(a)
    await server.settle()
    release()
    await loading

    const isRight = what === 'message.new' ? { unread_count: 1, last_message: { content: 'one' } } : { is_archived: true }
    expect(chat.getSnapshot().dialogs[a]).toMatchObject(isRight)
    expect(titles(chat).includes('A')).toBe(what === 'message.new')
    await pass(server, 1_000)
    expect(chat.getSnapshot().dialogs[a]).toMatchObject(isRight)
  })

  it('follow an edit and a deletion of the last message', async () => {
    const { chat, server, a } = await three()
    const [one, two] = [server.say(a, 'bo', 'one'), server.say(a, 'bo', 'two')]
    server.edit(a, two.id, 'two!')
    await server.settle()
    expect(chat.getSnapshot().dialogs[a]!.last_message!.content).toBe('two!')

    server.delete(a, two.id)
    await pass(server, 500)

    expect(chat.getSnapshot().dialogs[a]).toMatchObject({ unread_count: 1, last_message: { id: one.id } })
  })

  it('are paged, without showing a dialog twice when it moves', async () => {
    const { chat, server } = await online()
    const ids = Array.from({ length: 70 }, (_, n) => server.dialog({ title: `D${n}`, objectId: `D${n}` }).id)
    await pass(server, 1_000)
    await chat.loadList('participating')
    expect(chat.getSnapshot().lists.participating).toMatchObject({ hasMore: true, total: null })

    server.say(ids[0]!, 'bo', 'up')
    await pass(server, 1_000)
    await chat.loadList('participating', { more: true })

    const { ids: shown, hasMore, total } = chat.getSnapshot().lists.participating
    expect([shown.length, new Set(shown).size, hasMore, total]).toEqual([71, 71, false, 71])
    expect(shown[0]).toBe(ids[0])
  })

  it('a load that fails keeps what is there and says why', async () => {
    const { chat, server } = await three()
    server.fail('GET /dialogs', { status: 500 })

    await chat.loadList('participating')

    expect(chat.getSnapshot().lists.participating).toMatchObject({ status: 'error', error: { status: 500 } })
    expect(titles(chat)).toEqual(['B', 'A', 'Order 7'])
  })

  it('are searched 300 ms after the last key, and what is not found does not come in', async () => {
    const { chat, server, a, dialog } = await three()
    const before = server.requests.length
    chat.search('ord')
    chat.search('order')
    await pass(server, 299)
    expect(server.requests.length).toBe(before)
    await pass(server, 1)
    expect(titles(chat)).toEqual(['Order 7'])

    server.say(a, 'bo', 'not what is searched')
    await server.settle()

    expect(titles(chat)).toEqual(['Order 7'])
    chat.search('')
    await pass(server, 300)
    expect(titles(chat)).toEqual(['A', 'B', 'Order 7'])
    expect(chat.getSnapshot().dialogs[dialog]).toBeDefined()
  })

  it('an answer that is overtaken by a newer question is dropped', async () => {
    const { chat, server } = await three()
    const release = server.hold('GET /dialogs$')
    void chat.loadList('participating', { search: 'A' })
    await server.settle()
    const releaseSecond = server.hold('GET /dialogs$')
    void chat.loadList('participating', { search: 'B' })
    await server.settle()

    releaseSecond()
    release()
    await server.settle()

    expect(titles(chat)).toEqual(['B'])
  })

  it('join and leave move a dialog, on this device and by word from others', async () => {
    const { chat, server, open, a } = await three()
    const [joined, left] = [vi.fn(), vi.fn()]
    chat.on('dialogJoined', joined)
    chat.on('dialogLeft', left)
    expect(titles(chat, 'available')).toEqual(['Open'])

    await chat.join(open, { displayName: 'Ana', company: 'Nordwind' })
    await server.settle()
    expect([titles(chat, 'available'), titles(chat)]).toEqual([[], ['Open', 'B', 'A', 'Order 7']])
    await chat.leave(open)
    server.takeOut(a, 'ana')
    await pass(server, 500)

    expect([titles(chat, 'available'), titles(chat)]).toEqual([['Open'], ['B', 'Order 7']])
    expect([joined.mock.calls, left.mock.calls]).toEqual([[[open]], [[open], [a]]])
  })

  it('joining twice is joining', async () => {
    const { chat, server, open } = await three()
    server.add(open, 'ana')

    await expect(chat.join(open)).resolves.toBeUndefined()
    await expect(chat.join('unknown')).rejects.toMatchObject({ status: 404 })
  })

  it('archive shows at once, and goes back when refused', async () => {
    const { chat, server, a } = await three()
    server.fail('POST /archive', { status: 503 })

    const archiving = chat.archive(a)
    expect([titles(chat), titles(chat, 'archived')]).toEqual([['B', 'Order 7'], ['A']])
    await expect(archiving).rejects.toMatchObject({ status: 503 })
    expect(titles(chat)).toEqual(['B', 'A', 'Order 7'])
    await chat.archive(a)
    await chat.setNotifications(a, false)

    expect(titles(chat, 'archived')).toEqual(['A'])
    expect(chat.getSnapshot().dialogs[a]!.notifications_enabled).toBe(false)
    server.say(a, 'bo', 'out of the archive')
    server.frame('ana', { type: 'dialog.unarchived', dialog_id: a })
    await server.settle()
    expect(titles(chat)).toEqual(['A', 'B', 'Order 7'])
  })

  it('a dialog that one was added to appears, a deleted one goes', async () => {
    const { chat, server, a } = await three()

    const { id } = server.dialog({ title: 'New', objectId: 'n' })
    server.deleteDialog(a)
    await pass(server, 500)

    expect(titles(chat)).toEqual(['New', 'B', 'Order 7'])
    server.update(id, { title: 'Renamed' })
    await server.settle()
    expect(titles(chat)[0]).toBe('Renamed')
  })

  it('who was taken out for good hears no error, and sees it go', async () => {
    const { chat, server, a } = await three()
    const failed = vi.fn()
    chat.on('error', failed)

    server.takeOut(a, 'ana')
    await pass(server, 1_000)

    expect(titles(chat)).toEqual(['B', 'Order 7'])
    expect(chat.getSnapshot().dialogs[a]).toBeUndefined()
    expect(failed).not.toHaveBeenCalled()
  })

  it('are loaded again after events were missed', async () => {
    const { chat, server } = await three()
    server.forgetCursors()
    server.dropSockets()
    await server.settle()
    server.dialog({ title: 'Missed', objectId: 'm' })

    await pass(server, 2_000)

    expect(titles(chat)[0]).toBe('Missed')
  })

  it('a list that is being loaded when the socket opens shows first and is checked after', async () => {
    const { chat, server } = await online()
    chat.disconnect()
    server.forgetCursors()
    const release = server.hold('GET /dialogs$')
    const loading = chat.loadList('participating')
    chat.connect()
    await server.settle()
    server.dialog({ title: 'Between', objectId: 'b' })

    release()
    await loading
    expect(titles(chat)).toContain('Order 7')
    await pass(server, 1_000)

    expect(titles(chat)).toEqual(['Between', 'Order 7'])
  })

  it('one dialog alone on a page asks nothing about others', async () => {
    const { server, dialog } = await inDialog()
    const other = server.dialog({ title: 'Other', objectId: 'o' }).id
    const before = server.requests.length

    server.say(other, 'bo', 'elsewhere')
    server.say(dialog, 'bo', 'here')
    await pass(server, 2_000)

    expect(server.requests.length).toBe(before)
  })

  it('the dialogs of an object come newest first', async () => {
    const { chat, server } = await online()
    const [first, second] = [server.dialog({ objectId: 'X/1' }).id, server.dialog({ objectId: 'X/1' }).id]

    expect(await chat.loadByObject('order', 'X/1')).toEqual([second, first])
    expect(chat.getSnapshot().objects[objectKey('order', 'X/1')]).toMatchObject({ status: 'ready', ids: [second, first] })
    server.deleteDialog(second)
    await server.settle()

    expect(chat.getSnapshot().objects[objectKey('order', 'X/1')]!.ids).toEqual([first])
  })

  it('names of people who left stay known', async () => {
    const { chat, server, dialog } = await inDialog()

    server.takeOut(dialog, 'bo')
    await pass(server, 1_000)

    expect(chat.getSnapshot().participants[dialog]!.list.map(({ user_id }) => user_id)).toEqual(['ana'])
    expect(chat.getSnapshot().names.bo?.display_name).toBe('Bo')
  })
})

describe('state', () => {
  stopTime()

  it('what a selector picks is told only when it changes, and a broken listener harms nobody', async () => {
    const { chat, server, dialog } = await inDialog()
    const told = vi.fn()
    chat.subscribe((state) => state.transcripts[dialog], () => { throw new Error('mine') })
    chat.subscribe((state) => state.lists, told)
    const undo = chat.subscribe((state) => state.transcripts[dialog], told)

    server.say(dialog, 'bo', 'one')
    await server.settle()
    expect(told).toHaveBeenCalledTimes(1)
    undo()
    server.say(dialog, 'bo', 'two')
    await server.settle()

    expect(told).toHaveBeenCalledTimes(1)
  })

  it('two clients on one page do not share anything', async () => {
    const { chat, server, dialog } = await inDialog()
    const bo = chatOf(server, 'bo')

    chat.setDraft(dialog, 'mine')

    expect(bo.getSnapshot().drafts).toEqual({})
  })
})
