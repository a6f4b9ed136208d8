import { inject, provide, type Component, type Directive, type InjectionKey } from 'vue'
import MtAccordion from './primitives/MtAccordion.vue'
import MtAccordionPanel from './primitives/MtAccordionPanel.vue'
import MtButton from './primitives/MtButton.vue'
import MtCheckbox from './primitives/MtCheckbox.vue'
import MtContextMenu from './primitives/MtContextMenu.vue'
import MtDialog from './primitives/MtDialog.vue'
import MtInput from './primitives/MtInput.vue'
import MtMenu from './primitives/MtMenu.vue'
import MtRadioButton from './primitives/MtRadioButton.vue'
import MtSpinner from './primitives/MtSpinner.vue'
import MtTab from './primitives/MtTab.vue'
import MtTabs from './primitives/MtTabs.vue'
import MtTag from './primitives/MtTag.vue'
import { vTooltip } from './primitives/tooltip'

/** The small parts everything is made of. A host may bring its own, with the same props and events. */
export interface ComponentRegistry {
  MtButton: typeof MtButton
  MtDialog: typeof MtDialog
  MtMenu: typeof MtMenu
  MtContextMenu: typeof MtContextMenu
  MtInput: typeof MtInput
  MtCheckbox: typeof MtCheckbox
  MtRadioButton: typeof MtRadioButton
  MtTabs: typeof MtTabs
  MtTab: typeof MtTab
  MtAccordion: typeof MtAccordion
  MtAccordionPanel: typeof MtAccordionPanel
  MtTag: typeof MtTag
  MtSpinner: typeof MtSpinner
  vTooltip: typeof vTooltip
}
export type PartialRegistry = { [K in keyof ComponentRegistry]?: K extends 'vTooltip' ? Directive : Component }

const native: ComponentRegistry = {
  MtButton,
  MtDialog,
  MtMenu,
  MtContextMenu,
  MtInput,
  MtCheckbox,
  MtRadioButton,
  MtTabs,
  MtTab,
  MtAccordion,
  MtAccordionPanel,
  MtTag,
  MtSpinner,
  vTooltip,
}

export const REGISTRY_KEY: InjectionKey<ComponentRegistry> = Symbol('mtchat-registry')

/** Puts *parts* in the place of ours, for everything below. */
export function provideRegistry(parts: PartialRegistry): ComponentRegistry {
  const registry = { ...inject(REGISTRY_KEY, native), ...parts } as ComponentRegistry
  provide(REGISTRY_KEY, registry)
  return registry
}

export function useRegistry(): ComponentRegistry {
  return inject(REGISTRY_KEY, native)
}
