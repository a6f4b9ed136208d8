/** How many messages of others came while the reader was further up. */
import { computed, ref, watch, type Ref } from 'vue'
import type { Item } from './timeline'

export function useArrivals(items: Ref<readonly Item[]>, self: string, isAtEnd: () => boolean) {
  /** The newest message seen at the end. */
  const last = ref<string | null>(null)
  watch([items, isAtEnd], ([all, atEnd]) => {
    if (atEnd || last.value === null) last.value = newest(all)
  }, { immediate: true })
  return computed(() => {
    const mark = last.value
    return mark === null ? 0 : items.value.filter((item) =>
      item.kind === 'message' && item.message.id > mark && item.message.sender_id !== self).length
  })
}

function newest(all: readonly Item[]): string | null {
  for (let index = all.length - 1; index >= 0; index -= 1) {
    const item = all[index]!
    if (item.kind === 'message' || item.kind === 'system') return item.message.id
  }
  return null
}
