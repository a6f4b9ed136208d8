/** Links to files live an hour. One that has died is fetched anew, once; then the error is shown. */
import type { Attachment, AttachmentLink } from '@mtchat/client'
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import { httpUrl } from '../transcript/html'

export interface LiveLink {
  readonly url: ComputedRef<string>
  readonly thumbnail: ComputedRef<string>
  readonly hasFailed: Ref<boolean>
  /** The link did not load. */
  onError(): Promise<void>
  retry(): Promise<void>
}

export function useLiveLink(file: () => Attachment, refresh: (file: Attachment) => Promise<AttachmentLink>): LiveLink {
  const fresh = ref<AttachmentLink | null>(null)
  const hasFailed = ref(false)
  let isRefreshed = false

  watch(() => file().id, () => {
    fresh.value = null
    hasFailed.value = false
    isRefreshed = false
  })

  const safe = (address: string | null | undefined) => (httpUrl(address) ? address! : '')
  const url = computed(() => safe(fresh.value?.url ?? file().url))
  const thumbnail = computed(() => safe(fresh.value ? fresh.value.thumbnail_url : file().thumbnail_url) || url.value)

  async function renew(): Promise<void> {
    try {
      fresh.value = await refresh(file())
      hasFailed.value = false
    } catch {
      hasFailed.value = true
    }
  }

  return {
    url,
    thumbnail,
    hasFailed,
    async onError() {
      if (isRefreshed) {
        hasFailed.value = true
        return
      }
      isRefreshed = true
      await renew()
    },
    retry: renew,
  }
}
