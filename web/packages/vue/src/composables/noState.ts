import type { ChatState, DialogList } from '@mtchat/client'

const NO_LIST: DialogList = { ids: [], status: 'idle', error: null, isLoadingMore: false, hasMore: false, total: null, search: '' }

/** What is known before there is a client. */
export const NO_STATE: ChatState = {
  connection: { status: 'idle' },
  capabilities: [],
  lists: { participating: NO_LIST, archived: NO_LIST, available: NO_LIST },
  objects: {},
  dialogs: {},
  open: [],
  transcripts: {},
  participants: {},
  presence: {},
  typing: {},
  outbox: {},
  drafts: {},
  uploads: {},
  search: { query: '', dialogId: null, hits: [], status: 'idle', error: null, hasMore: false },
  files: {},
  names: {},
}
