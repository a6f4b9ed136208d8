import type { IconNode } from 'lucide'
import { defineComponent, h, shallowRef, type PropType } from 'vue'
import { icons, type IconName } from '../icons'

const more = shallowRef<Readonly<Record<string, IconNode>>>()
let loading: Promise<void> | undefined

/** Until they are here their places are empty, and as large as they will be. */
export function loadIcons(): Promise<void> {
  return (loading ??= import('../moreIcons').then(({ moreIcons }) => void (more.value = moreIcons), () => undefined))
}

function drawingOf(name: string): IconNode {
  const known = (icons as Readonly<Record<string, IconNode>>)[name] ?? more.value?.[name]
  if (known) return known
  if (more.value) return icons.file
  void loadIcons()
  return []
}

/** Decoration only: whoever uses it gives the name. Those that point along the line are mirrored from right to left. */
export const Icon = defineComponent({
  name: 'MtIcon',
  props: {
    name: { type: String as PropType<IconName>, required: true },
    size: { type: [Number, String], default: 24 },
  },
  setup(props) {
    return () =>
      h(
        'svg',
        {
          class: ['mtchat-icon', /^(back|chevron-left|chevron-right|reply|logout|send|undo|redo)$/.test(props.name) && 'mtchat-icon--directed'],
          width: props.size,
          height: props.size,
          viewBox: '0 0 24 24',
          fill: 'none',
          stroke: 'currentColor',
          'stroke-width': 2,
          'stroke-linecap': 'round',
          'stroke-linejoin': 'round',
          'aria-hidden': 'true',
          focusable: 'false',
        },
        drawingOf(props.name).map(([tag, attributes]) => h(tag, attributes)),
      )
  },
})
