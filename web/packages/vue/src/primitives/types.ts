import type { IconName } from '../icons'

export interface MtButtonProps {
  variant?: 'primary' | 'secondary' | 'danger' | 'ghost' | 'text'
  size?: 'sm' | 'md' | 'lg'
  disabled?: boolean
  loading?: boolean
  type?: 'button' | 'submit' | 'reset'
  /** A name of ours. Without a slot it is all the button shows, and `title` names it. */
  icon?: string
  title?: string
}
export interface MtDialogProps {
  visible: boolean
  header?: string
  modal?: boolean
  closable?: boolean
  maxWidth?: string
  draggable?: boolean
  theme?: string
}
export interface MtDialogEmits {
  'update:visible': [visible: boolean]
  close: []
}
export interface MenuItem {
  label: string
  icon?: IconName | (string & {})
  command?: () => void
  disabled?: boolean
  separator?: boolean
  danger?: boolean
}
export interface MtMenuProps {
  items: readonly MenuItem[]
  /** Default true: shown by `toggle` or `show`. */
  popup?: boolean
  theme?: string
  /** Its accessible name. */
  label?: string
}
export interface MtMenuEmits {
  select: [item: MenuItem]
  hide: []
}
export interface MtMenuExpose {
  toggle(event: Event): void
  show(event: Event): void
  hide(): void
}
export interface MtContextMenuProps {
  items: readonly MenuItem[]
  theme?: string
  label?: string
}
export type MtContextMenuEmits = MtMenuEmits
export interface MtContextMenuExpose {
  show(event: MouseEvent): void
  hide(): void
}
export interface MtInputProps {
  modelValue?: string
  placeholder?: string
  type?: string
  disabled?: boolean
  invalid?: boolean
  clearable?: boolean
  size?: 'sm' | 'md' | 'lg'
}
export interface MtInputEmits {
  'update:modelValue': [value: string]
  clear: []
  focus: [event: FocusEvent]
  blur: [event: FocusEvent]
  keydown: [event: KeyboardEvent]
}
export interface MtInputExpose {
  focus(): void
  select(): void
}
export interface MtCheckboxProps {
  modelValue?: boolean
  label?: string
  disabled?: boolean
  name?: string
}
export interface MtCheckboxEmits {
  'update:modelValue': [value: boolean]
}
export interface MtRadioButtonProps {
  modelValue?: string
  value: string
  label?: string
  disabled?: boolean
  name?: string
}
export interface MtRadioButtonEmits {
  'update:modelValue': [value: string]
}
export interface MtTabsProps {
  modelValue: string
  /** Its accessible name. */
  label?: string
}
export interface MtTabsEmits {
  'update:modelValue': [value: string]
}
export interface MtTabProps {
  value: string
  label?: string
  badge?: string | number
  disabled?: boolean
  /** The id of what it shows. */
  controls?: string
}
export interface MtAccordionProps {
  modelValue?: string | readonly string[] | null
  multiple?: boolean
}
export interface MtAccordionEmits {
  'update:modelValue': [value: string | string[] | null]
}
export interface MtAccordionPanelProps {
  value: string
  header?: string
  disabled?: boolean
}
export interface MtTagProps {
  value?: string
}
export interface MtSpinnerProps {
  /** Pixels, default 32. */
  size?: number
  label?: string
}
export type TooltipValue =
  | string
  | undefined
  | { value?: string; position?: 'top' | 'bottom' | 'left' | 'right'; showDelay?: number; hideDelay?: number }
