import { afterEach, beforeEach, vi } from 'vitest'
import { createChat } from '../src/index.js'
import type { ChatClient, MTChatConfig } from '../src/index.js'
import { createTestServer, type TestServer } from '../src/testing/index.js'

const chats: ChatClient[] = []

/** Time stands still unless a test moves it; what does not wait for time happens by `server.settle()`. */
export function stopTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    vi.setSystemTime(new Date('2031-05-04T12:00:00Z'))
    // The longest of every random wait.
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
  })
  afterEach(async () => {
    await Promise.all(chats.splice(0).map((chat) => chat.destroy()))
    vi.useRealTimers()
  })
}

export function chatOf(server: TestServer, user = 'ana', change: Partial<MTChatConfig> = {}): ChatClient {
  const chat = createChat({ ...server.config(user), ...change })
  chats.push(chat)
  return chat
}

export async function pass(server: TestServer, ms: number): Promise<void> {
  await server.settle()
  await vi.advanceTimersByTimeAsync(ms)
  await server.settle()
}

/** The browser's database needs turns of its own. */
export async function stored(server: TestServer, ms = 0): Promise<void> {
  for (let turn = 0; turn < 15; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    await server.settle()
  }
  if (ms) {
    await vi.advanceTimersByTimeAsync(ms)
    await stored(server)
  }
}

/** A server with one order of Ana and Bo, and Ana's client, online. */
export async function online(change: Partial<MTChatConfig> = {}, options: Parameters<typeof createTestServer>[0] = {}) {
  const server = createTestServer(options)
  const dialog = server.dialog()
  const chat = chatOf(server, 'ana', change)
  chat.connect()
  await server.settle()
  return { server, dialog: dialog.id, chat }
}

/** The same, with the order open. */
export async function inDialog(change: Partial<MTChatConfig> = {}, options: Parameters<typeof createTestServer>[0] = {}) {
  const made = await online(change, options)
  await made.chat.openDialog(made.dialog)
  await made.server.settle()
  return made
}

export function texts(chat: ChatClient, dialogId: string): string[] {
  return (chat.getSnapshot().transcripts[dialogId]?.rows ?? []).map((row) => {
    if (row.kind === 'message') return row.message.content
    return row.kind === 'outbox' ? `(${row.entry.state}) ${row.entry.content}` : `--${row.kind}--`
  })
}
