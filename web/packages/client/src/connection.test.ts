import { describe, expect, it, vi } from 'vitest'
import { chatOf, online, pass, stopTime } from '../test/harness.js'
import { socketUrl } from './connection.js'
import { createTestServer } from './testing/index.js'

const SECOND = 1_000

describe('a connection', () => {
  stopTime()

  it('goes from idle over connecting to online, and learns what the server can', async () => {
    const server = createTestServer({ features: ['typing'] })
    const chat = chatOf(server)
    expect(chat.getSnapshot().connection).toEqual({ status: 'idle' })

    chat.connect()
    expect(chat.getSnapshot().connection).toEqual({ status: 'connecting' })
    await server.settle()

    expect(chat.getSnapshot().connection).toEqual({ status: 'online' })
    expect([chat.can('typing'), chat.can('search')]).toEqual([true, false])
  })

  it('waits a random time below ever longer bounds, up to 30 s', async () => {
    const { server, chat } = await online()
    server.refuseSockets(true)
    server.dropSockets()
    const waits: number[] = []

    for (let attempt = 1; attempt <= 7; attempt++) {
      await server.settle()
      const state = chat.getSnapshot().connection
      if (state.status !== 'reconnecting') throw new Error(state.status)
      expect(state.attempt).toBe(attempt)
      waits.push(Math.round((state.nextAt - Date.now()) / 100) * 100)
      await vi.advanceTimersByTimeAsync(state.nextAt - Date.now())
    }

    expect(waits).toEqual([1_500, 3_000, 6_000, 12_000, 24_000, 30_000, 30_000])
  })

  it('full jitter: the wait may be nothing', async () => {
    vi.mocked(Math.random).mockReturnValue(0)
    const { server, chat } = await online()

    server.dropSockets()
    await pass(server, 1)

    expect(chat.getSnapshot().connection.status).toBe('online')
  })

  it('pings every 30 s, and takes a server that does not answer within 10 s for gone', async () => {
    const { server, chat } = await online()
    await pass(server, 30 * SECOND)
    expect(server.sockets()[0]!.sent).toEqual([{ type: 'ping' }])
    await pass(server, 15 * SECOND)
    expect(chat.getSnapshot().connection.status).toBe('online')

    server.freezeSockets()
    await pass(server, 15 * SECOND)
    await pass(server, 10 * SECOND - 1)
    expect(chat.getSnapshot().connection.status).toBe('online')
    await pass(server, 1)

    expect(chat.getSnapshot().connection.status).toBe('reconnecting')
  })

  it.each(['online', 'visible'] as const)('tries at once when the page comes %s', async (what) => {
    const { server, chat } = await online()
    server.refuseSockets(true)
    server.page.set(what === 'online' ? { online: false } : { visible: false })
    server.dropSockets()
    await pass(server, 2_000)
    expect(chat.getSnapshot().connection.status).toBe(what === 'online' ? 'offline' : 'reconnecting')
    server.refuseSockets(false)

    server.page.set({ online: true, visible: true })
    await server.settle()

    expect(chat.getSnapshot().connection.status).toBe('online')
  })

  it('after a sleep of the machine asks at once whether the socket still lives', async () => {
    const { server, chat } = await online()
    server.freezeSockets()

    vi.setSystemTime(Date.now() + 3_600 * SECOND)
    await pass(server, 5 * SECOND)
    expect(server.sockets()[0]!.sent).toEqual([{ type: 'ping' }])
    await pass(server, 10 * SECOND)

    expect(chat.getSnapshot().connection.status).not.toBe('online')
  })

  it('is offline as soon as the browser says so', async () => {
    const { server, chat } = await online()

    server.page.set({ online: false })

    expect(chat.getSnapshot().connection).toEqual({ status: 'offline' })
  })

  it('looking at the page again and again does not put off finding out that nobody answers', async () => {
    const { server, chat } = await online()
    server.freezeSockets()

    for (let second = 0; second < 10; second++) {
      server.page.set({ visible: false })
      server.page.set({ visible: true })
      await pass(server, SECOND)
    }

    expect(chat.getSnapshot().connection.status).not.toBe('online')
  })

  it('waits silently while the browser is offline', async () => {
    const server = createTestServer()
    server.page.set({ online: false })
    const chat = chatOf(server)

    chat.connect()
    await pass(server, 120 * SECOND)

    expect(chat.getSnapshot().connection).toEqual({ status: 'offline' })
    expect(server.requests).toEqual([])
  })

  it('resumes with the newest cursor, and sees what came meanwhile exactly once', async () => {
    const { server, chat, dialog } = await online()
    await chat.openDialog(dialog)
    server.say(dialog, 'bo', 'before')
    await server.settle()
    const events: string[] = []
    chat.on('event', ({ type, content }) => events.push(content ?? type))

    server.dropSockets(1012)
    await server.settle()
    server.say(dialog, 'bo', 'meanwhile')
    const asked = server.requests.length
    await pass(server, 2_000)

    expect(new URL(server.sockets()[0]!.url).searchParams.get('cursor')).not.toBe(null)
    expect(events).toEqual(['connected', 'meanwhile'])
    // Recovered: nothing but who is there is asked for again.
    await pass(server, 1_000)
    expect(server.requests.slice(asked).map(({ path }) => path.split('/').at(-1))).toEqual(['participants'])
  })

  it('takes the cursor of a pong', async () => {
    const { server, dialog } = await online()
    server.say(dialog, 'bo', 'before')
    await pass(server, 30 * SECOND)
    server.dropSockets()
    await pass(server, 2_000)

    expect(new URL(server.sockets()[0]!.url).searchParams.get('cursor')).toBe('3')
  })

  describe('when the token is not taken', () => {
    async function withToken(getToken?: () => string | Promise<string>) {
      const server = createTestServer()
      server.acceptTokens({ fresh: 'ana' })
      server.dialog()
      const refused = vi.fn()
      const errors: string[] = []
      const chat = chatOf(server, 'ana', { token: 'stale', onAuthError: refused, ...(getToken ? { getToken } : {}) })
      chat.on('error', ({ code }) => errors.push(code))
      return { server, chat, refused, errors }
    }

    it('asks once for another and goes on with it', async () => {
      const getToken = vi.fn(() => 'fresh')
      const { server, chat, refused } = await withToken(getToken)

      await chat.loadList('participating')
      chat.connect()
      await server.settle()

      expect(chat.getSnapshot().lists.participating.ids).toHaveLength(1)
      expect(chat.getSnapshot().connection.status).toBe('online')
      expect([getToken.mock.calls.length, refused.mock.calls.length]).toEqual([1, 0])
    })

    it('a host that gives only a way to a token is asked before anything else', async () => {
      const server = createTestServer()
      server.acceptTokens({ fresh: 'ana' })
      const getToken = vi.fn(() => Promise.resolve('fresh'))
      const chat = chatOf(server, 'ana', { getToken })

      chat.connect()
      await Promise.all([chat.loadList('participating'), server.settle()])

      expect(chat.getSnapshot().connection.status).toBe('online')
      expect(getToken).toHaveBeenCalledTimes(1)
      expect(server.requests.every(({ headers }) => headers.authorization === 'Bearer fresh')).toBe(true)
    })

    it.each(['request', 'socket'])('a first token that the %s refuses at once is renewed once, and never in a loop', async (door) => {
      const server = createTestServer()
      server.acceptTokens({ fresh: 'ana' })
      const tokens = ['spoilt', 'fresh', 'never asked for']
      const getToken = vi.fn(() => Promise.resolve(tokens.shift()!))
      const refused = vi.fn()
      const chat = chatOf(server, 'ana', { getToken, onAuthError: refused })

      if (door === 'request') await chat.loadList('participating')
      chat.connect()
      await pass(server, 5_000)

      expect(chat.getSnapshot().connection.status).toBe('online')
      expect([getToken.mock.calls.length, refused.mock.calls.length]).toEqual([2, 0])
      server.acceptTokens({})
      server.dropSockets(1008)
      await pass(server, 600 * SECOND)
      expect(chat.getSnapshot().connection).toEqual({ status: 'unauthorized', isFinal: true })
      expect([getToken.mock.calls.length, refused.mock.calls.length]).toEqual([2, 1])
    })

    it('a handshake refused without a word is told apart from a server that is gone', async () => {
      const { server, chat } = await withToken(() => 'fresh')

      chat.connect()
      await server.settle()

      expect(chat.getSnapshot().connection.status).toBe('online')
    })

    it('stops after one try, says so once, and never loops', async () => {
      const getToken = vi.fn(() => 'also stale')
      const { server, chat, refused, errors } = await withToken(getToken)

      chat.connect()
      await pass(server, 5_000)
      const asked = server.requests.length
      await pass(server, 600 * SECOND)

      expect(chat.getSnapshot().connection).toEqual({ status: 'unauthorized', isFinal: true })
      expect([getToken.mock.calls.length, refused.mock.calls.length]).toEqual([1, 1])
      expect(errors).toEqual(['UNAUTHORIZED'])
      expect(server.requests.length).toBe(asked)
    })

    it('goes on when the host gives another', async () => {
      const { server, chat } = await withToken()
      chat.connect()
      await pass(server, 2_000)
      expect(chat.getSnapshot().connection).toEqual({ status: 'unauthorized', isFinal: true })

      chat.setToken('fresh')
      await server.settle()

      expect(chat.getSnapshot().connection.status).toBe('online')
    })

    it('a close with 1008 gets a new token, not a new try with the old one', async () => {
      const getToken = vi.fn(() => 'fresh')
      const { server, chat } = await withToken(getToken)
      server.acceptTokens({ stale: 'ana' })
      chat.connect()
      await server.settle()
      expect(chat.getSnapshot().connection.status).toBe('online')

      server.acceptTokens({ fresh: 'ana' })
      server.dropSockets(1008)
      await server.settle()

      expect(chat.getSnapshot().connection.status).toBe('online')
      expect(server.sockets()[0]!.url).toContain('token=fresh')
      expect(getToken).toHaveBeenCalledTimes(1)
    })

    it('many requests refused at once ask for one token', async () => {
      const getToken = vi.fn(() => Promise.resolve('fresh'))
      const { chat } = await withToken(getToken)

      await Promise.all([chat.loadList('participating'), chat.loadList('archived'), chat.loadList('available')])

      expect(getToken).toHaveBeenCalledTimes(1)
      expect(chat.getSnapshot().lists.participating.status).toBe('ready')
    })
  })

  it('leaves nothing behind', async () => {
    const { server, chat, dialog } = await online()
    await chat.openDialog(dialog)
    chat.sendTyping(dialog)
    server.types(dialog, 'bo')
    chat.setDraft(dialog, 'half')
    server.say(dialog, 'bo', 'x')
    await server.settle()

    await chat.destroy()
    await server.settle()

    expect(vi.getTimerCount()).toBe(0)
    expect(server.sockets()).toEqual([])
  })

  it('a socket address comes from the API address, whatever its scheme and path', () => {
    expect(socketUrl('https://a.test', undefined, 't&', 'ana', null)).toBe('wss://a.test/api/v1/ws?token=t%26')
    expect(socketUrl('http://a.test/chat/', undefined, null, 'a b', 'c')).toBe('ws://a.test/chat/api/v1/ws?user_id=a+b&cursor=c')
    expect(socketUrl('https://a.test', 'wss://b.test/live', null, 'ana', null)).toBe('wss://b.test/live?user_id=ana')
  })
})
