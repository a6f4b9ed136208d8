import { describe, expect, it, vi } from 'vitest'
import { chatOf, online, pass, stopTime } from '../test/harness.js'
import { MTChatError } from './errors.js'
import type { ChatClient } from './index.js'
import * as parts from './parts.js'
import { lazily } from './parts.js'
import { createTestServer } from './testing/index.js'
import { scopeHeader } from './transport.js'

async function refusal(promise: Promise<unknown>): Promise<MTChatError> {
  const error = await promise.then(
    () => new Error('was not refused'),
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(MTChatError)
  return error as MTChatError
}

describe('a request', () => {
  stopTime()

  it('carries scopes as base64 of UTF-8, in any script', () => {
    const header = scopeHeader({ scopeLevel0: ['Север'], scopeLevel1: ['采购'], scopeLevel2: [] })

    expect(JSON.parse(Buffer.from(header, 'base64').toString('utf8'))).toEqual({
      scope_level0: ['Север'],
      scope_level1: ['采购'],
      scope_level2: [],
    })
  })

  it('encodes the parts of its path', async () => {
    const { server, chat } = await online()

    await chat.loadByObject('a/b', 'ü?#')

    expect(server.requests.at(-1)!.path).toBe('/api/v1/dialogs/by-object/a%2Fb/%C3%BC%3F%23/list')
  })

  it('is given up after 15 s', async () => {
    const { server, chat } = await online()
    server.fail('POST /join', { hang: true })

    const joining = refusal(chat.join('x'))
    await pass(server, 15_000)

    expect(await joining).toMatchObject({ status: 0, code: 'TIMEOUT', retryable: true })
  })

  it.each([{ network: true }, { status: 429 }, { status: 502 }, { status: 503 }, { status: 504 }])(
    'that reads is tried twice more on %o',
    async (fault) => {
      const { server, chat } = await online()
      server.fail('GET /dialogs', { ...fault, times: 2 })

      const loading = chat.loadList('participating')
      await pass(server, 5_000)
      await loading

      expect(chat.getSnapshot().lists.participating.status).toBe('ready')
      expect(server.count('GET /dialogs')).toBe(3)
    },
  )

  it('waits as long as the server says', async () => {
    const { server, chat } = await online()
    server.fail('GET /dialogs', { status: 503, retryAfter: 7 })

    void chat.loadList('participating')
    await pass(server, 6_999)
    expect(chat.getSnapshot().lists.participating.status).toBe('loading')
    await pass(server, 1)

    expect(chat.getSnapshot().lists.participating.status).toBe('ready')
  })

  it('that writes is never repeated by itself', async () => {
    const { server, chat } = await online()
    server.fail('POST /leave', { status: 503 })
    const dialog = server.dialog().id

    expect(await refusal(chat.leave(dialog))).toMatchObject({ status: 503, retryable: true })
    expect(server.count('POST /leave')).toBe(1)
  })

  it('says status, code, when to try again and how to ask for help', async () => {
    const fetch = () =>
      Promise.resolve(
        new Response('{"error":{"code":"SLOW_DOWN","message":"Later.","request_id":"r-1"}}', {
          status: 429,
          headers: { 'Retry-After': '60' },
        }),
      )
    const server = createTestServer()
    const chat = chatOf(server, 'ana', { fetch })

    const error = await refusal(chat.loadDialog('x'))

    expect(error).toMatchObject({ status: 429, code: 'SLOW_DOWN', message: 'Later.', retryable: true, retryAfter: 60_000, requestId: 'r-1' })
  })

  it.each([
    [502, '<html>proxy</html>', 'HTTP_502'],
    [200, '<html>hello</html>', 'BAD_RESPONSE'],
  ])('survives pages that are no JSON: %i', async (status, text, code) => {
    const server = createTestServer()
    const chat = chatOf(server, 'ana', { fetch: () => Promise.resolve(new Response(text, { status })) })

    const loading = refusal(chat.loadDialog('x'))
    await pass(server, 10_000)

    expect((await loading).code).toBe(code)
  })

  it('never shows the token in an error or a log', async () => {
    const server = createTestServer()
    const logger = vi.fn()
    const chat = chatOf(server, 'ana', { token: 'secret-token', logger })
    server.acceptTokens({})
    chat.connect()

    const error = await refusal(chat.loadDialog('x'))
    await pass(server, 10_000)

    expect(logger).toHaveBeenCalled()
    expect(JSON.stringify([logger.mock.calls, { ...error }, error.message, error.stack])).not.toContain('secret-token')
  })
})

describe('a part that is loaded later', () => {
  stopTime()

  it('is loaded once; a network that stumbles is asked again', async () => {
    const load = vi.fn(() => Promise.resolve('part'))
    load.mockRejectedValueOnce(new TypeError('Failed to fetch dynamically imported module'))
    const part = lazily(load)

    const both = Promise.all([part(), part()])
    await vi.advanceTimersByTimeAsync(1_000)

    expect(await both).toEqual(['part', 'part'])
    expect(await part()).toBe('part')
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('that cannot be loaded is an error one may retry, and the next use tries anew', async () => {
    const load = vi.fn(() => Promise.reject<string>(new TypeError('Failed to fetch dynamically imported module')))
    const part = lazily(load)

    const failed = refusal(part())
    await vi.advanceTimersByTimeAsync(4_000)
    expect(await failed).toMatchObject({ code: 'NETWORK', retryable: true })
    load.mockImplementation(() => Promise.resolve('part'))

    expect(await part()).toBe('part')
  })

  it.each([
    ['search', (chat: ChatClient) => chat.searchMessages('word'), (chat: ChatClient) => chat.getSnapshot().search],
    ['files', (chat: ChatClient, id: string) => chat.loadFiles(id), (chat: ChatClient, id: string) => chat.getSnapshot().files[id]],
  ])('tells of it where its %s would be', async (_, use, shown) => {
    const { server, chat, dialog } = await online()
    vi.spyOn(parts, 'lookupsPart').mockRejectedValueOnce(new MTChatError({ code: 'NETWORK' }))

    await use(chat, dialog)
    expect(shown(chat, dialog)).toMatchObject({ status: 'error', error: { code: 'NETWORK', retryable: true } })
    await use(chat, dialog)
    await server.settle()

    expect(shown(chat, dialog)).toMatchObject({ status: 'ready', error: null })
  })

  it('a file waits for its part, says so when that fails, and goes when tried again', async () => {
    const { server, chat, dialog } = await online()
    vi.spyOn(parts, 'uploadPart').mockRejectedValueOnce(new MTChatError({ code: 'NETWORK' }))
    const file = () => chat.getSnapshot().uploads[dialog]![0]!

    chat.addFiles(dialog, [new File(['bytes'], 'a.txt', { type: 'text/plain' })])
    await server.settle()
    expect(file()).toMatchObject({ status: 'error', error: { code: 'NETWORK', retryable: true } })
    chat.retryFile(dialog, file().id)
    await server.settle()

    expect(file()).toMatchObject({ status: 'uploaded', progress: 100 })
  })
})
