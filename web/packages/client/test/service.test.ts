/** The client against the service itself, in two people's hands. `MTCHAT_BIN` names the `mtchat` program to start. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createChat, type ChatClient, type ChatState, type MTChatConfig } from '../src/index.js'

const bin = process.env.MTCHAT_BIN
const SECRET = 'a secret that is long enough for HS256 and only lives in this test'
const ADMIN = 'an admin token that only lives in this test'
const SCOPES = { scope_level0: ['nordwind'], scope_level1: [], scope_level2: [] }

const reachable = describe.skipIf(!bin)
const why = bin ? '' : ' (skipped: MTCHAT_BIN names no mtchat program to start, such as .venv/bin/mtchat)'

let service: ChildProcess | undefined
let baseUrl = ''
const chats: ChatClient[] = []

function token(user: string, life = 3600): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + life
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, scopes: SCOPES, exp })}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

/** Look until it is so; how long a service takes nobody knows. */
async function until<T>(look: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
  const end = Date.now() + 20_000
  while (Date.now() < end) {
    const found = await Promise.resolve()
      .then(look)
      .catch(() => null)
    if (found) return found as NonNullable<T>
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  throw new Error(`Never: ${what}`)
}

async function newDialog(people: string[]): Promise<string> {
  const answer = await fetch(`${baseUrl}/api/v1/management/dialogs`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${ADMIN}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      object_id: `o-${Math.random()}`,
      object_type: 'order',
      title: 'Order',
      participants: people.map((user_id) => ({ user_id, display_name: user_id.toUpperCase() })),
      access_scopes: [SCOPES],
    }),
  })
  return ((await answer.json()) as { data: { id: string } }).data.id
}

async function chatOf(userId: string, change: Partial<MTChatConfig> = {}): Promise<ChatClient> {
  const chat = createChat({ baseUrl, userId, token: token(userId), storage: false, reconnectInterval: 200, ...change })
  chats.push(chat)
  chat.connect()
  await until(() => chat.getSnapshot().connection.status === 'online', 'online')
  return chat
}

const rows = (state: ChatState, dialog: string) =>
  (state.transcripts[dialog]?.rows ?? []).flatMap((row) =>
    row.kind === 'message' && row.message.message_type === 'user' ? [row.message.content] : [],
  )

reachable(`with the service${why}`, () => {
  beforeAll(async () => {
    const port = await freePort()
    baseUrl = `http://127.0.0.1:${port}`
    service = spawn(bin!, ['serve', '--memory', '--port', String(port)], {
      env: { ...process.env, ADMIN_API_TOKEN: ADMIN, JWT_AUTH_ENABLED: 'true', JWT_SECRET: SECRET },
      stdio: 'ignore',
    })
    await until(async () => (await fetch(`${baseUrl}/health/ready`)).ok, 'the service is ready')
  }, 30_000)
  afterEach(async () => {
    await Promise.all(chats.splice(0).map((chat) => chat.destroy()))
  })
  afterAll(() => void service?.kill('SIGKILL'))

  it('two people talk, edit, delete, read and write at the same time', async () => {
    const dialog = await newDialog(['ana', 'bo'])
    const [ana, bo] = [await chatOf('ana'), await chatOf('bo')]
    await Promise.all([ana.openDialog(dialog), bo.openDialog(dialog), bo.loadList('participating')])

    await ana.send(dialog, { content: 'one' })
    await ana.send(dialog, { content: 'two' })
    await until(() => rows(bo.getSnapshot(), dialog).length === 2, 'both arrived')
    expect(rows(ana.getSnapshot(), dialog)).toEqual(['one', 'two'])
    expect(bo.getSnapshot().dialogs[dialog]).toMatchObject({ unread_count: 2, last_message: { content: 'two' } })

    const messages = bo.getSnapshot().transcripts[dialog]!.segments[0]!.messages.filter((one) => one.message_type === 'user')
    bo.markVisible(dialog, messages.map(({ id }) => id))
    await until(
      () => ana.getSnapshot().participants[dialog]!.list.find((one) => one.user_id === 'bo')?.last_read_message_id === messages[1]!.id,
      'read',
    )
    expect(bo.getSnapshot().dialogs[dialog]!.unread_count).toBe(0)

    await ana.edit(dialog, messages[0]!.id, 'ONE')
    await ana.delete(dialog, messages[1]!.id)
    await until(() => rows(bo.getSnapshot(), dialog).join() === 'ONE', 'edited and deleted')
    expect(await bo.editHistory(dialog, messages[0]!.id)).toMatchObject([{ content: 'one' }])

    ana.sendTyping(dialog)
    await until(() => bo.getSnapshot().typing[dialog]?.includes('ana'), 'typing')
    await until(() => bo.getSnapshot().presence.ana, 'presence')
  })

  it('what was missed while away comes by itself, and the outbox goes out', async () => {
    const dialog = await newDialog(['ana', 'bo'])
    const [ana, bo] = [await chatOf('ana'), await chatOf('bo')]
    await ana.openDialog(dialog)

    ana.disconnect()
    for (let n = 0; n < 120; n++) await bo.api.sendMessage(dialog, `m${n}`)
    await ana.send(dialog, { content: 'while away' })
    ana.connect()

    await until(() => rows(ana.getSnapshot(), dialog).length === 121, 'caught up')
    expect([...rows(ana.getSnapshot(), dialog)].sort()).toEqual([...Array.from({ length: 120 }, (_, n) => `m${n}`), 'while away'].sort())
    expect(ana.getSnapshot().transcripts[dialog]!.rows.some(({ kind }) => kind === 'gap')).toBe(false)
  })

  it('a long history is paged, jumped in, and complete without doubles', async () => {
    const dialog = await newDialog(['ana', 'bo'])
    const [ana, bo] = [await chatOf('ana'), await chatOf('bo')]
    const ids: string[] = []
    for (let n = 0; n < 230; n++) ids.push((await bo.api.sendMessage(dialog, `m${n}`)).id)
    await ana.openDialog(dialog)

    expect(await ana.jumpTo(dialog, ids[110]!)).toBe(true)
    for (let n = 0; n < 10; n++) {
      await ana.loadOlder(dialog)
      const gap = ana.getSnapshot().transcripts[dialog]!.rows.find(({ kind }) => kind === 'gap')
      if (gap) await ana.fillGap(dialog, gap.key)
    }

    expect(rows(ana.getSnapshot(), dialog)).toEqual(Array.from({ length: 230 }, (_, n) => `m${n}`))
    expect(ana.getSnapshot().transcripts[dialog]).toMatchObject({ isAtStart: true, isAtEnd: true })
  })

  it('one joins by scope, archives, pins, mutes and leaves', async () => {
    const dialog = await newDialog(['bo'])
    const ana = await chatOf('ana')
    await Promise.all([ana.loadList('available'), ana.loadList('participating'), ana.loadList('archived')])
    const lists = () => ana.getSnapshot().lists
    expect(lists().available.ids).toContain(dialog)

    await ana.join(dialog, { displayName: 'Ana', company: 'Север' })
    expect(lists().participating.ids).toContain(dialog)
    await ana.archive(dialog)
    await ana.setNotifications(dialog, false)
    await ana.pin(dialog)
    expect([lists().archived.ids.includes(dialog), lists().participating.ids.includes(dialog)]).toEqual([true, false])
    expect(await ana.loadDialog(dialog)).toMatchObject({ is_archived: true, is_pinned: true, notifications_enabled: false })
    await ana.leave(dialog)

    await until(() => lists().available.ids.includes(dialog), 'it can be joined again')
  })

  it('search finds what was said', async () => {
    const dialog = await newDialog(['ana', 'bo'])
    const ana = await chatOf('ana')
    const { id } = await ana.api.sendMessage(dialog, 'a <strong>needle</strong> in hay')

    await ana.searchMessages('needle', { dialogId: dialog })

    expect(ana.getSnapshot().search).toMatchObject({ status: 'ready', hits: [{ message_id: id }] })
  })

  it('an expired token is renewed once, and a wrong one stops', async () => {
    const dialog = await newDialog(['ana'])
    let asked = 0
    const renew = () => {
      asked += 1
      return token('ana')
    }
    const ana = await chatOf('ana', { token: token('ana', -3600), getToken: renew })
    await ana.openDialog(dialog)
    expect([asked, ana.getSnapshot().transcripts[dialog]!.status]).toEqual([1, 'ready'])

    const wrong = createChat({ baseUrl, userId: 'ana', token: 'wrong', storage: false })
    chats.push(wrong)
    wrong.connect()
    await until(() => wrong.getSnapshot().connection.status === 'unauthorized', 'unauthorized')
  })

  it('joining with a wrong scope is refused with a code', async () => {
    const ana = await chatOf('ana')

    await expect(ana.join('0197c0de-0000-7000-8000-0000000000a1')).rejects.toMatchObject({ status: 404, code: 'DIALOG_NOT_FOUND' })
  })
})
