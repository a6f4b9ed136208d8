import { inject, onScopeDispose, provide, shallowReactive, type InjectionKey } from 'vue'

export interface Announcement {
  readonly id: number
  readonly text: string
}

/** One pair of live regions: what is put in is read, then taken out so that nobody browses over it later. */
export interface LiveRegions {
  readonly polite: Announcement[]
  readonly assertive: Announcement[]
}

export interface Announcer {
  /** Read when the person pauses. */
  polite(text: string): void
  /** Read at once. For what went wrong. */
  assertive(text: string): void
  /** A modal layer brings its own regions, as everything outside of it is inert. Returns the undo. */
  enter(): { regions: LiveRegions; leave: () => void }
  readonly root: LiveRegions
}

const KEY: InjectionKey<Announcer> = Symbol('mtchat-announcer')
const KEPT_MS = 5000

const regionPair = (): LiveRegions => ({ polite: shallowReactive([]), assertive: shallowReactive([]) })

export function createAnnouncer(): Announcer {
  const root = regionPair()
  const stack = [root]
  const timers = new Set<ReturnType<typeof setTimeout>>()
  let next = 0

  function say(kind: keyof LiveRegions, text: string): void {
    if (!text) return
    const region = stack.at(-1)![kind]
    const announcement = { id: ++next, text }
    region.push(announcement)
    const timer = setTimeout(() => {
      timers.delete(timer)
      const index = region.indexOf(announcement)
      if (index >= 0) region.splice(index, 1)
    }, KEPT_MS)
    timers.add(timer)
  }

  onScopeDispose(() => timers.forEach(clearTimeout), true)

  return {
    polite: (text) => say('polite', text),
    assertive: (text) => say('assertive', text),
    enter() {
      const regions = regionPair()
      stack.push(regions)
      return { regions, leave: () => void stack.splice(stack.indexOf(regions), 1) }
    },
    root,
  }
}

export function provideAnnouncer(): Announcer {
  const announcer = createAnnouncer()
  provide(KEY, announcer)
  return announcer
}

/** Says things to screen readers. Outside of an MTChat it stays silent. */
export function useAnnouncer(): Announcer {
  return inject(KEY, createAnnouncer, true)
}
