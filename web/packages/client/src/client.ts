import { MTChatApi } from './api.js'
import { createAuth } from './auth.js'
import { createConnection } from './connection.js'
import { createCore, NO_STATE } from './core.js'
import { createDrafts } from './drafts.js'
import { browser } from './environment.js'
import { MTChatError, unauthorized } from './errors.js'
import { createInbox } from './inbox.js'
import { createOutbox } from './outbox.js'
import type { Lookups } from './lookups.js'
import { lookupsPart } from './parts.js'
import { createPeople } from './people.js'
import { createReceipts } from './receipts.js'
import { browserStorage } from './storage.js'
import { createStore } from './store.js'
import { openTabs, type TabWord } from './tabs.js'
import { createTranscripts } from './transcripts.js'
import { createTransport } from './transport.js'
import { createTyping } from './typing.js'
import type { ChatClient, ChatState, DialogId, Message, MTChatConfig, WsEvent } from './types.js'
import { createUploads, restored } from './uploads.js'

/** The whole chat as one value that changes, and the verbs that change it. Nothing happens before `connect` or a load. */
export function createChat(config: MTChatConfig): ChatClient {
  const environment = config.environment ?? browser
  const { baseUrl, userId, scopeConfig: scopes, fetch } = config
  const auth = createAuth(config.token ?? null, config.getToken, onAuth)
  const transport = createTransport({ baseUrl, userId, auth, scopes, fetch })
  const api = new MTChatApi(transport, userId, scopes, undefined, config.XMLHttpRequest)
  const store = createStore<ChatState>(NO_STATE, (cause) => core.report(cause, 'subscriber'))
  const core = createCore({ config, environment, auth, api, store, speak: (message) => connection.send(message) }, shut)
  let profile = config.userProfile

  const inbox = createInbox(core, (dialogId, id) => id <= (receipts.mark(dialogId) ?? ''), (dialogId) => shut(dialogId, 'none'))
  const receipts = createReceipts(core, (dialogId, mark) => inbox.read(dialogId, mark))
  const people = createPeople(core, (dialogId, mark) => receipts.learn(dialogId, mark))
  const typing = createTyping(core)
  const transcripts = createTranscripts(core, { ownMark: receipts.mark, loadParticipants: people.verbs.loadParticipants })
  const outbox = createOutbox(core, {
    sent: (message) => {
      transcripts.arrived(message)
      inbox.arrived(message)
      receipts.learn(message.dialog_id, message.id)
      const { status, isAtEnd } = transcripts.of(message.dialog_id)
      // It went in after a stretch that is not loaded: show where it is.
      if (status === 'ready' && !isAtEnd) void transcripts.verbs.resetToLatest(message.dialog_id)
    },
    changed: (dialogId) => transcripts.refreshRows(dialogId),
    refused: (dialogId) => inbox.touch(dialogId),
    retryUploads: (files) => uploads.retryAll(files),
    forgetUploads: (files) => uploads.forget(files),
  })
  const drafts = createDrafts(core)
  const uploads = createUploads(core, {
    inOutbox: outbox.fileChanged,
    ofOutbox: outbox.fileOf,
    inComposer: drafts.filesChanged,
  })
  let lookups: Lookups | undefined
  const lookup = async () => {
    const { createLookups } = await lookupsPart()
    return (lookups ??= createLookups(core))
  }

  const connection = createConnection({
    config,
    environment,
    auth,
    probe: () => api.isAccepted(),
    onState(state) {
      const before = store.get().connection
      store.set({ connection: state })
      if (before.status === 'online' && state.status !== 'online') {
        people.clearPresence()
        typing.clear()
        core.emit('disconnected', undefined)
      }
    },
    onEvent,
  })

  function onAuth(what: 'renewed' | 'final'): void {
    if (core.isDestroyed) return
    if (what === 'renewed') return connection.tokenChanged()
    const error = unauthorized()
    connection.refuse()
    core.report(error, 'auth')
    core.emit('authError', error)
  }

  /** Within a dialog events are numbered: what comes a second time is dropped. */
  const seen = new Map<DialogId, number>()
  function isRepeated({ dialog_id: dialogId, event_seq: seq }: WsEvent): boolean {
    if (!dialogId || seq === undefined) return false
    if (seq <= (seen.get(dialogId) ?? 0)) return true
    seen.set(dialogId, seq)
    return false
  }

  function onEvent(event: WsEvent): void {
    if (event.type === 'connected') greeted(event)
    if (isRepeated(event)) return
    core.emit('event', event)
    const { type, dialog_id: dialogId, user_id: user } = event
    if (type === 'typing') return typing.onEvent(event)
    people.onEvent(event)
    if (!dialogId) return
    const isSelf = user === core.userId
    if (type === 'message.new') messageCame(event)
    if (type === 'message.read' && isSelf && event.last_read_message_id) {
      receipts.learn(dialogId, event.last_read_message_id)
      inbox.read(dialogId, event.last_read_message_id)
    }
    if (type === 'participant.joined' && isSelf) cameIn(dialogId)
    if (type === 'participant.left' && isSelf) shut(dialogId, 'none')
    if (type === 'dialog.deleted') shut(dialogId, 'gone')
    transcripts.onEvent(event)
    inbox.onEvent(event)
  }
  function greeted({ features = [], recovered }: WsEvent): void {
    const { capabilities } = store.get()
    const isSame = features.length === capabilities.length && features.every((name, at) => name === capabilities[at])
    if (!isSame) store.set({ capabilities: features })
    if (recovered !== true) {
      seen.clear()
      void transcripts.missedEvents()
      void inbox.reload()
    }
    // Presence is never repeated.
    people.reloadLoaded()
    outbox.resume()
    receipts.resume()
    core.emit('connected', undefined)
  }
  function messageCame(event: WsEvent): void {
    const message = event.payload?.message ?? flatMessage(event)
    if (message.sender_id) typing.forget(message.dialog_id, message.sender_id)
    // The row of the message first, then the outbox row goes: never neither.
    transcripts.arrived(message, event.payload?.message !== undefined)
    outbox.arrived(message)
    inbox.arrived(message)
  }
  function cameIn(dialogId: DialogId): void {
    if (!inbox.isWanted(dialogId)) return
    void inbox.lookAt(dialogId)
    if (store.get().open.includes(dialogId)) void enter(dialogId, true)
  }
  /** Messages and people are for participants; who may join is shown the rest. */
  function enter(dialogId: DialogId, mayRead: boolean): Promise<void> {
    const opening = transcripts.open(dialogId, mayRead)
    void people.verbs.loadParticipants(dialogId)
    return opening
  }
  /** However it was found out, it ends in the same state. */
  function shut(dialogId: DialogId, access: 'none' | 'gone'): void {
    transcripts.shut(dialogId, access)
    receipts.forget(dialogId)
    people.shut(dialogId)
    if (access === 'gone') inbox.forget(dialogId)
    else inbox.left(dialogId)
  }
  function onWord(word: TabWord): void {
    if (word.say === 'entry') outbox.heardEntry(word.entry)
    if (word.say === 'gone') outbox.heardGone(word.clientId, word.message)
    if (word.say === 'draft') drafts.heard(word.dialogId, word.draft)
    if (word.say === 'who') outbox.heardWho(word.clientId)
    if (word.say === 'here') outbox.heardHere(word.clientId)
  }

  async function restore(): Promise<void> {
    if (config.storage === false) return
    const name = `mtchat ${baseUrl} ${userId}`
    core.storage = browserStorage(name, (cause) => void core.report(new MTChatError({ code: 'STORAGE', message: String(cause) }), 'storage'))
    core.tabs = openTabs(name, onWord, outbox.lead)
    const kept = await core.storage.load()
    if (core.isDestroyed) return
    drafts.restore(kept.drafts)
    outbox.restore(kept.outbox)
  }
  const ready = restore()
  const undoEnvironment = environment.onChange((what) => {
    if (what === 'hidden') {
      void drafts.flush()
      core.storage.leave()
    }
    if (what === 'focus' || what === 'visible') transcripts.lookedBack()
  })
  const undoHost = [
    config.onConnect && core.listen('connected', config.onConnect),
    config.onDisconnect && core.listen('disconnected', config.onDisconnect),
    config.onError && core.listen('error', config.onError),
    config.onAuthError && core.listen('authError', config.onAuthError),
    config.onMessage && core.listen('event', config.onMessage),
  ]

  return {
    api,
    userId,
    ready,
    getSnapshot: store.get,
    subscribe: store.subscribe,
    on: core.listen,
    can: core.can,
    ...inbox.verbs,
    ...people.verbs,
    ...transcripts.verbs,
    ...receipts.verbs,
    ...outbox.verbs,
    ...drafts.verbs,
    ...uploads.verbs,
    ...typing.verbs,
    connect: connection.connect,
    disconnect: connection.disconnect,
    async destroy({ purge = false } = {}) {
      connection.disconnect()
      undoEnvironment()
      for (const undo of undoHost) undo?.()
      if (purge) drafts.drop()
      else await drafts.flush()
      core.isDestroyed = true
      for (const part of [inbox, people, receipts, outbox, uploads, transcripts]) part.stop()
      lookups?.stop()
      typing.clear()
      await ready
      if (purge) await core.storage.purge()
      core.tabs.close()
      core.storage.close()
    },
    setToken(token) {
      auth.set(token)
      connection.tokenChanged()
      outbox.resume()
      receipts.resume()
    },
    setProfile: (next) => void (profile = next),
    setScopes(next) {
      transport.setScopes(next)
      void inbox.reload()
    },

    async join(dialogId, given = profile) {
      await inbox.join(dialogId, given ?? { displayName: userId, company: '' })
      if (store.get().open.includes(dialogId)) await this.openDialog(dialogId)
    },
    async leave(dialogId) {
      await core.told(api.leaveDialog(dialogId), 'leave')
      shut(dialogId, 'none')
    },

    async openDialog(dialogId) {
      const { open, dialogs } = store.get()
      if (!open.includes(dialogId)) store.set({ open: [...open, dialogId] })
      if (!dialogs[dialogId]) void inbox.lookAt(dialogId)
      await enter(dialogId, dialogs[dialogId]?.i_am_participant ?? true)
    },
    closeDialog(dialogId) {
      const { open } = store.get()
      if (!open.includes(dialogId)) return
      store.set({ open: open.filter((id) => id !== dialogId) })
      transcripts.close(dialogId)
    },
    async edit(dialogId, messageId, content) {
      const message = await core.told(api.editMessage(dialogId, messageId, content), 'edit')
      transcripts.changed(dialogId, messageId, (old) => ({ ...old, ...message }))
      return message
    },
    async delete(dialogId, messageId) {
      try {
        await api.deleteMessage(dialogId, messageId)
      } catch (cause) {
        // Deleted by another device: that is what was wanted.
        if (MTChatError.of(cause).code !== 'MESSAGE_NOT_FOUND') throw core.report(cause, 'delete')
      }
      transcripts.deleted(dialogId, messageId)
    },
    editHistory: (dialogId, messageId) => core.told(api.getEditHistory(dialogId, messageId), 'history'),

    async send(dialogId, message) {
      await ready
      const files = message.withUploads === false ? [] : uploads.of(dialogId)
      const { content, replyTo = null, attachments = [] } = message
      typing.verbs.sendTyping(dialogId, false)
      const { clientId, stored } = outbox.add(dialogId, { content, replyTo, attachments, files }, [drafts.clearing(dialogId)])
      if (files.length) uploads.handOver(dialogId, clientId)
      await stored
      drafts.cleared(dialogId)
      transcripts.clearDivider(dialogId)
      outbox.pump(dialogId)
      return clientId
    },
    async reclaim(clientId) {
      const entry = outbox.get(clientId)
      if (!entry || entry.state === 'sending') return false
      const { dialogId, content, replyTo, attachments, uploads: files } = entry
      uploads.takeBack(dialogId, [...attachments.map(restored), ...files])
      const before = store.get().drafts[dialogId]
      drafts.verbs.setDraft(dialogId, content + (before?.text ?? ''))
      if (replyTo && !before?.replyTo) drafts.verbs.setReply(dialogId, replyTo)
      await drafts.flush()
      return (await outbox.verbs.discard(clientId)) !== null
    },
    async loadFiles(dialogId, options) {
      try {
        await (await lookup()).loadFiles(dialogId, options)
      } catch (cause) {
        const { files } = store.get()
        const before = files[dialogId] ?? { files: [], kind: null, hasMore: false }
        store.set({ files: { ...files, [dialogId]: { ...before, status: 'error', error: core.report(cause, 'files') } } })
      }
    },
    async attachmentLink(dialogId, attachmentId) {
      const link = await core.told(api.getAttachmentUrl(attachmentId), 'link')
      for (const { messages } of transcripts.of(dialogId).segments) {
        const holder = messages.find(({ attachments }) => attachments?.some(({ id }) => id === attachmentId))
        if (holder) transcripts.changed(dialogId, holder.id, (message) => withLink(message, attachmentId, link))
      }
      return link
    },
    async searchMessages(query, options) {
      try {
        await (await lookup()).searchMessages(query, options)
      } catch (cause) {
        store.set({ search: { ...store.get().search, status: 'error', error: core.report(cause, 'search') } })
      }
    },
  }
}

function withLink(message: Message, id: string, { url, thumbnail_url }: { url: string; thumbnail_url: string | null }): Message {
  const attachments = (message.attachments ?? []).map((file) => (file.id === id ? { ...file, url, thumbnail_url } : file))
  return { ...message, attachments }
}

/** What an older server's event says: neither quote nor files. */
function flatMessage(event: WsEvent): Message {
  return {
    id: event.id ?? '',
    dialog_id: event.dialog_id ?? '',
    sender_id: event.sender_id ?? null,
    content: event.content ?? '',
    sent_at: event.sent_at ?? '',
    last_edited_at: null,
    reply_to_id: null,
    message_type: event.message_type ?? 'user',
  }
}
