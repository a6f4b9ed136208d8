import type { InjectionKey } from 'vue'

export const TABS_KEY: InjectionKey<{ isSelected(value: string): boolean; select(value: string): void }> = Symbol('mtchat-tabs')
export const ACCORDION_KEY: InjectionKey<{ isOpen(value: string): boolean; toggle(value: string): void }> = Symbol('mtchat-accordion')
