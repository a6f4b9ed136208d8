import type { Locator } from '@playwright/test'
import { aName, expect, test } from '../people'
import { lostOf } from './lost'

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true }

test('with fingers: a long press offers what to do, Enter is a new line, and the browser\'s back leads from pane to pane', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.dialog('Order 2', [anaId, boId])
  await office.say(boId, id, 'Friday?')
  const ana = await office.person(anaId, { browser: PHONE, props: { history: true } })

  const pin = ana.page.getByRole('menuitem', { name: 'Pin' })
  await ana.hold(ana.row('Order 1'), pin)
  await pin.tap()
  await expect(ana.row('Order 1')).toHaveAccessibleName(/pinned/)
  // The press was not taken for a choice.
  await expect(ana.list).toBeVisible()
  await ana.row('Order 1').tap()
  await expect(ana.message('Friday?')).toBeVisible()

  await ana.composer.tap()
  await ana.page.keyboard.type('one line')
  await ana.page.keyboard.press('Enter')
  await ana.page.keyboard.type('and another')
  await expect(ana.composer).toContainText('one line')
  await expect(ana.message('one line')).toHaveCount(0)
  await ana.send.tap()
  await expect(ana.message('one line')).toContainText('and another')

  const reply = ana.message('Friday?').getByRole('button', { name: 'Reply' })
  const actions = ana.message('Friday?').getByRole('group', { name: 'Actions for the message' })
  await expect(actions).toHaveCSS('opacity', '0')
  await ana.hold(ana.message('Friday?').locator('.mtchat-bubble'), ana.page.locator('.mtchat-row--pressed'))
  await expect(actions).toHaveCSS('opacity', '1')
  await reply.tap()
  await expect(ana.page.getByText('Reply to Bo Lindqvist')).toBeVisible()

  await ana.page.getByRole('button', { name: 'About the chat' }).tap()
  await expect(ana.page.getByRole('complementary')).toBeVisible()
  await ana.page.goBack()
  await expect(ana.composer).toBeVisible()
  await ana.page.goBack()
  await expect(ana.row('Order 1')).toBeFocused()
  await expect(ana.composer).toBeHidden()
})

test('the keyboard covers neither the field one writes in nor the newest message', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.talk(anaId, id, Array.from({ length: 30 }, (_, n) => `message ${n}`))
  const ana = await office.person(anaId, { browser: PHONE, props: { dialogId: id } })
  await ana.composer.tap()
  const bottom = (of: Locator) => of.evaluate((one) => Math.round(one.getBoundingClientRect().bottom))
  // Browsers for desks have no such keyboard: only what it does to the view is so.
  const keyboard = (height: number) => ana.page.evaluate((height) => {
    Object.defineProperty(visualViewport!, 'height', { configurable: true, value: innerHeight - height })
    visualViewport!.dispatchEvent(new Event('resize'))
  }, height)
  const [field, newest] = [ana.page.locator('.mtchat-composer'), ana.message('message 29')]
  const before = await bottom(field)

  await keyboard(300)
  await expect.poll(() => bottom(field)).toBe(340)
  await expect.poll(async () => (await bottom(newest)) <= (await field.evaluate((one) => one.getBoundingClientRect().top))).toBe(true)
  await expect(newest).toBeInViewport({ ratio: 1 })
  await keyboard(0)

  await expect.poll(() => bottom(field)).toBe(before)
  await expect(newest).toBeInViewport({ ratio: 1 })
})

test('at 400 % nothing is lost: every pane fits into 320 pixels, and everything can be reached', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz', [anaId, boId])
  await office.say(boId, id, `${'a-very-long-word-'.repeat(10)} and <code>${'code'.repeat(40)}</code>`)
  const ana = await office.person(anaId, { browser: { viewport: { width: 320, height: 400 }, deviceScaleFactor: 4 } })
  const lost = () => lostOf(ana.page)
  await expect(ana.row('Rindfleisch')).toBeVisible()
  await expect.poll(lost).toEqual([])

  await ana.row('Rindfleisch').click()
  await ana.say('seen from near')
  await expect(ana.message('seen from near')).toHaveAccessibleName(/, sent/)
  await ana.composer.press('ArrowUp')
  await expect(ana.page.getByText('Editing')).toBeInViewport({ ratio: 1 })
  for (const one of [ana.composer, ana.page.getByRole('button', { name: 'Save' }), ana.page.getByRole('button', { name: 'Menu' })]) await expect(one).toBeInViewport({ ratio: 1 })
  await expect.poll(lost).toEqual([])
  await ana.page.keyboard.press('Escape')

  await ana.page.getByRole('button', { name: 'Formatting' }).click()
  await expect(ana.page.getByRole('button', { name: 'Numbered list' })).toBeVisible()
  await expect.poll(lost).toEqual([])
  await ana.page.getByRole('button', { name: 'Menu' }).click()
  for (const item of await ana.page.getByRole('menuitem').all()) await expect(item).toBeInViewport({ ratio: 1 })
  await ana.page.getByRole('menuitem', { name: 'Leave the chat' }).click()
  for (const button of await ana.page.getByRole('dialog').getByRole('button').all()) await expect(button).toBeInViewport({ ratio: 1 })
  await expect.poll(lost).toEqual([])
  await ana.page.keyboard.press('Escape')
  await ana.page.getByRole('button', { name: '2 participants' }).click()
  await ana.page.getByRole('tab', { name: 'Files' }).click()
  await expect(ana.page.getByText('No files yet')).toBeInViewport({ ratio: 0.95 })
  const leave = ana.page.getByRole('complementary').getByRole('button', { name: 'Leave the chat' })
  await leave.scrollIntoViewIfNeeded()
  await expect(leave).toBeInViewport({ ratio: 0.95 })
  await expect.poll(lost).toEqual([])
  await ana.picture('zoom-400')
})
