import type { Core } from './core.js'
import { MTChatError } from './errors.js'
import { uuidv7 } from './ids.js'
import { put } from './store.js'
import type { Change } from './storage.js'
import { isUploaded, toInput } from './uploads.js'
import type { AttachmentInput, DialogId, Message, MessageId, OutboxEntry, PendingAttachment } from './types.js'

const WAITS_MS = [1_000, 3_000, 10_000, 30_000]
const ANSWER_MS = 1_000

type Entries = readonly OutboxEntry[]

/** Messages on their way: kept until the server has them, one at a time per dialog, in order, from one tab. */
export function createOutbox(
  core: Core,
  hooks: {
    sent: (message: Message) => void
    changed: (dialogId: DialogId) => void
    refused: (dialogId: DialogId) => void
    retryUploads: (files: readonly PendingAttachment[]) => boolean
    forgetUploads: (files: readonly PendingAttachment[]) => void
  },
) {
  const sending = new Set<DialogId>()
  const timers = new Map<DialogId, ReturnType<typeof setTimeout>>()
  /** Messages of this tab that still wait for files. */
  const own = new Set<string>()
  const asked = new Map<string, ReturnType<typeof setTimeout>>()
  /** Arrived or taken back: a word or a look into the storage that comes late brings nothing back. */
  const gone = new Set<string>()

  const of = (dialogId: DialogId): Entries => core.store.get().outbox[dialogId] ?? []
  const get = (clientId: string): OutboxEntry | undefined =>
    Object.values(core.store.get().outbox)
      .flat()
      .find((entry) => entry.clientId === clientId)
  const show = (dialogId: DialogId, entries: Entries) => {
    core.store.set({ outbox: put(core.store.get().outbox, dialogId, entries.length ? entries : undefined) })
    hooks.changed(dialogId)
  }
  /** Show an entry in its place: ids rise with time, whichever tab made them. */
  const showOne = (entry: OutboxEntry) => {
    if (gone.has(entry.clientId)) return
    const others = of(entry.dialogId).filter(({ clientId }) => clientId !== entry.clientId)
    show(entry.dialogId, [...others, entry].sort((a, b) => (a.clientId < b.clientId ? -1 : 1)))
  }
  const keep = (entry: OutboxEntry): Change => ({ in: 'outbox', key: entry.clientId, value: storable(entry) })
  const save = async (entry: OutboxEntry) => {
    if (gone.has(entry.clientId)) return
    showOne(entry)
    core.tabs.say({ say: 'entry', entry: storable(entry) })
    await core.storage.write([keep(entry)])
    // Another tab took it back meanwhile, and may have been faster.
    if (gone.has(entry.clientId)) await forget(entry.clientId)
  }
  const forget = (clientId: string) => core.storage.write([{ in: 'outbox', key: clientId }])
  const hide = (clientId: string) => {
    gone.add(clientId)
    const entry = get(clientId)
    if (entry)
      show(
        entry.dialogId,
        of(entry.dialogId).filter((one) => one !== entry),
      )
    return entry
  }
  const remove = async (entry: OutboxEntry, message?: Message) => {
    own.delete(entry.clientId)
    hooks.forgetUploads(entry.uploads)
    await forget(entry.clientId)
    core.tabs.say({ say: 'gone', clientId: entry.clientId, message })
  }

  /** Send what is first in line, if it is its time. */
  const pump = (dialogId: DialogId) => {
    clearTimeout(timers.get(dialogId))
    timers.delete(dialogId)
    if (!core.tabs.isLeading || core.isDestroyed || sending.has(dialogId) || core.auth.isFinal) return
    const first = of(dialogId).find(({ isFinal }) => !isFinal)
    // Nobody else sends: a tab that was in the middle of it is gone.
    if (first?.state !== 'queued' && first?.state !== 'sending') return
    const wait = (first.nextAt ?? 0) - Date.now()
    if (wait > 0) {
      timers.set(
        dialogId,
        setTimeout(() => pump(dialogId), wait),
      )
      return
    }
    sending.add(dialogId)
    void attempt(first).finally(() => {
      sending.delete(dialogId)
      pump(dialogId)
    })
  }
  const attempt = async (queued: OutboxEntry) => {
    const { dialogId, clientId, content, replyTo, attachments } = queued
    const entry: OutboxEntry = { ...queued, state: 'sending', attempts: queued.attempts + 1, nextAt: null }
    // Kept as tried: after a crash nobody knows whether it arrived.
    await save(entry)
    if (gone.has(clientId)) return
    const isSafe = core.can('idempotency')
    try {
      const arrived = queued.attempts > 0 && !isSafe ? await lookFor(entry) : null
      const message = arrived ?? (await core.api.sendMessage(dialogId, content, { replyTo, attachments, idempotencyKey: clientId }))
      done(entry, message)
    } catch (cause) {
      await failed(entry, MTChatError.of(cause), isSafe)
    }
  }
  const done = (entry: OutboxEntry, message: Message) => {
    const own = { ...message, client_message_id: entry.clientId }
    hooks.sent(own)
    hide(entry.clientId)
    core.emit('messageSent', own)
    void remove(entry, own)
  }
  const failed = async (entry: OutboxEntry, error: MTChatError, isSafe: boolean) => {
    // Told by the socket meanwhile that it arrived, or taken back.
    if (!get(entry.clientId)) return
    if (error.status === 401 || core.isDestroyed) return save({ ...entry, state: 'queued', attempts: entry.attempts - 1 })
    // It was sent, and deleted since.
    if (error.code === 'MESSAGE_NOT_FOUND' && entry.attempts > 1) {
      hide(entry.clientId)
      return remove(entry)
    }
    core.report(error, 'send')
    if (error.status === 403) hooks.refused(entry.dialogId)
    if (error.code === 'TIMEOUT' && !isSafe) {
      const message = await lookFor(entry).catch(() => null)
      if (message) return done(entry, message)
      const unsure = new MTChatError({ code: 'AMBIGUOUS' })
      return save({ ...entry, state: 'failed', isFinal: true, error: unsure })
    }
    if (!isWorthTrying(error)) return save({ ...entry, state: 'failed', isFinal: true, error })
    const wait = WAITS_MS[entry.attempts - 1]
    if (wait === undefined) return save({ ...entry, state: 'failed', error })
    return save({ ...entry, state: 'queued', error, nextAt: Date.now() + Math.max(wait, error.retryAfter ?? 0) })
  }
  /** A server that does not know our ids: is it among the newest messages? */
  const lookFor = async ({ dialogId, createdAt, content, clientId }: OutboxEntry): Promise<Message | null> => {
    const { messages } = await core.api.getMessages(dialogId, { limit: 50 })
    // Clocks differ by minutes at times.
    const since = createdAt - 120_000
    const isIt = (message: Message) =>
      message.client_message_id === clientId ||
      (message.sender_id === core.userId && plain(message.content) === plain(content) && Date.parse(message.sent_at) >= since)
    return messages.findLast(isIt) ?? null
  }
  const again = (entry: OutboxEntry): OutboxEntry => ({
    ...entry,
    state: 'queued',
    attempts: Math.min(entry.attempts, 1),
    nextAt: null,
    error: null,
    isFinal: false,
  })
  /** Its files went with the tab that had them. */
  const lost = (clientId: string) => {
    const entry = get(clientId)
    if (entry?.state !== 'uploading') return
    const error = new MTChatError({ code: 'UPLOAD_INTERRUPTED' })
    const uploads = entry.uploads.map((file) => (isUploaded(file) ? file : { ...file, status: 'error' as const, error }))
    void save({ ...entry, uploads, state: 'failed', isFinal: true, error })
    pump(entry.dialogId)
  }

  return {
    verbs: {
      retry(clientId: string): void {
        const entry = get(clientId)
        if (entry?.state !== 'failed') return
        const next: OutboxEntry = entry.uploads.length ? { ...again(entry), state: 'uploading' } : again(entry)
        void save(next)
        if (entry.uploads.length && !hooks.retryUploads(entry.uploads)) void save(entry)
        pump(entry.dialogId)
      },
      async discard(clientId: string): Promise<OutboxEntry | null> {
        const entry = get(clientId)
        if (!entry || entry.state === 'sending') return null
        hide(clientId)
        await remove(entry)
        pump(entry.dialogId)
        return entry
      },
    },
    get,
    pump,
    add(
      dialogId: DialogId,
      message: { content: string; replyTo: MessageId | null; attachments: readonly AttachmentInput[]; files: readonly PendingAttachment[] },
      together: readonly Change[],
    ): { clientId: string; stored: Promise<void> } {
      const { files, attachments, ...text } = message
      const isWhole = files.every(isUploaded)
      const entry: OutboxEntry = {
        clientId: uuidv7(),
        dialogId,
        ...text,
        attachments: isWhole ? [...attachments, ...files.filter(isUploaded).map(toInput)] : attachments,
        uploads: isWhole ? [] : files,
        state: isWhole ? 'queued' : 'uploading',
        attempts: 0,
        nextAt: null,
        error: null,
        isFinal: false,
        createdAt: Date.now(),
      }
      if (!isWhole) own.add(entry.clientId)
      showOne(entry)
      const stored = core.storage.write([keep(entry), ...together]).then(() => core.tabs.say({ say: 'entry', entry: storable(entry) }))
      return { clientId: entry.clientId, stored }
    },
    /** Another device or the socket says: it has arrived. */
    arrived(message: Message): void {
      const { client_message_id: clientId, sender_id } = message
      if (!clientId || sender_id !== core.userId) return
      const entry = hide(clientId)
      if (entry) void remove(entry, message)
    },
    fileChanged(clientId: string, file: PendingAttachment): void {
      const entry = get(clientId)
      if (!entry) return
      const uploads = entry.uploads.map((one) => (one.id === file.id ? file : one))
      if (uploads.every(isUploaded)) {
        own.delete(clientId)
        const attachments = [...entry.attachments, ...uploads.filter(isUploaded).map(toInput)]
        void save({ ...entry, uploads: [], attachments, state: 'queued' })
        return pump(entry.dialogId)
      }
      const broken = uploads.find(({ status }) => status === 'error')
      const isOver = broken !== undefined && !uploads.some(({ status }) => status === 'pending' || status === 'uploading')
      if (isOver) void save({ ...entry, uploads, state: 'failed', isFinal: true, error: broken.error ?? null })
      else showOne({ ...entry, uploads })
      pump(entry.dialogId)
    },
    fileOf: (clientId: string, fileId: string) => get(clientId)?.uploads.find(({ id }) => id === fileId),
    restore(entries: Entries): void {
      for (const entry of entries.map(revived)) {
        if (get(entry.clientId)) continue
        if (gone.has(entry.clientId)) void forget(entry.clientId)
        showOne(entry.state === 'sending' ? { ...entry, state: 'queued' } : entry)
        // Its files are in another tab, or lost with it.
        if (entry.state === 'uploading') {
          core.tabs.say({ say: 'who', clientId: entry.clientId })
          asked.set(
            entry.clientId,
            setTimeout(() => lost(entry.clientId), ANSWER_MS),
          )
        }
        pump(entry.dialogId)
      }
    },
    /** Words of other tabs. */
    heardEntry(entry: OutboxEntry): void {
      const known = get(entry.clientId)
      // What this tab is sending, or has tried, it knows best.
      const isLate = core.tabs.isLeading && known?.attempts && (known.state === 'sending' || !entry.attempts)
      if (!isLate) showOne(revived(entry))
      pump(entry.dialogId)
    },
    heardGone(clientId: string, message?: Message): void {
      if (message) hooks.sent(message)
      const entry = hide(clientId)
      if (entry) pump(entry.dialogId)
    },
    heardWho(clientId: string): void {
      if (own.has(clientId)) core.tabs.say({ say: 'here', clientId })
    },
    heardHere(clientId: string): void {
      clearTimeout(asked.get(clientId))
    },
    /** Connected again, or signed in: everything that may go out is tried now. */
    resume(): void {
      for (const [dialogId, entries] of Object.entries(core.store.get().outbox)) {
        if (!core.tabs.isLeading) return
        const waits = (entry: OutboxEntry) => !entry.isFinal && (entry.state === 'failed' || (entry.state === 'queued' && entry.nextAt !== null))
        if (entries.some(waits)) {
          show(
            dialogId,
            entries.map((entry) => (waits(entry) ? again(entry) : entry)),
          )
        }
        pump(dialogId)
      }
    },
    /** This tab does the sending from now on. */
    lead(): void {
      for (const dialogId of Object.keys(core.store.get().outbox)) pump(dialogId)
    },
    stop(): void {
      for (const timer of [...timers.values(), ...asked.values()]) clearTimeout(timer)
    },
  }
}

function isWorthTrying({ status, code, retryable }: MTChatError): boolean {
  return retryable || status >= 500 || code === 'IDEMPOTENCY_CONFLICT'
}

/** Without files, which are elsewhere, and with errors as plain values: databases and channels make these of them. */
function storable(entry: OutboxEntry): OutboxEntry {
  const uploads = entry.uploads.map(({ file: _file, error: _error, ...rest }) => rest)
  const { status, code, message, retryable } = entry.error ?? {}
  return { ...entry, uploads, error: entry.error && ({ status, code, message, retryable } as MTChatError) }
}

function revived(entry: OutboxEntry): OutboxEntry {
  return { ...entry, error: entry.error && new MTChatError(entry.error) }
}

function plain(html: string): string {
  return html
    .replace(/<[^>]*>|&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')
    .trim()
}
