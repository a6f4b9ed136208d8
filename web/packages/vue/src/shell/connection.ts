import type { Connection } from '@mtchat/client'
import { computed, onScopeDispose, shallowRef, watch, type ComputedRef } from 'vue'
import { useAnnouncer } from '../announcer'
import { useI18n } from '../i18n'

const FLICKER_MS = 3000

export interface ConnectionLine {
  readonly text: string
  readonly isError: boolean
  readonly canRetry: boolean
}

/** What to say about the connection: nothing while it is well, or was lost for less than three seconds. */
export function useConnectionLine(connection: () => Connection): ComputedRef<ConnectionLine | null> {
  const { t, duration } = useI18n()
  const announcer = useAnnouncer()
  const isLong = shallowRef(false)
  const now = shallowRef(Date.now())
  let wasOnline = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let clock: ReturnType<typeof setInterval> | undefined

  watch(
    () => connection().status,
    (status) => {
      clearTimeout(timer)
      clearInterval(clock)
      if (status === 'online') {
        if (isLong.value && wasOnline) announcer.polite(t('status.restored'))
        wasOnline = true
        isLong.value = false
        return
      }
      if (status === 'idle') return
      if (status === 'unauthorized') isLong.value = true
      if (status === 'reconnecting') {
        now.value = Date.now()
        clock = setInterval(() => (now.value = Date.now()), 1000)
      }
      if (!isLong.value) timer = setTimeout(() => (isLong.value = true), FLICKER_MS)
    },
    { immediate: true },
  )
  const line = computed<ConnectionLine | null>(() => {
    const current = connection()
    if (!isLong.value) return null
    switch (current.status) {
      case 'offline':
        return { text: t('status.offline'), isError: false, canRetry: false }
      case 'connecting':
        return { text: t('status.reconnecting'), isError: false, canRetry: false }
      case 'reconnecting': {
        const left = current.nextAt - now.value
        const text = left > 0 ? t('status.reconnectingIn', { time: duration(left) }) : t('status.reconnecting')
        return { text, isError: false, canRetry: true }
      }
      case 'unauthorized':
        return current.isFinal
          ? { text: t('status.sessionEnded'), isError: true, canRetry: false }
          : { text: t('status.signingIn'), isError: false, canRetry: false }
      default:
        return null
    }
  })
  // The countdown is for the eyes: what is said once is that it began.
  watch([() => line.value !== null, () => line.value?.isError ?? false], ([isShown, isError]) => {
    if (!isShown || !line.value) return
    if (isError) announcer.assertive(line.value.text)
    else announcer.polite(connection().status === 'offline' ? t('status.offline') : line.value.canRetry ? t('status.reconnecting') : line.value.text)
  })
  onScopeDispose(() => {
    clearTimeout(timer)
    clearInterval(clock)
  })
  return line
}
