import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { pass, stopTime } from '../test/harness.js'
import {
  ATTACHMENT_LIMITS,
  formatFileSize,
  getAttachmentType,
  isAllowedFileType,
  isValidFileSize,
  MTChatApi,
  MTChatClient,
  MTChatError,
  MTChatWebSocket,
  uuidv7,
} from './index.js'
import { createTestServer } from './testing/index.js'

describe("the original's classes", () => {
  stopTime()

  it('have every method of the original', () => {
    const api = new MTChatApi('https://chat.test', 'ana', { scopeLevel0: [], scopeLevel1: [], scopeLevel2: [] }, 'token')
    const methods =
      'healthCheck getDialogs getParticipatingDialogs getAvailableDialogs getDialog getDialogByObject getDialogsByObject joinDialog ' +
      'leaveDialog archiveDialog unarchiveDialog pinDialog unpinDialog setDialogNotifications getParticipants getMessages markAsRead ' +
      'getMessage sendMessage editMessage deleteMessage getPresignedUploadUrl getAttachmentUrl uploadFile'
    for (const name of methods.split(' ')) expect(typeof api[name as keyof MTChatApi], name).toBe('function')
    for (const name of 'connect disconnect send subscribe unsubscribe ping'.split(' ')) {
      expect(typeof MTChatWebSocket.prototype[name as keyof MTChatWebSocket & string]).toBe('function')
    }
  })

  it('hear events, one kind or all, and tell of the end of a connection', async () => {
    const server = createTestServer()
    const dialog = server.dialog().id
    const [onConnect, onDisconnect, onMessage, all] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()]
    const client = new MTChatClient({ ...server.config('ana'), onConnect, onDisconnect, onMessage })
    const heard: unknown[] = []
    const off = client.on('message.new', ({ content }) => heard.push(content))
    client.on('*', ({ type }) => all(type))

    client.connect()
    await server.settle()
    client.subscribe(dialog)
    await client.sendMessage(dialog, 'hello')
    await server.settle()
    off()
    server.say(dialog, 'bo', 'unheard')
    await server.settle()
    expect([client.isConnected, heard, onConnect.mock.calls.length]).toEqual([true, ['hello'], 1])
    server.dropSockets()
    await server.settle()
    expect([client.isConnected, onDisconnect.mock.calls.length]).toEqual([false, 1])
    await pass(server, 2_000)
    expect(client.isConnected).toBe(true)
    client.disconnect()

    expect(all.mock.calls.map(([type]: unknown[]) => type)).toEqual([
      'connected', 'message.new', 'message.new', 'disconnected', 'connected', 'message.new', 'message.new', 'disconnected',
    ])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refusals keep their code', async () => {
    const server = createTestServer()
    const client = new MTChatClient(server.config('ana'))

    await expect(client.leaveDialog('x')).rejects.toBeInstanceOf(MTChatError)
    await expect(client.leaveDialog('x')).rejects.toMatchObject({ code: 'FORBIDDEN', status: 403 })
  })

  it('join with the profile of the configuration', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['bo'], isOpen: true })
    const client = new MTChatClient({ ...server.config('cy'), userProfile: { displayName: 'Cy', company: 'Calm', email: 'cy@calm.test' } })

    await client.joinDialog(id)

    expect(server.requests.at(-1)!.body).toEqual({ display_name: 'Cy', company: 'Calm', email: 'cy@calm.test' })
  })
})

describe('files', () => {
  it('have the limits of the service', () => {
    expect(ATTACHMENT_LIMITS).toMatchObject({ MAX_FILE_SIZE: 104_857_600, MAX_ATTACHMENTS_PER_MESSAGE: 10 })
    expect(ATTACHMENT_LIMITS.ALLOWED_TYPES).toHaveLength(38)
    expect(['', 'image/svg+xml', 'application/vnd.oasis.opendocument.text', 'text/plain'].every(isAllowedFileType)).toBe(true)
    expect(['text/plain; charset=utf-8', 'application/x-msdownload', 'IMAGE/PNG'].some(isAllowedFileType)).toBe(false)
    expect([0, 1, 104_857_600, 104_857_601].map(isValidFileSize)).toEqual([false, true, true, false])
  })

  it('are measured and sorted', () => {
    expect([0, 1023, 1024, 1536, 1024 * 1024, 104_857_600].map(formatFileSize)).toEqual(['0 B', '1023 B', '1.0 KB', '1.5 KB', '1.0 MB', '100.0 MB'])
    expect(['image/png', 'application/pdf', 'text/plain'].map(getAttachmentType)).toEqual(['image', 'pdf', 'file'])
  })
})

describe('ids', () => {
  it('are UUIDv7 and rise, also within a millisecond and when the clock goes back', () => {
    const now = Date.now()
    const ids = Array.from({ length: 10_000 }, (_, n) => uuidv7(now - (n % 3)))

    expect(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id))).toBe(true)
    expect([...ids].sort()).toEqual(ids)
  })
})

describe('the package', () => {
  it('touches no page and says nothing when imported', async () => {
    const entry = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
    expect(JSON.parse(entry)).toMatchObject({ sideEffects: false, type: 'module' })
    expect(JSON.parse(entry)).not.toHaveProperty('dependencies')
    expect(typeof globalThis.document).toBe('undefined')
    await expect(import('./index.js')).resolves.toBeDefined()
  })
})
