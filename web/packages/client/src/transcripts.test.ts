import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { chatOf, inDialog, online, pass, stopTime, texts } from '../test/harness.js'
import { createTestServer } from './testing/index.js'
import type { ChatClient } from './index.js'

const rows = (chat: ChatClient, dialog: string) => chat.getSnapshot().transcripts[dialog]?.rows ?? []
const kinds = (chat: ChatClient, dialog: string) => rows(chat, dialog).map(({ kind }) => kind)

/** A long dialog that one has read wholly. */
async function longDialog(count: number) {
  const made = await online()
  const messages = made.server.chatter(made.dialog, 'bo', count)
  if (messages.length) made.server.read(made.dialog, 'ana', messages.at(-1)!.id)
  await made.chat.openDialog(made.dialog)
  await made.server.settle()
  return { ...made, messages }
}

describe('a transcript', () => {
  stopTime()

  it('loads the newest page, then older ones to the very first', async () => {
    const { chat, dialog } = await longDialog(120)
    expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ status: 'ready', isAtStart: false, isAtEnd: true })
    expect(rows(chat, dialog)).toHaveLength(50)

    await chat.loadOlder(dialog)
    await chat.loadOlder(dialog)

    expect(texts(chat, dialog)).toEqual(Array.from({ length: 120 }, (_, n) => `message ${n + 1}`))
    expect(chat.getSnapshot().transcripts[dialog]!.isAtStart).toBe(true)
  })

  it('asks once however often it is told to load', async () => {
    const { chat, dialog, server } = await longDialog(120)
    const before = server.requests.length

    await Promise.all([chat.loadOlder(dialog), chat.loadOlder(dialog), chat.loadOlder(dialog)])

    expect(server.requests.length - before).toBe(1)
  })

  it('a page that fails keeps what is there, and can be asked for again', async () => {
    const { chat, dialog, server } = await longDialog(120)
    server.fail('GET /messages', { status: 500 })

    await chat.loadOlder(dialog)
    expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ isLoadingOlder: false, olderError: { status: 500 } })
    expect(rows(chat, dialog)).toHaveLength(50)
    await chat.loadOlder(dialog)

    expect(chat.getSnapshot().transcripts[dialog]!.olderError).toBe(null)
    expect(rows(chat, dialog)).toHaveLength(100)
  })

  it('a jump shows the place beside the rest, with a gap that can be filled', async () => {
    const { chat, dialog, messages } = await longDialog(200)

    expect(await chat.jumpTo(dialog, messages[59]!.id)).toBe(true)
    expect(kinds(chat, dialog).filter((kind) => kind === 'gap')).toHaveLength(1)
    const gap = () => rows(chat, dialog).find((row) => row.kind === 'gap')!.key
    await chat.fillGap(dialog, gap())
    expect(kinds(chat, dialog).filter((kind) => kind === 'gap')).toHaveLength(1)
    await chat.fillGap(dialog, gap(), 'below')

    expect(kinds(chat, dialog)).not.toContain('gap')
    expect(texts(chat, dialog)[0]).toBe('message 35')
    expect(texts(chat, dialog)).toHaveLength(166)
  })

  it('a gap that cannot be filled says so and keeps its offer', async () => {
    const { chat, dialog, messages, server } = await longDialog(200)
    await chat.jumpTo(dialog, messages[59]!.id)
    server.fail('GET /messages', { status: 500 })
    const gap = rows(chat, dialog).find((row) => row.kind === 'gap')!

    await chat.fillGap(dialog, gap.key)

    expect(rows(chat, dialog).find((row) => row.kind === 'gap')).toMatchObject({ key: gap.key, isLoading: false, error: { status: 500 } })
  })

  it('a jump to what was deleted says no, and one that fails says why', async () => {
    const { chat, dialog, messages, server } = await longDialog(220)
    server.delete(dialog, messages[3]!.id)

    expect(await chat.jumpTo(dialog, messages[3]!.id)).toBe(false)
    server.fail('GET /messages', { status: 500 })
    await expect(chat.jumpTo(dialog, messages[65]!.id)).rejects.toMatchObject({ status: 500 })
  })

  it('rows that did not change stay the same objects', async () => {
    const { chat, dialog, server } = await longDialog(30)
    const before = rows(chat, dialog)

    server.say(dialog, 'bo', 'new')
    await server.settle()

    const after = rows(chat, dialog)
    expect(after).not.toBe(before)
    expect(before.every((row, at) => row === after[at])).toBe(true)
  })

  it('shows edits, deletions and quotes of what was deleted', async () => {
    const { chat, dialog, server, messages } = await longDialog(3)
    await chat.loadQuote(dialog, messages[0]!.id)

    server.edit(dialog, messages[1]!.id, 'better')
    server.delete(dialog, messages[0]!.id)
    await server.settle()
    await chat.loadQuote(dialog, messages[0]!.id)

    expect(texts(chat, dialog)).toEqual(['better', 'message 3'])
    expect(chat.getSnapshot().transcripts[dialog]!.quotes).toEqual({ [messages[0]!.id]: null })
  })

  it('finds quotes that are not loaded', async () => {
    const { chat, dialog, messages } = await longDialog(120)

    await chat.loadQuote(dialog, messages[2]!.id)

    expect(chat.getSnapshot().transcripts[dialog]!.quotes[messages[2]!.id]?.content).toBe('message 3')
  })

  it('what is new of a file reaches its message', async () => {
    const { chat, dialog, server } = await longDialog(1)
    const file = { id: 'f', filename: 'a.png', content_type: 'image/png', size: 1, url: '' }
    const { id } = server.say(dialog, 'bo', 'see', { attachments: [file] })
    await server.settle()

    server.updateAttachment(dialog, id, { url: 'https://files.test/a.png', width: 640 })
    await server.settle()

    const row = rows(chat, dialog).at(-1)
    expect(row?.kind === 'message' && row.message.attachments).toEqual([{ ...file, url: 'https://files.test/a.png', width: 640 }])
  })

  describe('after events were missed', () => {
    it('fetches what came, and sees what was edited and deleted meanwhile', async () => {
      const { chat, dialog, server, messages } = await longDialog(60)
      server.forgetCursors()
      server.dropSockets()
      await server.settle()
      const names = Array.from({ length: 60 }, (_, n) => server.say(dialog, 'bo', `missed ${n}`).content)
      server.edit(dialog, messages[40]!.id, 'edited')
      server.delete(dialog, messages[50]!.id)

      await pass(server, 2_000)

      const seen = texts(chat, dialog).filter((text) => text !== '--unread--')
      expect(seen.slice(-60)).toEqual(names)
      expect(seen).toContain('edited')
      expect(seen).not.toContain('message 51')
      expect(seen).toHaveLength(119)
      expect(kinds(chat, dialog)).not.toContain('gap')
    })

    it('keeps a gap rather than load very much', async () => {
      const { chat, dialog, server } = await longDialog(10)
      server.forgetCursors()
      server.dropSockets()
      await server.settle()
      server.chatter(dialog, 'bo', 500)

      await pass(server, 2_000)

      expect(kinds(chat, dialog).filter((kind) => kind === 'gap')).toHaveLength(1)
      expect(chat.getSnapshot().transcripts[dialog]!.isAtEnd).toBe(true)
      expect(texts(chat, dialog).at(-1)).toBe('message 500')
    })

    it('looking again at what is there takes nothing away, up to the first message', async () => {
      const { chat, dialog, server } = await longDialog(101)
      await chat.loadOlder(dialog)
      await chat.loadOlder(dialog)
      expect(rows(chat, dialog)).toHaveLength(101)
      server.forgetCursors()
      server.dropSockets()

      await pass(server, 2_000)

      expect(texts(chat, dialog)).toEqual(Array.from({ length: 101 }, (_, n) => `message ${n + 1}`))
    })

    it('an empty dialog is not forgotten', async () => {
      const { chat, dialog, server } = await longDialog(0)
      server.forgetCursors()
      server.dropSockets()
      await server.settle()
      server.say(dialog, 'bo', 'first')

      await pass(server, 2_000)

      expect(texts(chat, dialog)).toContain('first')
    })

    it('a page that was asked for before the socket was open hides nothing', async () => {
      const server = createTestServer()
      const dialog = server.dialog().id
      const chat = chatOf(server)
      const release = server.hold('GET /messages')
      void chat.openDialog(dialog)
      await server.settle()
      server.say(dialog, 'bo', 'between page and socket')

      chat.connect()
      await server.settle()
      release()
      await server.settle()

      expect(texts(chat, dialog).filter((text) => text !== '--unread--')).toEqual(['between page and socket'])
      expect(chat.getSnapshot().transcripts[dialog]!.isAtEnd).toBe(true)
    })
  })

  it('a message that overtakes the page it belongs to is there once', async () => {
    const { chat, dialog, server } = await online()
    const release = server.hold('GET /messages')
    void chat.openDialog(dialog)
    await server.settle()

    server.say(dialog, 'bo', 'overtakes')
    const gone = server.say(dialog, 'bo', 'deleted at once')
    server.delete(dialog, gone.id)
    await server.settle()
    release()
    await server.settle()

    expect(texts(chat, dialog)).toEqual(['overtakes'])
  })

  it('whatever happens in whatever order, one sees in the end what the server has', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('say' as const) }),
      fc.record({ do: fc.constant('edit' as const), which: fc.nat(100) }),
      fc.record({ do: fc.constant('delete' as const), which: fc.nat(100) }),
      fc.record({ do: fc.constantFrom('older', 'newer', 'jump', 'drop', 'forget', 'hold', 'release', 'settle', 'wait'), which: fc.nat(100) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(130), fc.array(step, { maxLength: 25 }), async (count, steps) => {
        const server = createTestServer()
        const dialog = server.dialog().id
        server.chatter(dialog, 'bo', count)
        const chat = chatOf(server)
        chat.connect()
        await chat.openDialog(dialog)
        let releases: (() => void)[] = []
        for (const one of steps) {
          const all = server.messages(dialog)
          const which = 'which' in one ? all[one.which % Math.max(1, all.length)]?.id : undefined
          if (one.do === 'say') server.say(dialog, 'bo', 'said')
          else if (one.do === 'edit' && which) server.edit(dialog, which, 'edited')
          else if (one.do === 'delete' && which) server.delete(dialog, which)
          else if (one.do === 'older') void chat.loadOlder(dialog)
          else if (one.do === 'newer') void chat.loadNewer(dialog)
          else if (one.do === 'jump' && which) void chat.jumpTo(dialog, which)
          else if (one.do === 'drop') server.dropSockets()
          else if (one.do === 'forget') server.forgetCursors('which' in one && one.which % 2 === 0)
          else if (one.do === 'hold') releases.push(server.hold('GET /messages'))
          else if (one.do === 'release') releases.shift()?.()
          else if (one.do === 'settle') await server.settle()
          else if (one.do === 'wait') await pass(server, 2_000)
        }
        for (const release of releases) release()
        releases = []
        await pass(server, 10_000)
        for (let turns = 0; turns < 20 && !chat.getSnapshot().transcripts[dialog]!.isAtStart; turns++) await chat.loadOlder(dialog)
        for (let turns = 0; turns < 20; turns++) {
          const gap = rows(chat, dialog).find((row) => row.kind === 'gap')
          if (!gap) break
          await chat.fillGap(dialog, gap.key)
        }
        await server.settle()
        const seen = rows(chat, dialog).flatMap((row) => (row.kind === 'message' ? [[row.message.id, row.message.content]] : []))
        expect(seen).toEqual(server.messages(dialog).map(({ id, content }) => [id, content]))
        await chat.destroy()
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  it('what comes as an answer, an event and in a page, in whatever order and however often, is there once', async () => {
    const step = fc.oneof(
      fc.constantFrom('send' as const, 'say' as const, 'page' as const, 'hold answers' as const, 'hold pages' as const, 'settle' as const),
      fc.record({ release: fc.nat(5) }),
      fc.record({ repeat: fc.nat(30) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 25 }), async (isOlder, steps) => {
        const { chat, dialog, server } = await inDialog({}, { isOlder })
        const releases: (() => void)[] = []
        for (const [at, one] of steps.entries()) {
          if (one === 'send') await chat.send(dialog, { content: `mine ${at}` })
          else if (one === 'say') server.say(dialog, 'bo', 'theirs')
          else if (one === 'page') void chat.openDialog(dialog)
          else if (one === 'hold answers') releases.push(server.hold('POST /messages'))
          else if (one === 'hold pages') releases.push(server.hold('GET /messages'))
          else if (one === 'settle') await server.settle()
          else if ('release' in one) releases.splice(one.release, 1)[0]?.()
          else {
            const known = server.messages(dialog)
            const message = known[one.repeat % Math.max(1, known.length)]
            // Without its number, as from a server that does not count events.
            if (message) server.frame('ana', { type: 'message.new', dialog_id: dialog, payload: { message: structuredClone(message) } })
          }
        }
        for (const release of releases) release()
        await pass(server, 10_000)

        const seen = rows(chat, dialog).filter(({ kind }) => kind !== 'unread')
        expect(seen.map((row) => (row.kind === 'message' ? row.message.id : row.kind))).toEqual(server.messages(dialog).map(({ id }) => id))
        expect(new Set(seen.map(({ key }) => key)).size).toBe(seen.length)
        expect(new Set(server.messages(dialog).map(({ content, id }) => (content === 'theirs' ? id : content))).size).toBe(seen.length)
        await chat.destroy()
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  describe('the divider', () => {
    it('stands before the first unread message, also when that is far up', async () => {
      const { chat, dialog, server } = await online()
      const messages = server.chatter(dialog, 'bo', 200)
      server.read(dialog, 'ana', messages[79]!.id)

      await chat.openDialog(dialog)

      const at = texts(chat, dialog).indexOf('--unread--')
      expect(texts(chat, dialog)[at + 1]).toBe('message 81')
      expect(texts(chat, dialog)[at - 1]).toBe('message 80')
    })

    it('stands before the first message of all for who never read', async () => {
      const { chat, dialog, server } = await online()
      server.chatter(dialog, 'bo', 120)

      await chat.openDialog(dialog)

      expect(texts(chat, dialog).slice(0, 2)).toEqual(['--unread--', 'message 1'])
    })

    it('stays while one reads, goes when one sends or leaves', async () => {
      const { chat, dialog, server } = await online()
      const first = server.say(dialog, 'bo', 'one')
      await chat.openDialog(dialog)
      chat.markVisible(dialog, [first.id])
      server.say(dialog, 'bo', 'two')
      await pass(server, 2_000)
      expect(texts(chat, dialog)).toEqual(['--unread--', 'one', 'two'])

      await chat.send(dialog, { content: 'three' })
      await server.settle()

      expect(texts(chat, dialog)).toEqual(['one', 'two', 'three'])
    })

    it('is put in anew for what came while one looked away', async () => {
      const { chat, dialog, server } = await inDialog()
      server.say(dialog, 'bo', 'seen')
      await server.settle()

      server.page.set({ visible: false, focused: false })
      server.say(dialog, 'bo', 'unseen')
      server.say(dialog, 'bo', 'unseen too')
      await server.settle()
      expect(texts(chat, dialog)).toEqual(['seen', '--unread--', 'unseen', 'unseen too'])
      server.page.set({ visible: true, focused: true })
      server.say(dialog, 'bo', 'looked at')
      await server.settle()

      expect(texts(chat, dialog)).toEqual(['seen', '--unread--', 'unseen', 'unseen too', 'looked at'])
    })

    it('moves on when its message is deleted', async () => {
      const { chat, dialog, server } = await online()
      const first = server.say(dialog, 'bo', 'one')
      server.say(dialog, 'bo', 'two')
      await chat.openDialog(dialog)

      server.delete(dialog, first.id)
      await server.settle()

      expect(texts(chat, dialog)).toEqual(['--unread--', 'two'])
    })
  })

  describe('without access', () => {
    it('says when one is no participant, which is not an error', async () => {
      const { chat, server } = await online()
      const other = server.dialog({ people: ['bo'], isOpen: true }).id

      await chat.openDialog(other)

      expect(chat.getSnapshot().transcripts[other]).toMatchObject({ access: 'none', status: 'ready', error: null })
    })

    it('asks for nothing it knows it may not read, and shows it all once one has joined', async () => {
      const { chat, server } = await online()
      const other = server.dialog({ people: ['bo'], isOpen: true }).id
      server.say(other, 'bo', 'inside')
      await chat.loadList('available')

      await chat.openDialog(other)
      expect(chat.getSnapshot().transcripts[other]).toMatchObject({ access: 'none', status: 'ready', rows: [] })
      expect(server.count('GET /messages')).toBe(0)
      await chat.join(other)
      await server.settle()

      expect(chat.getSnapshot().transcripts[other]!.access).toBe('ok')
      expect(texts(chat, other)).toContain('inside')
    })

    it('says when one was taken out, or the dialog is gone, and keeps the rows', async () => {
      const { chat, dialog, server } = await longDialog(2)

      server.takeOut(dialog, 'ana')
      await server.settle()
      expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ access: 'none' })
      expect(rows(chat, dialog)).toHaveLength(2)
      server.say(dialog, 'bo', 'while she was out')
      server.add(dialog, 'ana')
      await server.settle()
      expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ access: 'ok' })
      expect(texts(chat, dialog)).toContain('while she was out')
      server.deleteDialog(dialog)
      await server.settle()

      expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ access: 'gone' })
    })
  })

  it('a dialog that is left and opened again shows its rows at once, true again in the end', async () => {
    const { chat, dialog, server } = await longDialog(80)
    await chat.loadOlder(dialog)
    chat.closeDialog(dialog)
    server.say(dialog, 'bo', 'while closed')
    await server.settle()

    const opening = chat.openDialog(dialog)
    expect(rows(chat, dialog).length).toBeGreaterThanOrEqual(80)
    await opening

    expect(texts(chat, dialog).slice(-2)).toEqual(['--unread--', 'while closed'])
  })

  it('keeps few dialogs that are not open', async () => {
    const { chat, server } = await online()
    for (let n = 0; n < 30; n++) {
      const { id } = server.dialog({ objectId: String(n) })
      await chat.openDialog(id)
      chat.closeDialog(id)
    }

    expect(Object.keys(chat.getSnapshot().transcripts)).toHaveLength(10)
  })

  it('leaving a dialog ends its loads', async () => {
    const { chat, dialog, server } = await longDialog(120)
    server.fail('GET /messages', { hang: true })
    const error = vi.fn()
    chat.on('error', error)
    const loading = chat.loadOlder(dialog)
    await server.settle()

    chat.closeDialog(dialog)
    await loading

    expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ isLoadingOlder: false, olderError: null })
    expect(error).not.toHaveBeenCalled()
  })

  it('left and opened again at once, it is loaded', async () => {
    const { chat, dialog, server } = await longDialog(3)
    server.say(dialog, 'bo', 'new')
    void chat.openDialog(dialog)
    chat.closeDialog(dialog)

    await chat.openDialog(dialog)

    expect(chat.getSnapshot().transcripts[dialog]).toMatchObject({ status: 'ready', isAtEnd: true })
    expect(texts(chat, dialog).at(-1)).toBe('new')
  })

  it('a first load that is given up brings nothing back', async () => {
    const { chat, dialog, server } = await online()
    const release = server.hold('GET /messages')
    const opening = chat.openDialog(dialog)
    await server.settle()

    chat.closeDialog(dialog)
    release()
    await opening

    expect(chat.getSnapshot().transcripts).toEqual({})
  })

  it('an older server, which tells little in its events, is asked for the rest', async () => {
    const { chat, dialog, server } = await inDialog({}, { isOlder: true })
    const file = { id: 'f', filename: 'a.png', content_type: 'image/png', size: 1, url: 'https://files.test/a' }

    server.say(dialog, 'bo', 'see', { attachments: [file] })
    await server.settle()

    const row = rows(chat, dialog).at(-1)
    expect(row?.kind === 'message' && row.message.attachments).toEqual([file])
    expect(server.requests.at(-1)!.query).toMatchObject({ limit: '2' })
  })
})
