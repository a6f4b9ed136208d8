import type { Core } from './core.js'
import type { AttachmentKind, DialogFiles, DialogId, MessageSearch } from './types.js'

const HITS = 20
/** A page of hits may be empty and still have more behind it. */
const EMPTY_PAGES = 5
const NO_FILES: DialogFiles = { files: [], kind: null, status: 'idle', error: null, hasMore: false }

export type Lookups = ReturnType<typeof createLookups>

/** What was said somewhere, and files of a dialog. Loaded when first asked for, and so without imports. */
export function createLookups(core: Core) {
  let searching = new AbortController()
  let cursor: string | null = null
  const fileTurns = new Map<DialogId, number>()

  const setSearch = (patch: Partial<MessageSearch>) => core.store.set({ search: { ...core.store.get().search, ...patch } })
  const filesOf = (dialogId: DialogId) => core.store.get().files[dialogId] ?? NO_FILES
  const setFiles = (dialogId: DialogId, patch: Partial<DialogFiles>) =>
    core.store.set({ files: { ...core.store.get().files, [dialogId]: { ...filesOf(dialogId), ...patch } } })

  return {
    async searchMessages(query: string, options: { dialogId?: DialogId | null; more?: boolean } = {}): Promise<void> {
      const { dialogId = null, more = false } = options
      const q = query.trim()
      searching.abort()
      const { signal } = (searching = new AbortController())
      if (!more) {
        cursor = null
        setSearch({ query: q, dialogId, hits: [], hasMore: false, error: null, status: q ? 'loading' : 'idle' })
      } else setSearch({ status: 'loading', error: null })
      if (!q) return
      try {
        for (let pages = 0; pages < EMPTY_PAGES; pages++) {
          const page = await core.api.searchMessages(q, { dialogId, limit: HITS, cursor }, signal)
          cursor = page.next_cursor ?? null
          setSearch({ hits: [...core.store.get().search.hits, ...page.data], hasMore: cursor !== null })
          if (page.data.length || !cursor) break
        }
        setSearch({ status: 'ready' })
      } catch (cause) {
        const error = core.report(cause, 'search')
        if (error.code !== 'ABORTED') setSearch({ status: 'error', error })
      }
    },
    async loadFiles(dialogId: DialogId, { kind, more = false }: { kind?: AttachmentKind | null; more?: boolean } = {}): Promise<void> {
      const before = filesOf(dialogId)
      const wanted = kind === undefined ? before.kind : kind
      const isOther = wanted !== before.kind
      const turn = (fileTurns.get(dialogId) ?? 0) + 1
      fileTurns.set(dialogId, turn)
      setFiles(dialogId, { status: 'loading', error: null, kind: wanted, ...(isOther ? { files: [], hasMore: false } : {}) })
      const last = more && !isOther ? before.files.at(-1)?.id : undefined
      try {
        const page = await core.api.getFiles(dialogId, { kind: wanted, before: last })
        if (fileTurns.get(dialogId) !== turn) return
        const files = last ? [...before.files, ...page.files] : page.files
        setFiles(dialogId, { files, status: 'ready', hasMore: page.has_more })
      } catch (cause) {
        if (fileTurns.get(dialogId) === turn) setFiles(dialogId, { status: 'error', error: core.report(cause, 'files') })
      }
    },
    stop: () => searching.abort(),
  }
}
