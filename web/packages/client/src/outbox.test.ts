import 'fake-indexeddb/auto'
import fc from 'fast-check'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { chatOf, inDialog, online, pass, stopTime, stored, texts } from '../test/harness.js'
import { fakeTabs } from '../test/tabs.js'
import { createTestServer } from './testing/index.js'
import type { ChatClient, MTChatConfig, OutboxEntry } from './index.js'

const SECOND = 1_000
const inBrowser: Partial<MTChatConfig> = { storage: undefined as never }
const entries = (chat: ChatClient, dialog: string) => chat.getSnapshot().outbox[dialog] ?? []
const said = (server: ReturnType<typeof createTestServer>, dialog: string) => server.messages(dialog).map(({ content }) => content)

function ordersOf<T>(things: readonly T[]): T[][] {
  if (things.length < 2) return [[...things]]
  return things.flatMap((first) => ordersOf(things.filter((one) => one !== first)).map((rest) => [first, ...rest]))
}

describe('the outbox', () => {
  stopTime()
  beforeEach(() => {
    globalThis.indexedDB = new IDBFactory()
    fakeTabs()
  })

  it('shows a message at once, and its row stays the same row when it is sent', async () => {
    const { chat, dialog, server } = await inDialog()
    server.dropSockets()
    server.refuseSockets(true)
    const release = server.hold('POST /messages')

    await chat.send(dialog, { content: 'hello' })
    await server.settle()
    const before = chat.getSnapshot().transcripts[dialog]!.rows.at(-1)!
    expect(texts(chat, dialog)).toContain('(sending) hello')
    release()
    await server.settle()

    const rows = chat.getSnapshot().transcripts[dialog]!.rows
    expect(rows.map(({ kind }) => kind)).toEqual(['message'])
    expect(rows[0]!.key).toBe(before.key)
  })

  it('never shows a message twice nor not at all, whichever comes first, answer or event', async () => {
    const { chat, dialog, server } = await inDialog()
    const counts: number[] = []
    chat.subscribe(
      (state) => state.transcripts[dialog]?.rows,
      (rows) => counts.push(rows!.length),
    )

    await chat.send(dialog, { content: 'a' })
    await server.settle()
    const release = server.hold('POST /messages')
    await chat.send(dialog, { content: 'b' })
    await server.settle()
    release()
    await server.settle()

    expect([...new Set(counts)]).toEqual([1, 2])
  })

  it('tries again after 1, 3, 10 and 30 s, then waits for the person', async () => {
    const { chat, dialog, server } = await inDialog()
    server.fail('POST /messages', { status: 503, times: 5 })
    await chat.send(dialog, { content: 'hello' })
    await server.settle()

    for (const [tries, wait] of [1, 3, 10, 30].entries()) {
      expect(entries(chat, dialog)[0]).toMatchObject({ state: 'queued', attempts: tries + 1, error: { status: 503 } })
      await pass(server, wait * SECOND - 1)
      expect(server.count('POST /messages')).toBe(tries + 1)
      await pass(server, 1)
    }
    expect(entries(chat, dialog)[0]).toMatchObject({ state: 'failed', isFinal: false, attempts: 5 })
    await pass(server, 300 * SECOND)
    expect(server.count('POST /messages')).toBe(5)

    chat.retry(entries(chat, dialog)[0]!.clientId)
    await server.settle()
    expect(said(server, dialog)).toEqual(['hello'])
  })

  it('tries at once when the connection is back', async () => {
    const { chat, dialog, server } = await inDialog()
    server.page.set({ online: false })
    server.dropSockets()
    await server.settle()
    await chat.send(dialog, { content: 'hello' })
    await pass(server, 60 * SECOND)
    expect(entries(chat, dialog)[0]).toMatchObject({ state: 'failed', isFinal: false })

    server.page.set({ online: true })
    await server.settle()

    expect(said(server, dialog)).toEqual(['hello'])
    expect(entries(chat, dialog)).toEqual([])
  })

  it('waits as long as a busy server says', async () => {
    const { chat, dialog, server } = await inDialog()
    server.fail('POST /messages', { status: 429, retryAfter: 20 })

    await chat.send(dialog, { content: 'hello' })
    await pass(server, 19_999)
    expect(said(server, dialog)).toEqual([])
    await pass(server, 1)

    expect(said(server, dialog)).toEqual(['hello'])
  })

  it.each([400, 403, 413, 422])('what is refused with %i is not tried again, and does not hold up the next', async (status) => {
    const { chat, dialog, server } = await inDialog()
    server.fail('POST /messages', { status, code: 'INVALID_INPUT' })

    await chat.send(dialog, { content: 'bad' })
    await chat.send(dialog, { content: 'good' })
    await pass(server, 600 * SECOND)

    expect(said(server, dialog)).toEqual(['good'])
    expect(entries(chat, dialog)).toMatchObject([{ content: 'bad', state: 'failed', isFinal: true, error: { status } }])
  })

  it('one at a time and in order, while others wait', async () => {
    const { chat, dialog, server } = await inDialog()
    server.fail('POST /messages', { network: true, times: 2 })

    for (const text of ['one', 'two', 'three']) await chat.send(dialog, { content: text })
    await pass(server, 10 * SECOND)

    expect(said(server, dialog)).toEqual(['one', 'two', 'three'])
  })

  it('dialogs do not wait for each other', async () => {
    const { chat, dialog, server } = await inDialog()
    const other = server.dialog().id
    server.fail(`POST ${dialog}/messages`, { network: true })

    await chat.send(dialog, { content: 'waits' })
    await chat.send(other, { content: 'goes' })
    await server.settle()

    expect([said(server, dialog), said(server, other)]).toEqual([[], ['goes']])
  })

  it('a lost answer makes no second message', async () => {
    const { chat, dialog, server } = await inDialog()
    server.dropSockets()
    server.refuseSockets(true)
    server.fail('POST /messages', { lost: true, times: 3 })

    await chat.send(dialog, { content: 'once' })
    await pass(server, 60 * SECOND)

    expect(said(server, dialog)).toEqual(['once'])
    expect(entries(chat, dialog)).toEqual([])
  })

  it('when the socket says that it arrived, the answer is not waited for', async () => {
    const { chat, dialog, server } = await inDialog()
    server.hold('POST /messages')

    await chat.send(dialog, { content: 'hello' })
    await server.settle()

    expect(texts(chat, dialog)).toEqual(['hello'])
    expect(entries(chat, dialog)).toEqual([])
  })

  it('the next one waits for the answer all the same', async () => {
    const { chat, dialog, server } = await inDialog()
    const release = server.hold('POST /messages')
    await chat.send(dialog, { content: 'one' })
    await chat.send(dialog, { content: 'two' })
    await server.settle()
    expect(server.count('POST /messages')).toBe(1)

    release()
    await server.settle()

    expect(said(server, dialog)).toEqual(['one', 'two'])
  })

  it('faults in any order: every message arrives once, in order', async () => {
    const fault = fc.constantFrom({ status: 503 }, { network: true }, { lost: true }, { status: 429, retryAfter: 2 }, null)
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 8 }), fc.nat(5), async (faults, drops) => {
        const { chat, dialog, server } = await inDialog()
        for (const one of faults) server.fail('POST /messages', one ?? { status: 502 })
        for (let n = 1; n <= 4; n++) {
          await chat.send(dialog, { content: `m${n}` })
          if (n === drops) server.dropSockets()
          await pass(server, n * 700)
        }
        await pass(server, 300 * SECOND)
        for (const { clientId } of entries(chat, dialog)) chat.retry(clientId)
        await pass(server, 300 * SECOND)
        expect(said(server, dialog)).toEqual(['m1', 'm2', 'm3', 'm4'])
        expect(texts(chat, dialog)).toEqual(['m1', 'm2', 'm3', 'm4'])
        await chat.destroy()
      }),
      { numRuns: 40 },
    )
  }, 60_000)

  it('an expired token keeps it waiting, and nothing is lost', async () => {
    const { chat, dialog, server } = await inDialog()
    server.acceptTokens({ fresh: 'ana' })

    await chat.send(dialog, { content: 'hello' })
    await pass(server, 60 * SECOND)
    expect(entries(chat, dialog)[0]).toMatchObject({ state: 'queued', isFinal: false })
    chat.setToken('fresh')
    await server.settle()

    expect(said(server, dialog)).toEqual(['hello'])
  })

  it('what was sent and deleted elsewhere is not shown as failed', async () => {
    const { chat, dialog, server } = await inDialog()
    server.dropSockets()
    server.refuseSockets(true)
    server.fail('POST /messages', { lost: true })
    await chat.send(dialog, { content: 'hello' })
    await server.settle()
    server.delete(dialog, server.messages(dialog)[0]!.id)

    await pass(server, SECOND)

    expect(entries(chat, dialog)).toEqual([])
  })

  it('can be taken back, and put back into the composer', async () => {
    const { chat, dialog, server } = await inDialog()
    server.fail('POST /messages', { status: 400, times: 2 })
    const first = await chat.send(dialog, { content: 'one', replyTo: null })
    await server.settle()
    const second = await chat.send(dialog, { content: 'two' })
    await server.settle()
    chat.setDraft(dialog, ' and more')

    expect(await chat.discard(first)).toMatchObject({ content: 'one' })
    expect(await chat.reclaim(second)).toBe(true)

    expect(entries(chat, dialog)).toEqual([])
    expect(chat.getSnapshot().drafts[dialog]!.text).toBe('two and more')
  })

  describe('in the browser', () => {
    it('survives a reload', async () => {
      const { chat, dialog, server } = await inDialog(inBrowser)
      await stored(server)
      server.page.set({ online: false })
      for (const text of ['one', 'two']) await chat.send(dialog, { content: text, replyTo: null })
      await stored(server)
      await chat.destroy()
      server.page.set({ online: true })
      expect(said(server, dialog)).toEqual([])

      const again = chatOf(server, 'ana', inBrowser)
      again.connect()
      await stored(server, 5 * SECOND)

      expect(said(server, dialog)).toEqual(['one', 'two'])
      expect(again.getSnapshot().outbox).toEqual({})
    })

    it('a page that ends in the middle of sending makes no second message', async () => {
      const { chat, dialog, server } = await inDialog(inBrowser)
      await stored(server)
      server.hold('POST /messages')
      await chat.send(dialog, { content: 'once' })
      await stored(server)
      expect(said(server, dialog)).toEqual(['once'])
      await chat.destroy()

      const again = chatOf(server, 'ana', inBrowser)
      again.connect()
      await stored(server, 5 * SECOND)

      expect(said(server, dialog)).toEqual(['once'])
    })

    it('keeps why a message was refused', async () => {
      const { chat, dialog, server } = await inDialog(inBrowser)
      await stored(server)
      server.fail('POST /messages', { status: 400, code: 'INVALID_INPUT' })
      await chat.send(dialog, { content: 'bad' })
      await stored(server)
      await chat.destroy()

      const again = chatOf(server, 'ana', inBrowser)
      await stored(server)

      expect(entries(again, dialog)).toMatchObject([{ state: 'failed', isFinal: true, error: { status: 400, code: 'INVALID_INPUT' } }])
    })

    it('of several tabs one sends, and each shows what happens', async () => {
      const server = createTestServer()
      const dialog = server.dialog().id
      const [one, two] = [chatOf(server, 'ana', inBrowser), chatOf(server, 'ana', inBrowser)]
      for (const chat of [one, two]) chat.connect()
      await stored(server)
      await Promise.all([one.openDialog(dialog), two.openDialog(dialog)])
      const release = server.hold('POST /messages')

      await two.send(dialog, { content: 'from the second' })
      await stored(server)
      expect([texts(one, dialog), texts(two, dialog)].map((rows) => rows.length)).toEqual([1, 1])
      expect(server.count('POST /messages')).toBe(1)
      release()
      await stored(server)

      expect([texts(one, dialog), texts(two, dialog)]).toEqual([['from the second'], ['from the second']])
      expect([one.getSnapshot().outbox, two.getSnapshot().outbox]).toEqual([{}, {}])
    })

    it('when the tab that sends is closed, another goes on', async () => {
      const server = createTestServer()
      const dialog = server.dialog().id
      const [one, two] = [chatOf(server, 'ana', inBrowser), chatOf(server, 'ana', inBrowser)]
      for (const chat of [one, two]) chat.connect()
      await stored(server)
      server.fail('POST /messages', { network: true })
      await two.send(dialog, { content: 'hello' })
      await stored(server)
      expect(said(server, dialog)).toEqual([])

      await one.destroy()
      await stored(server, 2 * SECOND)

      expect(said(server, dialog)).toEqual(['hello'])
    })

    describe('whatever comes first, and however late the rest comes,', () => {
      const NAME = 'mtchat https://chat.test ana'

      /** Ana's tab at the order, in a browser of its own, which another one may lead. Words and events go on their way when the test says so. */
      async function tab(isOlder: boolean, isLed: boolean) {
        globalThis.indexedDB = new IDBFactory()
        fakeTabs()
        const server = createTestServer({ isOlder })
        const dialog = server.dialog().id
        let leave = () => undefined as void
        if (isLed) void navigator.locks.request(NAME, { signal: new AbortController().signal }, () => new Promise<void>((done) => (leave = done)))
        const channel = new BroadcastChannel(NAME)
        const elsewhere = chatOf(server)
        const open = async () => {
          const chat = chatOf(server, 'ana', inBrowser)
          chat.connect()
          await server.settle()
          const [socket] = server.sockets().filter(({ user }) => user === 'ana')
          const receive = socket!.receive.bind(socket)
          const frames: Parameters<typeof receive>[0][] = []
          socket!.receive = (frame) => frames.push(frame)
          const deliver = () => {
            socket!.receive = receive
            frames.splice(0).forEach(receive)
          }
          await chat.openDialog(dialog)
          await server.settle()
          return { chat, deliver }
        }
        /** What the tab that leads does with an entry, said when asked for. */
        const arrive = async (entry: OutboxEntry) => {
          const message = await elsewhere.api.sendMessage(dialog, entry.content, { idempotencyKey: entry.clientId })
          return {
            sending: () => channel.postMessage({ say: 'entry', entry: { ...entry, state: 'sending', attempts: 1 } }),
            gone: () => channel.postMessage({ say: 'gone', clientId: entry.clientId, message: { ...message, client_message_id: entry.clientId } }),
          }
        }
        return { server, dialog, channel, open, arrive, leave: () => leave() }
      }
      /** A message that a tab has written and could not send, as the next one finds it. */
      async function keep(server: ReturnType<typeof createTestServer>, dialog: string): Promise<OutboxEntry> {
        server.page.set({ online: false })
        const chat = chatOf(server, 'ana', inBrowser)
        await chat.send(dialog, { content: 'hello' })
        await stored(server)
        const [entry] = entries(chat, dialog)
        await chat.destroy()
        server.page.set({ online: true })
        return entry!
      }
      /** The steps one after the other: never is a message there twice, and at the end all is as it should be. */
      async function walk(order: readonly string[], steps: Record<string, () => unknown>, chat: ChatClient, dialog: string, isOlder: boolean) {
        for (const step of order) {
          await steps[step]!()
          // Only `stored` gives the browser's database a turn.
          for (let turn = 0; turn < 400; turn += 1) await Promise.resolve()
          // A server that does not know our ids leaves it open for a moment which message it was.
          if (!isOlder) expect(texts(chat, dialog).filter((text) => text.endsWith('hello')).length, `${order.join(', ')}: rows after ${step}`).toBeLessThanOrEqual(1)
        }
      }
      const isThereOnce = ([chat, server, dialog]: [ChatClient, ReturnType<typeof createTestServer>, string], order: readonly string[]) =>
        expect([texts(chat, dialog), chat.getSnapshot().outbox, said(server, dialog)], order.join(', ')).toEqual([['hello'], {}, ['hello']])

      describe.each([
        ['that knows our ids', false],
        ['that does not know our ids', true],
      ])('with a server %s', (_, isOlder) => {
        it('a message of another tab is there once', async () => {
          for (const order of ordersOf(['read', 'entry', 'sending', 'event', 'gone'])) {
            const { server, dialog, channel, open, arrive, leave } = await tab(isOlder, true)
            const entry = await keep(server, dialog)
            const { chat, deliver } = await open()
            const words = await arrive(entry)
            await walk(order, { read: () => stored(server), entry: () => channel.postMessage({ say: 'entry', entry }), event: deliver, ...words }, chat, dialog, isOlder)
            isThereOnce([chat, server, dialog], order)

            leave()
            await stored(server, 60 * SECOND)
            isThereOnce([chat, server, dialog], order)
            await chat.destroy()
          }
        })

        it('a message of this tab that another one sends is there once', async () => {
          for (const order of ordersOf(['stored', 'sending', 'event', 'gone'])) {
            const { server, dialog, open, arrive, leave } = await tab(isOlder, true)
            const { chat, deliver } = await open()
            await stored(server)
            const sent = chat.send(dialog, { content: 'hello' })
            await server.settle()
            const words = await arrive(entries(chat, dialog)[0]!)
            await walk(order, { stored: () => stored(server), event: deliver, ...words }, chat, dialog, isOlder)
            await sent
            isThereOnce([chat, server, dialog], order)

            leave()
            await stored(server, 60 * SECOND)
            isThereOnce([chat, server, dialog], order)
            await chat.destroy()
          }
        })

        it('a message of another tab that this one sends is there once', async () => {
          for (const order of ordersOf(['read', 'entry', 'event', 'answer'])) {
            const { server, dialog, channel, open } = await tab(isOlder, false)
            const entry = await keep(server, dialog)
            const answer = server.hold('POST /messages')
            const { chat, deliver } = await open()
            await walk(order, { read: () => stored(server), entry: () => channel.postMessage({ say: 'entry', entry }), event: deliver, answer }, chat, dialog, isOlder)

            await stored(server, 60 * SECOND)
            isThereOnce([chat, server, dialog], order)
            await chat.destroy()
          }
        })
      })

      it('what another tab takes back while this one is about to send it is not sent, nor kept', async () => {
        const { server, dialog, channel, open } = await tab(false, false)
        const { chat } = await open()
        await stored(server)
        const entry = await keep(server, dialog)
        channel.postMessage({ say: 'entry', entry })
        await server.settle()
        expect(entries(chat, dialog)).toMatchObject([{ state: 'sending' }])

        channel.postMessage({ say: 'gone', clientId: entry.clientId })
        await stored(server, SECOND)
        expect([said(server, dialog), chat.getSnapshot().outbox]).toEqual([[], {}])
        await chat.destroy()
        const again = chatOf(server, 'ana', inBrowser)
        again.connect()
        await stored(server, SECOND)

        expect([said(server, dialog), again.getSnapshot().outbox]).toEqual([[], {}])
      })
    })

    it('logging out deletes it, with the drafts', async () => {
      const { chat, dialog, server } = await inDialog(inBrowser)
      await stored(server)
      server.page.set({ online: false })
      await chat.send(dialog, { content: 'secret' })
      chat.setDraft(dialog, 'secret too')
      await stored(server, SECOND)

      const ending = chat.destroy({ purge: true })
      await stored(server)
      await ending
      const again = chatOf(server, 'ana', inBrowser)
      await stored(server)

      expect(again.getSnapshot()).toMatchObject({ outbox: {}, drafts: {} })
    })

    it('persons and servers do not see each other', async () => {
      const { chat, dialog, server } = await inDialog(inBrowser)
      await stored(server)
      chat.setDraft(dialog, 'mine')
      await stored(server, SECOND)

      const [bo, elsewhere] = [chatOf(server, 'bo', inBrowser), chatOf(server, 'ana', { ...inBrowser, baseUrl: 'https://other.test' })]
      await stored(server)

      expect([bo.getSnapshot().drafts, elsewhere.getSnapshot().drafts]).toEqual([{}, {}])
    })

    it('a browser that refuses its database is no hindrance', async () => {
      globalThis.indexedDB = { open: () => { throw new Error('private mode') } } as unknown as IDBFactory
      const { chat, dialog, server } = await inDialog(inBrowser)
      const codes: string[] = []
      chat.on('error', ({ code }) => codes.push(code))

      await chat.send(dialog, { content: 'hello' })
      await stored(server)

      expect(said(server, dialog)).toEqual(['hello'])
    })
  })

  describe('with a server that does not know our ids', () => {
    it('looks whether a message of uncertain fate is there, before offering to send it again', async () => {
      const { chat, dialog, server } = await inDialog({}, { isOlder: true })
      server.fail('POST /messages', { hang: true })

      await chat.send(dialog, { content: 'did it arrive' })
      await pass(server, 15 * SECOND)
      await pass(server, 60 * SECOND)

      expect(server.count('POST /messages')).toBe(1)
      expect(entries(chat, dialog)).toMatchObject([{ state: 'failed', isFinal: true, error: { code: 'AMBIGUOUS' } }])
    })

    it('takes it as sent when it is', async () => {
      const { chat, dialog, server } = await inDialog({}, { isOlder: true })
      server.dropSockets()
      server.refuseSockets(true)
      server.fail('POST /messages', { lost: true })
      vi.setSystemTime(new Date('2031-05-04T10:00:00Z'))

      await chat.send(dialog, { content: 'a & b' })
      await pass(server, SECOND)

      expect(server.count('POST /messages')).toBe(1)
      expect(texts(chat, dialog)).toEqual(['a & b'])
      expect(entries(chat, dialog)).toEqual([])
    })
  })

  it('tells of what was sent', async () => {
    const { chat, dialog, server } = await online()
    const sent = vi.fn()
    chat.on('messageSent', sent)

    const clientId = await chat.send(dialog, { content: 'hello' })
    await server.settle()

    expect(sent).toHaveBeenCalledTimes(1)
    expect(sent.mock.calls[0]![0]).toMatchObject({ content: 'hello', client_message_id: clientId })
    expect(server.requests.find(({ method }) => method === 'POST')!.headers['idempotency-key']).toBe(clientId)
  })

  it('what is sent from an old place shows at the end', async () => {
    const { chat, dialog, server } = await online()
    const messages = server.chatter(dialog, 'bo', 200)
    server.read(dialog, 'ana', messages[20]!.id)
    server.forgetCursors()
    await chat.openDialog(dialog)

    await chat.send(dialog, { content: 'mine' })
    await server.settle()

    expect(texts(chat, dialog).at(-1)).toBe('mine')
  })
})
