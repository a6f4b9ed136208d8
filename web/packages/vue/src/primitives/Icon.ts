import { defineComponent, h, type PropType } from 'vue'
import { icons, type IconName } from '../icons'

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
        (icons[props.name] ?? icons.file).map(([tag, attributes]) => h(tag, attributes)),
      )
  },
})
