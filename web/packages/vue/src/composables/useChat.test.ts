// @vitest-environment happy-dom
import { createTestPage, createTestServer } from '@mtchat/client/testing'
import type { MTChatConfig } from '@mtchat/client'
import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { effectScope, shallowRef, type EffectScope } from 'vue'
import { useChat, type UseChatOptions } from './useChat'

let scope: EffectScope | undefined
afterEach(() => scope?.stop())

function chatOver(server = createTestServer(), options: Partial<UseChatOptions> = {}) {
  const config = shallowRef<MTChatConfig>({ ...server.config('ana'), storage: false, environment: createTestPage() })
  scope = effectScope()
  const chat = scope.run(() => useChat({ config, ...options }))!
  const settle = async () => {
    await server.settle()
    await flushPromises()
    await server.settle()
  }
  return { server, chat, config, settle }
}

describe('useChat', () => {
  it('connects, lists, opens, sends', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ title: 'Order 7', people: ['ana', 'bo'] })
    server.say(id, 'bo', 'hello')
    const { chat, settle } = chatOver(server)
    await settle()
    expect(chat.isConnected.value).toBe(true)
    expect(chat.participatingDialogs.value.map(({ title }) => title)).toEqual(['Order 7'])

    await chat.selectDialog(chat.participatingDialogs.value[0]!)
    await chat.sendMessage('hi')
    await settle()

    expect(chat.currentDialog.value?.id).toBe(id)
    expect(chat.messages.value.map(({ content }) => content)).toEqual(['hello', 'hi'])
  })

  it('connects only when told to', async () => {
    const { chat, settle, server } = chatOver(createTestServer(), { autoConnect: false })
    await settle()
    expect(server.requests).toHaveLength(0)
    chat.connect()
    await settle()
    expect(chat.isConnected.value).toBe(true)
    chat.disconnect()
    await settle()
    expect(chat.isConnected.value).toBe(false)
  })

  it('restricts the lists to one object, and searches in them', async () => {
    const server = createTestServer()
    server.dialog({ title: 'Ours', objectType: 'order', objectId: '7', people: ['ana'] })
    server.dialog({ title: 'Ours too', objectType: 'order', objectId: '7', people: ['ana'] })
    server.dialog({ title: 'Another', objectType: 'order', objectId: '8', people: ['ana'] })
    const { chat, settle } = chatOver(server, { objectType: 'order', objectId: '7' })
    await settle()
    expect(chat.participatingDialogs.value.map(({ title }) => title)).toEqual(['Ours too', 'Ours'])
    chat.setSearchQuery('TOO')
    expect(chat.participatingDialogs.value.map(({ title }) => title)).toEqual(['Ours too'])
  })

  it('replies and edits one at a time', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['ana', 'bo'] })
    const said = server.say(id, 'ana', 'teh')
    const { chat, settle } = chatOver(server, { dialogId: id })
    await settle()
    chat.setReplyTo(said)
    expect(chat.replyToMessage.value?.id).toBe(said.id)
    chat.setEditMessage(said)
    expect(chat.replyToMessage.value).toBeNull()
    expect(chat.editingMessage.value?.id).toBe(said.id)
    await chat.editMessage(said.id, 'the')
    chat.clearEditMessage()
    await settle()
    expect(chat.messages.value[0]!.content).toBe('the')
    expect(chat.editingMessage.value).toBeNull()
  })

  it('leaves, and the list knows', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['ana', 'bo'] })
    const { chat, settle } = chatOver(server)
    await settle()
    await chat.leaveDialog(id)
    await settle()
    expect(chat.participatingDialogs.value).toEqual([])
  })

  it('keeps an error with its code', async () => {
    const server = createTestServer()
    const { id } = server.dialog({ people: ['ana'] })
    const { chat, settle } = chatOver(server)
    await settle()
    server.fail(`POST /dialogs/${id}/archive`, { status: 403, code: 'NOT_PARTICIPANT' })
    await expect(chat.archiveDialog(id)).rejects.toMatchObject({ code: 'NOT_PARTICIPANT' })
    expect(chat.error.value?.code).toBe('NOT_PARTICIPANT')
  })

  it('leaves nothing behind', async () => {
    const { chat, settle, server } = chatOver()
    await settle()
    scope!.stop()
    await settle()
    expect(chat.client.value).toBeNull()
    expect(server.sockets()).toEqual([])
  })
})
