import type { Environment } from '../types.js'

/** The page as a test wants it. */
export interface TestPage extends Environment {
  set(change: { online?: boolean; visible?: boolean; focused?: boolean }): void
}

export function createTestPage(): TestPage {
  const now = { online: true, visible: true, focused: true }
  const listeners = new Set<Parameters<Environment['onChange']>[0]>()
  return {
    isOnline: () => now.online,
    isVisible: () => now.visible,
    isFocused: () => now.visible && now.focused,
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    set({ online = now.online, visible = now.visible, focused = now.focused }) {
      const before = { ...now }
      Object.assign(now, { online, visible, focused })
      const tell = (what: Parameters<Parameters<Environment['onChange']>[0]>[0]) => {
        for (const listener of [...listeners]) listener(what)
      }
      if (before.online !== online) tell(online ? 'online' : 'offline')
      if (before.visible !== visible) tell(visible ? 'visible' : 'hidden')
      if (before.focused !== focused) tell(focused ? 'focus' : 'blur')
    },
  }
}
