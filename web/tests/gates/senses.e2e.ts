// What axe cannot see: the way of the focus, what is read aloud, the size of what one has to hit, text that is given more room.
import type { Page } from '@playwright/test'
import { expect, gate, test } from '../people'
import { gallery, MODES, show } from './gallery'

/** Where the focus is, and what is wrong with how it shows itself. */
interface Stop {
  pane: string
  name: string
  faults: string[]
}

/** Presses Tab from before the chat until the focus has left it. */
async function walk(page: Page): Promise<Stop[]> {
  await page.evaluate(() => {
    document.body.tabIndex = -1
    document.body.focus()
  })
  const stops: Stop[] = []
  for (;;) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(() => {
      const active = document.activeElement as HTMLElement | null
      if (!active?.closest('.mtchat')) return null
      const faults: string[] = []
      const places = { '.mtchat-transcript': 'messages', '.mtchat-composer': 'field', '[role=listbox]': 'dialogs', '.mtchat-header': 'header', '[role=separator]': 'divider' }
      const pane = Object.entries(places).find(([selector]) => active.closest(selector))?.[1] ?? active.closest<HTMLElement>('[data-pane]')?.dataset['pane'] ?? 'chat'
      const name = (active.getAttribute('aria-label') ?? document.getElementById(active.getAttribute('aria-labelledby') ?? '')?.textContent ?? active.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 40)
      // The ring is on what has the focus, or on the frame around a field.
      const hasRing = (one: HTMLElement) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one)
        return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || / [2-9]px(?: |,|$)/.test(boxShadow)
      }
      let ringed: HTMLElement | null = active
      while (ringed && !hasRing(ringed)) ringed = ringed.matches('[data-pane]') ? null : ringed.parentElement
      if (!ringed) faults.push('has no ring')
      const { left, right, top, bottom } = active.getBoundingClientRect()
      const above = document.elementFromPoint((Math.max(left, 0) + Math.min(right, innerWidth)) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2)
      if (!above || !(active.contains(above) || above.contains(active))) faults.push(above ? `is covered by ${above.className}` : 'is out of sight')
      return { pane, name, faults }
    })
    if (!stop) return stops
    stops.push(stop)
    if (stops.length > 60) throw new Error(`The focus does not come out: ${stops.map(({ name }) => name).join(' > ')}`)
  }
}

const WALKED = ['talk', 'talk-unread', 'info', 'files', 'search', 'composer-files', 'composer-reply', 'composer-format', 'outbox-failed', 'chat-join', 'chat-error']
for (const mode of MODES) {
  test(`the focus goes from pane to pane as one reads, and is seen at every stop: ${mode}`, async ({ office }) => {
    test.setTimeout(120_000)
    const ana = await gallery(office, { mode, state: 'talk' }, { viewport: { width: 1300, height: 700 } })
    const faults: string[] = []
    let count = 0
    for (const state of WALKED) {
      if (state !== 'talk') await show(ana, { mode, state })
      // Only the editor's own field stays.
      if (await ana.page.locator('.mtchat-composer').isVisible()) await expect(ana.page.locator('.mtchat-composer [contenteditable=true]')).toBeVisible()
      const stops = await walk(ana.page)
      const panes = stops.map(({ pane }) => pane).filter((pane, n, all) => pane !== all[n - 1])
      count += stops.length
      faults.push(...stops.flatMap(({ name, faults }) => faults.map((fault) => `${state}: "${name}" ${fault}`)))
      if (state !== 'talk') continue
      expect(panes).toEqual([...(mode === 'full' ? ['list', 'dialogs', 'divider'] : []), 'header', 'messages', 'field'])
      // One stop for each of the two long lists.
      for (const list of ['dialogs', 'messages']) expect(stops.filter(({ pane }) => pane === list).length, list).toBeLessThanOrEqual(1)
    }

    gate(`focus: ${count} stops of ${WALKED.length} states, ${mode}`, `${faults.length} unseen`, 0)
    expect(faults).toEqual([])
  })

  test(`what is read aloud: ${mode}`, async ({ office }) => {
    test.setTimeout(90_000)
    const ana = await gallery(office, { mode, state: 'info' })
    const is = (part: string) => ({ name: `${part}-${mode}.aria.yml` })
    await expect(ana.composer).toBeVisible()
    if (mode === 'full') await expect(ana.page.getByRole('navigation')).toMatchAriaSnapshot(is('list'))
    await expect(ana.page.getByRole('complementary')).toMatchAriaSnapshot(is('info'))
    await show(ana, { mode, state: 'talk' })
    await expect(ana.composer).toBeVisible()
    await expect(ana.transcript).toMatchAriaSnapshot(is('messages'))
    await expect(ana.page.locator('.mtchat-composer')).toMatchAriaSnapshot(is('field'))
    await ana.page.getByRole('button', { name: 'Menu', exact: true }).click()
    await expect(ana.page.getByRole('menu')).toMatchAriaSnapshot(is('menu'))
    await ana.page.keyboard.press('Escape')
    await ana.page.locator('.mtchat-image').first().click()
    await expect(ana.page.getByRole('dialog')).toMatchAriaSnapshot(is('viewer'))
  })

  test(`a finger hits everything, and text may have more room: ${mode}, 320 pixels`, async ({ office }) => {
    test.setTimeout(90_000)
    const { page } = await gallery(office, { mode, width: 320 }, { hasTouch: true, isMobile: true, bypassCSP: true })
    const targets = await page.evaluate(() => {
      const all = [...document.querySelectorAll<HTMLElement>('.stage :is(button, a[href], input:not([type=file]), select, [contenteditable=true], [role=option], [role=tab])')]
        // A link in a sentence is as high as the sentence (WCAG 2.5.8).
        .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest('.mtchat-text__content, .mtchat-visually-hidden'))
      const small = all.flatMap((one) => {
        // What is around a field hits it too.
        const seen = (one.closest('label, .mtchat-input') ?? one).getBoundingClientRect()
        // Small words have more around them that is hit.
        const { content, width: wide, height: high } = getComputedStyle(one, '::after')
        const [width, height] = [[seen.width, wide], [seen.height, high]].map(([a, b]) => Math.max(Number(a), content === 'none' ? 0 : parseFloat(String(b)))) as [number, number]
        return Math.min(width, height) < 43.5 ? [`${one.closest<HTMLElement>('.state')!.dataset['state']}: ${one.className} "${(one.getAttribute('aria-label') ?? one.textContent ?? '').trim().slice(0, 30)}" ${width.toFixed(0)} x ${height.toFixed(0)}`] : []
      })
      return { count: all.length, small }
    })

    const cut = () => page.evaluate(() => {
      const found: string[] = []
      for (const stage of document.querySelectorAll<HTMLElement>('.stage')) {
        const texts = document.createTreeWalker(stage, NodeFilter.SHOW_TEXT)
        for (let text = texts.nextNode(); text; text = texts.nextNode()) {
          const parent = text.parentElement!
          // What is folded has its "show more".
          if (!text.textContent?.trim() || !parent.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || parent.closest('.mtchat-visually-hidden, .mtchat-text--folded, textarea')) continue
          const range = document.createRange()
          range.selectNodeContents(text)
          const box = range.getBoundingClientRect()
          for (let one: HTMLElement | null = parent; one && one !== stage; one = one.parentElement) {
            const { overflowX, overflowY, textOverflow, webkitLineClamp } = getComputedStyle(one)
            if (textOverflow === 'ellipsis' || webkitLineClamp !== 'none' || [overflowX, overflowY].some((value) => value === 'auto' || value === 'scroll')) break
            const edge = one.getBoundingClientRect()
            if ((overflowX !== 'visible' && (box.left < edge.left - 1 || box.right > edge.right + 1)) || (overflowY !== 'visible' && (box.top < edge.top - 1 || box.bottom > edge.bottom + 1))) {
              found.push(`${stage.closest<HTMLElement>('.state')!.dataset['state']}: "${text.textContent.trim().slice(0, 40)}" in ${one.className}`)
              break
            }
          }
        }
      }
      return found
    })
    const before = await cut()
    await page.addStyleTag({ content: '.stage * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } .stage p { margin-block-end: 2em !important }' })
    await page.evaluate(() => new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame))))
    const after = await cut()

    gate(`targets under a finger: ${targets.count}, ${mode}`, `${targets.small.length} below 44 px`, 0)
    gate(`texts cut with more room between letters and lines, ${mode}`, before.length + after.length, 0)
    expect.soft(targets.small).toEqual([])
    expect.soft([...before, ...after]).toEqual([])
  })
}
