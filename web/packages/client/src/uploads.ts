import { ATTACHMENT_LIMITS, isAllowedFileType } from './attachments.js'
import type { Core } from './core.js'
import { aborted, MTChatError } from './errors.js'
import { uuidv7 } from './ids.js'
import { uploadPart } from './parts.js'
import { put } from './store.js'
import { again } from './transport.js'
import type { AttachmentInput, DialogId, PendingAttachment, RejectedFile, RejectReason } from './types.js'

const PARALLEL = 3
const LONGEST_NAME = 255

interface Job {
  dialogId: DialogId
  controller: AbortController
  /** The message that took the file along. */
  clientId?: string
}

export function isUploaded(file: PendingAttachment): file is PendingAttachment & { s3Key: string } {
  return file.status === 'uploaded' && file.s3Key !== undefined
}

export function toInput(file: PendingAttachment & { s3Key: string }): AttachmentInput {
  return { s3_key: file.s3Key, filename: file.filename, content_type: file.contentType, size: file.size }
}

/** A finished upload as the composer shows it after a reload. */
export function restored(input: AttachmentInput): PendingAttachment {
  const { s3_key, filename, content_type, size } = input
  return { id: s3_key, filename, contentType: content_type, size, progress: 100, status: 'uploaded', s3Key: s3_key }
}

/** Files on their way to the storage: three at a time, each with its own progress and end. */
export function createUploads(
  core: Core,
  hooks: {
    /** A file that a waiting message took along has changed. */
    inOutbox: (clientId: string, file: PendingAttachment) => void
    ofOutbox: (clientId: string, fileId: string) => PendingAttachment | undefined
    /** The composer's files have changed. */
    inComposer: (dialogId: DialogId) => void
  },
) {
  const jobs = new Map<string, Job>()
  const waiting: string[] = []
  let running = 0

  const of = (dialogId: DialogId) => core.store.get().uploads[dialogId] ?? []
  const set = (dialogId: DialogId, files: readonly PendingAttachment[]) => {
    core.store.set({ uploads: put(core.store.get().uploads, dialogId, files.length ? files : undefined) })
    hooks.inComposer(dialogId)
  }
  const get = (id: string): PendingAttachment | undefined => {
    const job = jobs.get(id)
    if (!job) return undefined
    return job.clientId ? hooks.ofOutbox(job.clientId, id) : of(job.dialogId).find((file) => file.id === id)
  }
  const update = (id: string, change: Partial<PendingAttachment>) => {
    const [job, file] = [jobs.get(id), get(id)]
    if (!job || !file) return
    const next = { ...file, ...change }
    if (next.status !== 'error') delete (next as { error?: MTChatError }).error
    if (job.clientId) hooks.inOutbox(job.clientId, next)
    else
      set(
        job.dialogId,
        of(job.dialogId).map((one) => (one.id === id ? next : one)),
      )
  }

  const start = (id: string) => {
    waiting.push(id)
    next()
  }
  const next = () => {
    while (running < PARALLEL && waiting.length) {
      const id = waiting.shift()!
      running += 1
      void run(id).finally(() => {
        running -= 1
        next()
      })
    }
  }
  const run = async (id: string): Promise<void> => {
    const [job, file] = [jobs.get(id), get(id)]
    if (!job || !file?.file || job.controller.signal.aborted) return
    const { signal } = job.controller
    update(id, { status: 'uploading', progress: 0 })
    try {
      const onProgress = (loaded: number) => {
        const percent = Math.min(99, Math.floor((100 * loaded) / file.size))
        if (percent > (get(id)?.progress ?? 0)) update(id, { progress: percent })
      }
      const { upload } = await uploadPart()
      const s3Key = await upload(core.api, job.dialogId, file, file.file, { again, onProgress, signal })
      update(id, { status: 'uploaded', progress: 100, s3Key })
    } catch (cause) {
      const error = MTChatError.of(cause)
      update(id, { status: 'error', error })
      if (jobs.has(id)) core.report(error, 'upload')
    }
  }
  const cancel = (id: string) => {
    const at = waiting.indexOf(id)
    if (at >= 0) waiting.splice(at, 1)
    const job = jobs.get(id)
    job?.controller.abort()
    const file = get(id)
    if (file && file.status !== 'uploaded') update(id, { status: 'error', error: aborted() })
  }
  const retry = (id: string): boolean => {
    const [job, file] = [jobs.get(id), get(id)]
    if (!job || !file?.file || file.status !== 'error') return false
    job.controller = new AbortController()
    update(id, { status: 'pending', progress: 0 })
    start(id)
    return true
  }

  return {
    verbs: {
      addFiles(dialogId: DialogId, files: Iterable<File>): readonly RejectedFile[] {
        const rejected: RejectedFile[] = []
        const taken: PendingAttachment[] = []
        const room = ATTACHMENT_LIMITS.MAX_ATTACHMENTS_PER_MESSAGE - of(dialogId).length
        for (const file of files) {
          const reason = whyNot(file) ?? (taken.length >= room ? 'count' : null)
          if (reason) {
            rejected.push({ file, reason })
            continue
          }
          const { name: filename, type: contentType, size } = file
          taken.push({ id: uuidv7(), file, filename, contentType, size, progress: 0, status: 'pending' })
        }
        if (taken.length) set(dialogId, [...of(dialogId), ...taken])
        for (const { id } of taken) {
          jobs.set(id, { dialogId, controller: new AbortController() })
          start(id)
        }
        return rejected
      },
      removeFile(dialogId: DialogId, id: string): void {
        cancel(id)
        jobs.delete(id)
        set(
          dialogId,
          of(dialogId).filter((file) => file.id !== id),
        )
      },
      cancelFile: (_dialogId: DialogId, id: string) => cancel(id),
      retryFile: (_dialogId: DialogId, id: string) => void retry(id),
      reorderFiles(dialogId: DialogId, id: string, index: number): void {
        const file = of(dialogId).find((one) => one.id === id)
        if (!file) return
        const others = of(dialogId).filter((one) => one !== file)
        set(dialogId, [...others.slice(0, index), file, ...others.slice(index)])
      },
    },
    of,
    /** The composer's files go with a message. */
    handOver(dialogId: DialogId, clientId: string): void {
      for (const { id } of of(dialogId)) {
        const job = jobs.get(id)
        if (job) job.clientId = clientId
      }
      set(dialogId, [])
    },
    /** They come back. */
    takeBack(dialogId: DialogId, files: readonly PendingAttachment[]): void {
      for (const { id } of files) {
        const job = jobs.get(id)
        if (job) delete job.clientId
      }
      set(dialogId, [...of(dialogId), ...files])
    },
    /** Try again what failed; false: there is a file that cannot. */
    retryAll: (files: readonly PendingAttachment[]) =>
      files.filter(({ status }) => status === 'error').every(({ id }) => retry(id)),
    forget(files: readonly PendingAttachment[]): void {
      for (const { id } of files) {
        jobs.get(id)?.controller.abort()
        jobs.delete(id)
      }
    },
    stop(): void {
      waiting.length = 0
      for (const job of jobs.values()) job.controller.abort()
      jobs.clear()
    },
  }
}

function whyNot(file: File): RejectReason | null {
  if (file.size === 0) return 'empty'
  if (file.size > ATTACHMENT_LIMITS.MAX_FILE_SIZE) return 'size'
  if (!isAllowedFileType(file.type)) return 'type'
  return file.name.length > LONGEST_NAME ? 'name' : null
}
