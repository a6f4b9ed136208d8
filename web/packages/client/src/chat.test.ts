import { describe, expect, it } from 'vitest'
import { inDialog, stopTime, texts } from '../test/harness.js'

describe('a conversation', () => {
  stopTime()

  it('shows what others say, and what one sends goes out', async () => {
    const { chat, server, dialog } = await inDialog()

    server.say(dialog, 'bo', 'hello')
    await chat.send(dialog, { content: 'good morning' })
    await server.settle()

    expect(texts(chat, dialog)).toEqual(['hello', 'good morning'])
    expect(chat.getSnapshot().outbox).toEqual({})
    expect(server.messages(dialog).map(({ content }) => content)).toEqual(['hello', 'good morning'])
  })
})
