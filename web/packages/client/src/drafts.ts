import type { Core } from './core.js'
import { put } from './store.js'
import type { Change } from './storage.js'
import { isUploaded, restored, toInput } from './uploads.js'
import type { DialogId, Draft, MessageId, PendingAttachment } from './types.js'

const AFTER_MS = 300
const KEPT_MS = 30 * 24 * 3_600_000
/** The storage forgets files that were not sent within a day. */
const FILES_KEPT_MS = 23 * 3_600_000

const EMPTY: Draft = { text: '', replyTo: null, attachments: [], updatedAt: 0 }

/** What was typed and not sent, per dialog: on screen at once, in the browser a moment later, in other tabs too. */
export function createDrafts(core: Core) {
  const due = new Map<DialogId, ReturnType<typeof setTimeout>>()
  /** Begun here, and not in another tab or before. */
  const begun = new Set<DialogId>()
  /** Written since the message was given away that takes the draft along. */
  const written = new Set<DialogId>()

  const of = (dialogId: DialogId) => core.store.get().drafts[dialogId] ?? EMPTY
  const isEmpty = ({ text, replyTo, attachments }: Draft) => !text && !replyTo && !attachments.length
  const show = (dialogId: DialogId, draft: Draft | null) =>
    core.store.set({ drafts: put(core.store.get().drafts, dialogId, draft && !isEmpty(draft) ? draft : undefined) })
  /** Nothing is due any more. */
  const settle = (dialogId: DialogId) => {
    clearTimeout(due.get(dialogId))
    due.delete(dialogId)
  }
  const save = async (dialogId: DialogId) => {
    settle(dialogId)
    written.add(dialogId)
    const draft = core.store.get().drafts[dialogId]
    await core.storage.write([{ in: 'drafts', key: dialogId, value: draft }])
    // What it has become meanwhile is told by itself.
    if (!core.isDestroyed && draft === core.store.get().drafts[dialogId]) core.tabs.say({ say: 'draft', dialogId, draft: draft ?? null })
  }
  const change = (dialogId: DialogId, patch: Partial<Draft>) => {
    if (of(dialogId) === EMPTY) begun.add(dialogId)
    show(dialogId, { ...of(dialogId), ...patch, updatedAt: Date.now() })
    settle(dialogId)
    due.set(
      dialogId,
      setTimeout(() => void save(dialogId), AFTER_MS),
    )
  }
  const showFiles = (dialogId: DialogId, { attachments }: Draft) => {
    const { uploads } = core.store.get()
    const own = (uploads[dialogId] ?? []).filter((file) => file.file !== undefined)
    const keys = new Set(own.map((file) => file.s3Key))
    const files: PendingAttachment[] = [...attachments.filter(({ s3_key }) => !keys.has(s3_key)).map(restored), ...own]
    core.store.set({ uploads: put(uploads, dialogId, files.length ? files : undefined) })
  }

  return {
    verbs: {
      setDraft(dialogId: DialogId, text: string): void {
        if (text !== of(dialogId).text) change(dialogId, { text })
      },
      setReply(dialogId: DialogId, replyTo: MessageId | null): void {
        if (replyTo !== of(dialogId).replyTo) change(dialogId, { replyTo })
      },
    },
    filesChanged(dialogId: DialogId): void {
      const attachments = (core.store.get().uploads[dialogId] ?? []).filter(isUploaded).map(toInput)
      const before = of(dialogId).attachments
      const isSame = attachments.length === before.length && attachments.every(({ s3_key }, at) => s3_key === before[at]?.s3_key)
      if (!isSame) change(dialogId, { attachments })
    },
    /** As a change for the same write that stores the message. */
    clearing(dialogId: DialogId): Change {
      settle(dialogId)
      written.delete(dialogId)
      return { in: 'drafts', key: dialogId }
    },
    cleared(dialogId: DialogId): void {
      settle(dialogId)
      show(dialogId, null)
      if (written.has(dialogId)) void core.storage.write([{ in: 'drafts', key: dialogId }])
      core.tabs.say({ say: 'draft', dialogId, draft: null })
    },
    /** From the browser's storage. What was typed already goes below it; what another tab has told is newer. */
    restore(drafts: Readonly<Record<DialogId, Draft>>): void {
      for (const [dialogId, draft] of Object.entries(drafts)) {
        const age = Date.now() - draft.updatedAt
        if (age > KEPT_MS) {
          void core.storage.write([{ in: 'drafts', key: dialogId }])
          continue
        }
        const typed = core.store.get().drafts[dialogId]
        if (typed && !begun.has(dialogId)) continue
        const kept = age > FILES_KEPT_MS ? { ...draft, attachments: [] } : draft
        show(dialogId, kept)
        if (typed) change(dialogId, { text: kept.text + typed.text })
        showFiles(dialogId, kept)
      }
    },
    heard(dialogId: DialogId, draft: Draft | null): void {
      if (due.has(dialogId)) return
      show(dialogId, draft)
      showFiles(dialogId, draft ?? EMPTY)
    },
    /** Save now what is due. */
    async flush(): Promise<void> {
      await Promise.all([...due.keys()].map(save))
    },
    drop(): void {
      for (const timer of due.values()) clearTimeout(timer)
      due.clear()
    },
  }
}
