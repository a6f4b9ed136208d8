import { aName, expect, test, type Office, type Person } from '../people'

async function two(office: Office, seat: Parameters<Office['person']>[1] = {}): Promise<{ ana: Person; bo: Person }> {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { ...seat, props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  return { ana, bo }
}
const button = (person: Person) => person.page.getByRole('button', { name: 'Emoji', exact: true })
const picker = (person: Person) => person.page.getByRole('dialog', { name: 'Emoji' })

test('by keyboard alone: by name in the text, or from the picker', async ({ office }) => {
  const { ana, bo } = await two(office)
  const { keyboard } = ana.page
  const names = ana.page.getByRole('listbox', { name: 'Emoji' })
  await ana.composer.focus()

  await keyboard.type('Done at 10:30 :D :smi')
  await expect(names.getByRole('option').first()).toHaveAttribute('aria-selected', 'true')
  const first = (await names.getByRole('option').first().innerText()).split(' ')[0]!
  await keyboard.press('Enter')
  await expect(names).toHaveCount(0)
  await keyboard.press('Enter')
  await expect(bo.message(`Done at 10:30 :D ${first}`)).toBeVisible()

  // Esc leaves the text, also while one goes on with the word.
  await keyboard.type(':smi')
  await expect(names).toBeVisible()
  await keyboard.press('Escape')
  await keyboard.type('ley')
  await expect(names).toHaveCount(0)
  await keyboard.press('Enter')
  await expect(bo.message(':smiley')).toBeVisible()

  await keyboard.type('Off ')
  await button(ana).focus()
  await keyboard.press('Enter')
  await expect(picker(ana).getByRole('searchbox')).toBeFocused()
  const cells = picker(ana).getByRole('gridcell').getByRole('button')
  await expect(picker(ana).getByRole('tab', { name: 'Recently used' })).toHaveAttribute('aria-selected', 'true')
  await expect(cells).toHaveText([first])
  await keyboard.press('Tab')
  await keyboard.press('ArrowRight')
  await expect(picker(ana).getByRole('grid', { name: 'Smileys and feelings' })).toBeVisible()
  await keyboard.press('Tab')
  await expect(cells.first()).toBeFocused()
  await keyboard.press('End')
  await expect(cells.nth(7)).toBeFocused()
  await keyboard.press('ArrowDown')
  await expect(cells.nth(15)).toBeFocused()
  await keyboard.press('Home')
  await expect(cells.nth(8)).toBeFocused()
  await keyboard.press('ArrowUp')
  await expect(cells.first()).toBeFocused()
  await keyboard.press('ArrowUp')
  await keyboard.type('rocket')
  await keyboard.press('ArrowDown')
  await expect(cells.first()).toBeFocused()
  await keyboard.press('Enter')
  await expect(picker(ana)).toHaveCount(0)
  await expect(ana.composer).toBeFocused()
  await keyboard.press('Enter')
  await expect(bo.message('Off 🚀')).toBeVisible()

  await button(ana).focus()
  await keyboard.press('Enter')
  await expect(cells).toHaveText(['🚀', first])
  await keyboard.press('Shift+Tab')
  await expect(cells.first()).toBeFocused()
  await keyboard.press('Tab')
  await expect(picker(ana).getByRole('searchbox')).toBeFocused()
  await keyboard.press('Escape')
  await expect(picker(ana)).toHaveCount(0)
  await expect(ana.composer).toBeFocused()
})

test('with the mouse, in the element: the emoji goes where the caret is', async ({ office }) => {
  const { ana, bo } = await two(office, { build: 'element' })
  await ana.write('two words')
  for (let n = 0; n < 5; n += 1) await ana.page.keyboard.press('ArrowLeft')

  await button(ana).click()
  await picker(ana).getByRole('tab', { name: 'Food and drink' }).click()
  await picker(ana).getByRole('gridcell', { name: 'pizza' }).click()
  await expect(ana.composer).toHaveText('two 🍕words')
  await ana.page.keyboard.type(' ')
  await ana.page.keyboard.press('Enter')
  await expect(bo.message('two 🍕 words')).toBeVisible()

  // A press beside it closes it, and the focus stays where one pressed.
  await button(ana).click()
  await expect(picker(ana).getByRole('searchbox')).toBeFocused()
  await ana.composer.click()
  await expect(picker(ana)).toHaveCount(0)
  await expect(ana.composer).toBeFocused()
})

test('on a phone, in the plain field: what can’t be loaded is said, and comes when it can', async ({ office }) => {
  const { ana, bo } = await two(office, { excused: [/Failed to load resource/], browser: { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true } })
  await ana.context.route(/\/(emoji-en|rich)-.*\.js/, (route) => route.abort())
  await ana.page.reload()
  const plain = ana.page.locator('textarea:not([readonly])')
  await plain.tap()
  await plain.fill('Lunch? ')

  await button(ana).tap()
  await expect(picker(ana).getByRole('alert')).toContainText('This could not be loaded')
  await ana.context.unroute(/\/(emoji-en|rich)-.*\.js/)
  await picker(ana).getByRole('button', { name: 'Retry' }).tap()
  await picker(ana).getByRole('tab', { name: 'Food and drink' }).tap()
  await ana.picture('emoji-phone')
  await picker(ana).getByRole('gridcell', { name: 'pizza' }).tap()
  await expect(plain).toHaveValue('Lunch? 🍕')
  await ana.send.tap()

  await expect(bo.message('Lunch? 🍕')).toBeVisible()
})
