// @vitest-environment happy-dom
import type { MTChatApi, MTChatError } from '@mtchat/client'
import { flushPromises } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { effectScope, shallowRef } from 'vue'
import { useFileUpload } from './useFileUpload'

const png = (name = 'a.png') => new File(['x'], name, { type: 'image/png' })
const storage = (name: string, asked: string[], fault?: Error) =>
  ({
    getPresignedUploadUrl: (dialog: string, file: string) => {
      asked.push(`${name} ${dialog} ${file}`)
      return fault ? Promise.reject(fault) : Promise.resolve({ upload_url: 'https://s3.example/x', s3_key: `dialogs/${dialog}/${file}`, expires_in: 300 })
    },
    uploadFile: (_: string, __: File, onProgress?: (percent: number) => void) => {
      onProgress?.(50)
      return Promise.resolve()
    },
  }) as unknown as MTChatApi

function uploads(api: () => MTChatApi, onError?: (error: MTChatError, file: File) => void) {
  const dialogId = shallowRef<string | null>('d')
  return { dialogId, ...effectScope().run(() => useFileUpload({ dialogId, api, ...(onError && { onError }) }))! }
}

describe('useFileUpload', () => {
  it('uploads at once and names what to send', async () => {
    const { addFiles, getUploadedAttachments, isReady, hasUploaded } = uploads(() => storage('one', []))
    await addFiles([png()])
    expect(isReady.value && hasUploaded.value).toBe(true)
    expect(getUploadedAttachments()).toEqual([{ s3_key: 'dialogs/d/a.png', filename: 'a.png', content_type: 'image/png', size: 1 }])
  })

  it('asks the client of now, not the one of then', async () => {
    const asked: string[] = []
    const api = shallowRef(storage('old', asked))
    const { addFiles } = uploads(() => api.value)
    await addFiles([png()])
    api.value = storage('new', asked)
    await addFiles([png('b.png')])
    expect(asked).toEqual(['old d a.png', 'new d b.png'])
  })

  it('says why a file is not taken', async () => {
    const said: string[] = []
    const { addFiles, pendingAttachments } = uploads(() => storage('one', []), ({ code }, { name }) => said.push(`${name} ${code}`))
    await addFiles([new File(['x'], 'a.exe', { type: 'application/x-msdownload' }), new File([], 'empty.png', { type: 'image/png' })])
    await addFiles(Array.from({ length: 11 }, (_, n) => png(`${n}.png`)))
    expect(said).toEqual(['a.exe UNSUPPORTED_FILE_TYPE', 'empty.png FILE_TOO_LARGE', '10.png TOO_MANY_ATTACHMENTS'])
    expect(pendingAttachments.value).toHaveLength(10)
  })

  it('tries again, and forgets when the dialog changes', async () => {
    const asked: string[] = []
    const api = shallowRef(storage('down', asked, new Error('no')))
    const { addFiles, retryUpload, pendingAttachments, dialogId } = uploads(() => api.value)
    await addFiles([png()])
    expect(pendingAttachments.value[0]!.status).toBe('error')
    api.value = storage('up', asked)
    await retryUpload(pendingAttachments.value[0]!.id)
    expect(pendingAttachments.value[0]!.status).toBe('uploaded')
    dialogId.value = 'e'
    await flushPromises()
    expect(pendingAttachments.value).toEqual([])
  })
})
