import { describe, expect, it } from 'vitest'
import { inDialog, pass, stopTime } from '../test/harness.js'

describe('a read mark', () => {
  stopTime()

  async function unread(count = 3) {
    const made = await inDialog()
    await made.chat.loadList('participating')
    const messages = made.server.chatter(made.dialog, 'bo', count).map(({ id }) => id)
    await made.server.settle()
    const marks = () => made.server.requests.filter(({ path }) => path.endsWith('/read')).map(({ body }) => (body as { last_read_message_id: string }).last_read_message_id)
    return { ...made, messages, marks }
  }

  it('is told once a second at most, and only the newest', async () => {
    const { chat, dialog, server, messages, marks } = await unread()

    chat.markVisible(dialog, [messages[0]!])
    await server.settle()
    chat.markVisible(dialog, [messages[1]!])
    chat.markVisible(dialog, [messages[2]!, messages[1]!])
    await pass(server, 999)
    expect(marks()).toEqual([messages[0]])
    await pass(server, 1)

    expect(marks()).toEqual([messages[0], messages[2]])
    expect(chat.getSnapshot().dialogs[dialog]!.unread_count).toBe(0)
  })

  it('never goes backwards', async () => {
    const { chat, dialog, server, messages, marks } = await unread()
    chat.markVisible(dialog, [messages[2]!])
    await pass(server, 5_000)

    chat.markVisible(dialog, [messages[0]!])
    await pass(server, 5_000)

    expect(marks()).toEqual([messages[2]])
  })

  it.each([{ visible: false }, { focused: false }])('is not moved while the page is not looked at: %o', async (away) => {
    const { chat, dialog, server, messages, marks } = await unread()
    server.page.set(away)

    chat.markVisible(dialog, messages)
    await pass(server, 5_000)

    expect(marks()).toEqual([])
    expect(chat.getSnapshot().dialogs[dialog]!.unread_count).toBe(3)
  })

  it('is not moved in a dialog that is not open', async () => {
    const { chat, dialog, server, messages, marks } = await unread()
    chat.closeDialog(dialog)

    chat.markVisible(dialog, messages)
    await pass(server, 5_000)

    expect(marks()).toEqual([])
  })

  it('of another device counts here too', async () => {
    const { chat, dialog, server, messages, marks } = await unread()

    server.read(dialog, 'ana', messages[2]!)
    await server.settle()
    chat.markVisible(dialog, messages)
    await pass(server, 5_000)

    expect(chat.getSnapshot().dialogs[dialog]!.unread_count).toBe(0)
    expect(marks()).toEqual([])
  })

  it('that could not be told is told later', async () => {
    const { chat, dialog, server, messages, marks } = await unread()
    server.fail('POST /read', { network: true, times: 2 })

    chat.markVisible(dialog, messages)
    await pass(server, 20_000)

    expect(marks()).toEqual([messages[2], messages[2], messages[2]])
    expect(server.member(dialog, 'ana')!.last_read_message_id).toBe(messages[2])
  })

  it('of others shows who has read', async () => {
    const { chat, dialog, server } = await inDialog()
    const { id } = server.say(dialog, 'ana', 'seen it')

    server.read(dialog, 'bo', id)
    await server.settle()

    expect(chat.getSnapshot().participants[dialog]!.list.find(({ user_id }) => user_id === 'bo')!.last_read_message_id).toBe(id)
  })
})
