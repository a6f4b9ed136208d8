// @vitest-environment happy-dom
import { flushPromises } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import { defineComponent, h, nextTick, shallowRef } from 'vue'
import { part, press } from '../../test/host'
import { placed } from '../layers'
import { provideRegistry, useRegistry } from '../registry'
import MtAccordion from './MtAccordion.vue'
import MtAccordionPanel from './MtAccordionPanel.vue'
import MtButton from './MtButton.vue'
import MtDialog from './MtDialog.vue'
import MtMenu from './MtMenu.vue'
import MtTab from './MtTab.vue'
import MtTabs from './MtTabs.vue'

const $ = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector)!
const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)]

describe('menu', () => {
  const chosen: string[] = []
  const items = [
    { label: 'One', command: () => chosen.push('one') },
    { label: 'Two', disabled: true },
    { label: '', separator: true },
    { label: 'Three', command: () => chosen.push('three') },
  ]
  async function opened() {
    chosen.length = 0
    const Page = defineComponent({
      setup() {
        const menu = shallowRef<InstanceType<typeof MtMenu> | null>(null)
        return () => [h('button', { id: 'opener', onClick: (event: Event) => menu.value?.toggle(event) }, 'open'), h(MtMenu, { ref: menu, items, label: 'Things' })]
      },
    })
    part(Page)
    $('#opener').focus()
    $('#opener').click()
    await flushPromises()
  }

  it('goes when its button is scrolled away, and stays when something else scrolls', async () => {
    await opened()
    const elsewhere = document.body.appendChild(document.createElement('div'))

    elsewhere.dispatchEvent(new Event('scroll'))
    expect($('[role="menu"]')).not.toBeNull()
    $('#opener').parentElement!.dispatchEvent(new Event('scroll'))
    await nextTick()

    expect($('[role="menu"]')).toBeNull()
  })

  it('takes the focus, skips what is disabled, wraps, and gives the focus back', async () => {
    await opened()
    expect($('[role="menu"]').getAttribute('aria-label')).toBe('Things')
    expect(document.activeElement!.textContent).toContain('One')
    press(document.activeElement!, 'ArrowDown')
    expect(document.activeElement!.textContent).toContain('Three')
    press(document.activeElement!, 'ArrowDown')
    expect(document.activeElement!.textContent).toContain('One')
    press(document.activeElement!, 't')
    expect(document.activeElement!.textContent).toContain('Three')
    press(document.activeElement!, 'Escape')
    await nextTick()
    expect(all('[role="menu"]')).toHaveLength(0)
    expect(document.activeElement!.id).toBe('opener')
  })

  it('does what was chosen, and closes by its own button and by a press outside', async () => {
    await opened()
    all('[role="menuitem"]')[2]!.click()
    await nextTick()
    expect(chosen).toEqual(['three'])
    expect(all('[role="menu"]')).toHaveLength(0)

    $('#opener').click()
    await flushPromises()
    $('#opener').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, composed: true }))
    $('#opener').click()
    await nextTick()
    expect(all('[role="menu"]')).toHaveLength(0)

    $('#opener').click()
    await flushPromises()
    document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))
    await nextTick()
    expect(all('[role="menu"]')).toHaveLength(0)
  })

  it('listens to the page only while it is open', async () => {
    const add = vi.spyOn(document, 'addEventListener')
    const remove = vi.spyOn(document, 'removeEventListener')
    await opened()
    press(document.activeElement!, 'Escape')
    expect(remove.mock.calls.length).toBe(add.mock.calls.length)
  })
})

describe('dialog', () => {
  it('is a real one, closes by its button, and has its own announcer', async () => {
    const close = vi.fn()
    part(MtDialog, { visible: true, header: 'Leave?', 'onUpdate:visible': close }, { default: () => 'Sure?' })
    await nextTick()
    expect($<HTMLDialogElement>('dialog').open).toBe(true)
    expect($('dialog').textContent).toContain('Sure?')
    expect($(`[id="${$('dialog').getAttribute('aria-labelledby')}"]`).textContent).toBe('Leave?')
    expect($('dialog [aria-live="polite"]')).not.toBeNull()
    $('dialog button[aria-label="Close"]').click()
    expect(close).toHaveBeenCalledWith(false)
  })
})

describe('tabs', () => {
  it('move with the arrows and have one tab stop', async () => {
    const value = shallowRef('a')
    const Page = () => h(MtTabs, { modelValue: value.value, 'onUpdate:modelValue': (next: string) => (value.value = next) }, () => ['a', 'b', 'c'].map((one) => h(MtTab, { value: one, label: one })))
    part(defineComponent(() => Page))
    const tabs = all('[role="tab"]')
    expect(tabs.map((tab) => tab.tabIndex)).toEqual([0, -1, -1])
    tabs[0]!.focus()
    press(tabs[0]!, 'ArrowLeft')
    await nextTick()
    expect(value.value).toBe('c')
    expect(document.activeElement).toBe(tabs[2])
  })
})

describe('accordion', () => {
  it('says what is open', async () => {
    const value = shallowRef<string | string[] | null>(null)
    const Page = () =>
      h(MtAccordion, { modelValue: value.value, 'onUpdate:modelValue': (next: string | string[] | null) => (value.value = next) }, () => h(MtAccordionPanel, { value: 'one', header: 'One' }, () => 'inside'))
    part(defineComponent(() => Page))
    expect($('button').getAttribute('aria-expanded')).toBe('false')
    $('button').click()
    await nextTick()
    expect($('button').getAttribute('aria-expanded')).toBe('true')
  })
})

describe('button', () => {
  it('with an icon alone has a name, and does nothing while it is busy', () => {
    const click = vi.fn()
    part(MtButton, { icon: 'close', title: 'Close', loading: true, onClick: click })
    expect($('button').getAttribute('aria-label')).toBe('Close')
    $('button').click()
    expect(click).not.toHaveBeenCalled()
  })
})

describe('registry', () => {
  it('puts the host’s parts in the place of ours', () => {
    const Inner = defineComponent(() => {
      const { MtButton, MtTag } = useRegistry()
      return () => [h(MtButton, () => 'mine'), h(MtTag, { value: 'ours' })]
    })
    part(defineComponent(() => {
      provideRegistry({ MtButton: defineComponent((_, { slots }) => () => h('b', slots['default']?.())) })
      return () => h(Inner)
    }))
    expect($('b').textContent).toBe('mine')
    expect($('.mtchat-tag').textContent).toBe('ours')
  })
})

describe('tooltip', () => {
  it('comes with the focus of the keyboard and goes with Esc', async () => {
    vi.useFakeTimers()
    try {
      part(MtButton, { icon: 'close', title: 'Close' })
      const button = $('button')
      vi.spyOn(button, 'matches').mockReturnValue(true)
      button.dispatchEvent(new FocusEvent('focusin'))
      vi.advanceTimersByTime(500)
      expect($('[role="tooltip"]').textContent).toBe('Close')
      press(button, 'Escape')
      expect(all('[role="tooltip"]')).toHaveLength(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('places', () => {
  const window = { width: 400, height: 300 }
  const size = { width: 100, height: 80 }
  it('flips what does not fit, and stays in the window', () => {
    expect(placed({ top: 10, bottom: 40, left: 20, right: 60 }, size, window)).toEqual({ left: 20, top: 44 })
    expect(placed({ top: 250, bottom: 280, left: 380, right: 390 }, size, window)).toEqual({ left: 296, top: 166 })
    expect(placed({ top: 10, bottom: 40, left: 200, right: 260 }, size, window, { rtl: true })).toEqual({ left: 160, top: 44 })
  })
})
