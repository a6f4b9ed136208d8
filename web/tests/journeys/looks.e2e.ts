import type { Locator } from '@playwright/test'
import { aName, expect, test } from '../people'
import { lostOf } from './lost'

for (const [locale, says] of [['en-XA', 'longer words'], ['ar-XB', 'right to left']] as const) {
  test(`${says} (${locale}): no word of ours is cut and nothing sticks out, wide and narrow`, async ({ office }) => {
    const [anaId, boId] = [aName('ana'), aName('bo')]
    const { id } = await office.dialog('Order 1', [anaId, boId])
    const question = await office.say(boId, id, 'Friday?')
    await office.say(anaId, id, 'On Monday', { reply_to: question.id })
    const ana = await office.person(anaId, { config: { locale }, props: { dialogId: id } })
    const part = (css: string) => ana.page.locator(css).filter({ visible: true })
    const field = ana.page.locator('[contenteditable=true]')
    await expect(part('.mtchat-row').last()).toContainText('On Monday')
    await expect(field).toBeVisible()

    for (const width of [1300, 900, 320]) {
      await ana.page.setViewportSize({ width, height: 640 })
      const lost = () => lostOf(ana.page)
      await expect(ana.page.locator('.mtchat-frame')).toHaveAttribute('data-layout', width > 1200 ? 'wide' : width > 768 ? 'medium' : 'narrow')
      await expect.poll(lost, `${width} px`).toEqual([])
      await part('.mtchat-header button[aria-haspopup=menu]').last().click()
      await expect(part('[role=menuitem]').first()).toBeFocused()
      await expect.poll(lost, `${width} px, menu`).toEqual([])
      await part('[role=menuitem]').last().click()
      await expect(part('dialog[open]')).toBeVisible()
      await expect.poll(lost, `${width} px, question`).toEqual([])
      await ana.page.keyboard.press('Escape')
      await part('.mtchat-header__sub button').click()
      await expect(part('.mtchat-info [role=tab]').first()).toBeVisible()
      await expect.poll(lost, `${width} px, info`).toEqual([])
      if (locale === 'ar-XB' && width > 1200) {
        const [list, chat, info] = await Promise.all(['list', 'chat', 'info'].map((pane) => part(`[data-pane=${pane}]`).boundingBox()))
        expect(list!.x).toBeGreaterThan(chat!.x)
        expect(chat!.x).toBeGreaterThan(info!.x)
      }
      await ana.picture(`${locale}-${width}`)
      await (width === 320 ? part('.mtchat-info .mtchat-only-narrow') : part('.mtchat-info .mtchat-not-narrow')).first().click()
      if (width === 320) {
        await part('.mtchat-pane--chat .mtchat-only-narrow').first().click()
        await expect(part('[role=option]')).toBeVisible()
        await expect.poll(lost, 'the list').toEqual([])
      }
    }
  })
}

test('with colours of the person\'s own everything can be told apart: chosen, unread, own, failed, focused', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const other = await office.dialog('Order 2', [anaId, boId])
  await office.say(boId, id, 'Friday?')
  await office.say(boId, other.id, 'unread')
  const ana = await office.person(anaId, { props: { dialogId: id }, browser: { forcedColors: 'active' } })
  ana.gateway.break({ kind: 'status', status: 400, on: /^POST .*\/messages/ })
  await ana.say('refused')
  await expect(ana.message('refused')).toContainText('Refused')
  const line = (on: Locator, side: string) => on.evaluate((one, side) => {
    const style = getComputedStyle(one)
    return parseFloat(style.getPropertyValue(`border-${side}-width`)) > 0 && style.getPropertyValue(`border-${side}-style`) !== 'none'
  }, side)

  expect(await line(ana.row('Order 1'), 'inline-start')).toBe(true)
  expect(await line(ana.row('Order 2'), 'inline-start')).toBe(false)
  expect(await line(ana.row('Order 2').locator('.mtchat-badge'), 'top')).toBe(true)
  for (const bubble of await ana.page.locator('.mtchat-bubble').all()) expect(await line(bubble, 'top')).toBe(true)
  await ana.page.keyboard.press('Shift+Tab')
  await expect(ana.page.locator(':focus-visible')).not.toHaveCSS('outline-style', 'none')

  // Nothing has taken on the colour of what is behind it.
  const vanished = await ana.page.evaluate(() => {
    const behind = (element: Element | null): string => {
      if (!element) return 'rgb(0, 0, 0)'
      const { backgroundColor } = getComputedStyle(element)
      return backgroundColor === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : backgroundColor
    }
    return [...document.querySelectorAll('.mtchat *')].filter((element) => {
      const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent!.trim())
      if (!(hasText || element.matches('svg')) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false
      return getComputedStyle(element).color === behind(element)
    }).map((element) => `${element.tagName}.${element.getAttribute('class') ?? ''} ${element.textContent ?? ''}`)
  })
  expect(vanished).toEqual([])
  await ana.picture('forced-colors')
})

for (const [reducedMotion, moves] of [['reduce', false], ['no-preference', true]] as const) {
  test(`panels ${moves ? 'may' : 'do not'} slide in where motion is ${moves ? 'welcome' : 'not wanted'}, and a jump is a jump`, async ({ office }) => {
    const [anaId, boId] = [aName('ana'), aName('bo')]
    const { id } = await office.dialog('Order 1', [anaId, boId])
    await office.talk(boId, id, Array.from({ length: 40 }, (_, n) => `message ${n}`))
    await office.say(anaId, id, 'the newest')
    const ana = await office.person(anaId, { props: { dialogId: id }, browser: { reducedMotion, viewport: { width: 900, height: 600 } } })
    // In the view before it is seen: the list is shown when it is known where it opens.
    await expect(ana.message('the newest')).toBeVisible()
    await ana.scroller.hover()
    await ana.page.mouse.wheel(0, -2000)
    const down = ana.page.getByRole('button', { name: /newest message|new message/ })
    await expect(down).toBeVisible()
    const slid = await ana.page.evaluate(async () => {
      let slid = false
      document.addEventListener('animationstart', () => (slid = true))
      document.querySelector<HTMLElement>('.mtchat-header__sub button')!.click()
      for (let n = 0; n < 300 && !document.querySelector('.mtchat-info'); n += 1) await new Promise((frame) => requestAnimationFrame(frame))
      for (let n = 0; n < 5; n += 1) await new Promise((frame) => requestAnimationFrame(frame))
      return slid
    })
    expect(slid).toBe(moves)
    await ana.page.keyboard.press('Escape')

    const frames = await down.evaluate(async (button: HTMLElement) => {
      const view = document.querySelector('.mtchat-transcript__scroller')!
      const places = new Set<number>()
      button.click()
      for (let n = 0; n < 10; n += 1) {
        await new Promise((frame) => requestAnimationFrame(frame))
        places.add(Math.round((view.scrollHeight - view.clientHeight - view.scrollTop) / 100))
      }
      return [...places]
    })
    expect(frames.at(-1)).toBe(0)
    // Where one was, and where one is: nothing between.
    expect(frames.length).toBeLessThanOrEqual(2)
  })
}
