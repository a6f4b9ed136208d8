/** Links to files live an hour. One that has died is fetched anew, once; then the error is shown. */
import type { Attachment, AttachmentLink } from '@mtchat/client'
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
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

/** Links live an hour, and nobody knows how old the one given is. */
const FRESH_MS = 50 * 60_000

/**
 * Where a plain link to *file* leads: no policy and no popup blocker stands in its way, as it is there before the click.
 * *prepare* is for the pointer or the focus that comes before it: time enough for a new address.
 */
export function useOpenLink<F extends Pick<Attachment, 'id' | 'url'>>(
  file: () => F | undefined,
  refresh: (file: F) => Promise<Pick<AttachmentLink, 'url'>>,
): { readonly url: ComputedRef<string>; prepare(): void } {
  const link = shallowRef<{ url: string; at: number } | null>(null)
  let asking: Promise<void> | null = null
  watch(() => file()?.id, () => { link.value = null })

  return {
    url: computed(() => {
      const address = link.value?.url ?? file()?.url
      return httpUrl(address) ? address! : ''
    }),
    prepare() {
      if (link.value && Date.now() - link.value.at < FRESH_MS) return
      const one = file()
      if (!one) return
      // If it fails the old one may still do.
      asking ??= refresh(one)
        .then(({ url }) => { if (file()?.id === one.id) link.value = { url, at: Date.now() } }, () => undefined)
        .finally(() => { asking = null })
    },
  }
}
