import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { chatOf, inDialog, pass, stopTime, stored, texts } from '../test/harness.js'
import { fakeTabs } from '../test/tabs.js'
import type { ChatClient, MTChatConfig } from './index.js'

const MB = 1024 * 1024
const file = (name: string, type = 'image/png', size = 1_000) => {
  const made = new File(['x'], name, { type })
  Object.defineProperty(made, 'size', { value: size })
  made.slice = (begin = 0, end = size) => ({ size: end - begin }) as Blob
  return made
}
const files = (chat: ChatClient, dialog: string) => chat.getSnapshot().uploads[dialog] ?? []

describe('uploads', () => {
  stopTime()

  it('are checked before, each refusal with its reason', async () => {
    const { chat, dialog } = await inDialog()
    const good = Array.from({ length: 9 }, (_, n) => file(`${n}.png`))

    const refused = chat.addFiles(dialog, [
      ...good,
      file('a.exe', 'application/x-msdownload'),
      file('empty.png', 'image/png', 0),
      file('huge.zip', 'application/zip', 100 * MB + 1),
      file(`${'n'.repeat(256)}`),
      file('unknown', ''),
      file('eleventh.png'),
    ])

    expect(refused.map(({ file: { name }, reason }) => [name.slice(0, 12), reason])).toEqual([
      ['a.exe', 'type'],
      ['empty.png', 'empty'],
      ['huge.zip', 'size'],
      ['nnnnnnnnnnnn', 'name'],
      ['eleventh.png', 'count'],
    ])
    expect(files(chat, dialog)).toHaveLength(10)
  })

  it('go three at a time and tell how far they are', async () => {
    const { chat, dialog, server } = await inDialog()
    const release = server.holdUploads()

    chat.addFiles(dialog, ['1', '2', '3', '4'].map((name) => file(name)))
    await server.settle()
    expect(files(chat, dialog).map(({ status, progress }) => [status, progress])).toEqual([
      ['uploading', 50],
      ['uploading', 50],
      ['uploading', 50],
      ['pending', 0],
    ])
    release()
    await server.settle()

    expect(files(chat, dialog).every(({ status, progress }) => status === 'uploaded' && progress === 100)).toBe(true)
  })

  it('go with the message, in the order one gave them', async () => {
    const { chat, dialog, server } = await inDialog()
    chat.addFiles(dialog, [file('a'), file('b'), file('c')])
    await server.settle()
    chat.reorderFiles(dialog, files(chat, dialog)[2]!.id, 0)
    chat.removeFile(dialog, files(chat, dialog)[1]!.id)

    await chat.send(dialog, { content: '' })
    await server.settle()

    expect(server.messages(dialog).at(-1)!.attachments!.map(({ filename }) => filename)).toEqual(['c', 'b'])
    expect(files(chat, dialog)).toEqual([])
  })

  it('a message sent meanwhile waits for them', async () => {
    const { chat, dialog, server } = await inDialog()
    const release = server.holdUploads()
    chat.addFiles(dialog, [file('a')])
    await server.settle()

    await chat.send(dialog, { content: 'see' })
    await server.settle()
    expect(texts(chat, dialog)).toEqual(['(uploading) see'])
    expect(chat.getSnapshot().outbox[dialog]![0]!.uploads).toMatchObject([{ filename: 'a', progress: 50 }])
    release()
    await server.settle()

    expect(server.messages(dialog).at(-1)).toMatchObject({ content: 'see', attachments: [{ filename: 'a' }] })
    expect(chat.getSnapshot().outbox).toEqual({})
  })

  it('a stumbling storage is asked again, a refusal is shown and can be tried again', async () => {
    const { chat, dialog, server } = await inDialog()
    server.failUploads(0, 503, 200, 403)
    chat.addFiles(dialog, [file('a')])
    await pass(server, 10_000)
    expect(files(chat, dialog)).toMatchObject([{ status: 'uploaded' }])
    chat.addFiles(dialog, [file('b')])
    await pass(server, 10_000)
    expect(files(chat, dialog)[1]).toMatchObject({ status: 'error', error: { code: 'UPLOAD_FAILED', status: 403 } })

    chat.retryFile(dialog, files(chat, dialog)[1]!.id)
    await server.settle()

    expect(files(chat, dialog)[1]).toMatchObject({ status: 'uploaded', progress: 100 })
    expect(files(chat, dialog)[1]!.error).toBeUndefined()
  })

  it('a message whose file failed says so, lets others pass, and goes when tried again', async () => {
    const { chat, dialog, server } = await inDialog()
    server.fail('POST /presign', { status: 400, code: 'UNSUPPORTED_FILE_TYPE' })
    chat.addFiles(dialog, [file('a')])
    const clientId = await chat.send(dialog, { content: 'with file' })
    await chat.send(dialog, { content: 'without' })
    await server.settle()
    expect(chat.getSnapshot().outbox[dialog]).toMatchObject([{ state: 'failed', error: { code: 'UNSUPPORTED_FILE_TYPE' } }])
    expect(texts(chat, dialog)).toEqual(['without', '(failed) with file'])

    chat.retry(clientId)
    await server.settle()

    expect(server.messages(dialog).map(({ content }) => content)).toEqual(['without', 'with file'])
  })

  it('can be given up, and tried again after all', async () => {
    const { chat, dialog, server } = await inDialog()
    const release = server.holdUploads()
    chat.addFiles(dialog, [file('a')])
    await server.settle()

    chat.cancelFile(dialog, files(chat, dialog)[0]!.id)
    release()
    await server.settle()
    expect(files(chat, dialog)).toMatchObject([{ status: 'error', error: { code: 'ABORTED' } }])
    expect(server.objects.size).toBe(0)
    chat.retryFile(dialog, files(chat, dialog)[0]!.id)
    await server.settle()

    expect(files(chat, dialog)).toMatchObject([{ status: 'uploaded' }])
  })

  it('large ones go in parts, and go on where links ended', async () => {
    const { chat, dialog, server } = await inDialog()
    server.failUploads(200, 403)

    chat.addFiles(dialog, [file('film.mp4', 'video/mp4', 40 * MB)])
    await pass(server, 10_000)

    expect(files(chat, dialog)).toMatchObject([{ status: 'uploaded' }])
    expect([...server.objects.values()]).toEqual([40 * MB])
    expect(server.count('POST /upload/presign')).toBe(0)
  })

  it('large ones go in one piece where the server knows no parts', async () => {
    const { chat, dialog, server } = await inDialog({}, { isOlder: true, features: ['files'] })

    chat.addFiles(dialog, [file('film.mp4', 'video/mp4', 40 * MB)])
    await server.settle()

    expect(files(chat, dialog)).toMatchObject([{ status: 'uploaded' }])
  })

  it('a page that was closed in the middle keeps the words and says what happened', async () => {
    globalThis.indexedDB = new IDBFactory()
    fakeTabs()
    const inBrowser: Partial<MTChatConfig> = { storage: undefined as never }
    const { chat, dialog, server } = await inDialog(inBrowser)
    await stored(server)
    server.holdUploads()
    chat.addFiles(dialog, [file('a')])
    await chat.send(dialog, { content: 'words' })
    await stored(server)
    const other = chatOf(server, 'ana', inBrowser)
    await stored(server, 2_000)
    expect(other.getSnapshot().outbox[dialog]).toMatchObject([{ state: 'uploading' }])
    await chat.destroy()
    await other.destroy()

    const again = chatOf(server, 'ana', inBrowser)
    await stored(server, 2_000)

    expect(again.getSnapshot().outbox[dialog]).toMatchObject([{ content: 'words', state: 'failed', error: { code: 'UPLOAD_INTERRUPTED' } }])
  })
})
