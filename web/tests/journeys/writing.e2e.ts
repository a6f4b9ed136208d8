import { aName, expect, test } from '../people'
import { picture } from './chair'

const ALLOWED = ['P', 'BR', 'STRONG', 'EM', 'U', 'S', 'A', 'UL', 'OL', 'LI', 'BLOCKQUOTE', 'CODE', 'PRE', 'SPAN']

test('what is pasted keeps the form a message may have, and nothing else', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await ana.composer.click()
  await ana.copy({
    'text/plain': 'plain',
    'text/html': '<h1 style="color:red">Offer</h1><p onclick="alert(1)"><b>12</b> chairs, <a href="https://shop.example/chairs">see here</a></p><ul><li>oak</li></ul><table><tr><td>a cell</td></tr></table><img src="https://tracker.example/x.png"><iframe src="https://evil.example"></iframe>',
  })

  await ana.page.keyboard.press('Control+v')
  await expect(ana.composer).toContainText('12 chairs')
  await ana.page.keyboard.press('Enter')

  const body = bo.message('Offer').locator('.mtchat-text__content')
  await expect(body).toContainText('a cell')
  await expect(body.locator('strong')).toHaveText('12')
  await expect(body.getByRole('listitem')).toHaveText('oak')
  await expect(body.getByText('see here')).toHaveAttribute('href', 'https://shop.example/chairs')
  const tags = await body.evaluate((root) => [...new Set([...root.querySelectorAll('*')].map(({ tagName }) => tagName))])
  expect(tags.filter((tag) => !ALLOWED.includes(tag))).toEqual([])
  expect(await body.evaluate((root) => root.querySelectorAll('[style],[onclick],[src]').length)).toBe(0)
})

test('pasted with Shift it is mere text', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await ana.composer.click()
  await ana.copy({ 'text/plain': 'Only words', 'text/html': '<p><b>Only words</b></p>' })

  await ana.page.keyboard.press('Control+Shift+v')

  await expect(ana.composer).toHaveText('Only words')
  await expect(ana.composer.locator('strong')).toHaveCount(0)
})

test('a picture from the clipboard becomes a file, and goes out with the words', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await ana.composer.click()
  await ana.copy({ 'image/png': [...picture] })

  await ana.page.keyboard.press('Control+v')
  await expect(ana.page.getByRole('list', { name: 'Files to send' })).toContainText('image.png')
  await ana.page.keyboard.type('this chair')
  await ana.page.keyboard.press('Enter')

  await expect(bo.message('this chair').getByRole('img', { name: 'image.png' })).toBeVisible()
})

test('a draft is in the other tab too, and goes from both when it is sent', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const second = await ana.tab()
  await expect(second.composer).toBeVisible()

  await ana.page.bringToFront()
  await ana.write('begun in the first tab')
  await expect(second.composer).toHaveText('begun in the first tab')
  await expect(second.row('Order 1')).toContainText('Draft: begun in the first tab')
  await second.page.bringToFront()
  await second.composer.click()
  await second.page.keyboard.press('Control+End')
  await second.page.keyboard.type(', sent from the second')
  await second.page.keyboard.press('Enter')

  await expect(ana.message('begun in the first tab, sent from the second')).toHaveCount(1)
  await expect(ana.composer).toHaveText('')
  await expect(second.composer).toHaveText('')
  await expect(ana.row('Order 1')).not.toContainText('Draft')
})

test('the rich editor comes in the middle of a word, and neither the word nor the caret notices', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId)
  let come = () => undefined as void
  const held = new Promise<void>((done) => (come = done))
  await ana.context.route(/\/pages\/rich-.*\.js/, async (route) => {
    await held
    await route.continue()
  })
  await ana.page.goto(ana.address({ props: { dialogId: id } }))
  const plain = ana.page.locator('textarea:not([readonly])')
  await plain.click()
  await ana.page.keyboard.type('two ords')
  for (let n = 0; n < 4; n += 1) await ana.page.keyboard.press('ArrowLeft')

  come()
  await expect(ana.composer).toBeFocused()
  await ana.page.keyboard.type('w')
  await ana.page.keyboard.press('Enter')

  await expect(ana.message('two words')).toHaveCount(1)
  await expect(ana.composer).toHaveText('')
})

test('by keyboard alone a message is answered, changed, copied and deleted', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  // Bo may say that he has read what Ana deletes at that moment: the server refuses such a mark, and nothing comes of it.
  const bo = await office.person(boId, { props: { dialogId: id }, excused: [/status of 400 .*\/read\?/] })
  const { keyboard } = ana.page
  await ana.context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await bo.say('Friday?')
  await expect(ana.message('Friday?')).toBeVisible()
  await ana.composer.focus()

  await keyboard.type('A chair, a tabel')
  await keyboard.press('Enter')
  await expect(ana.message('a tabel')).toHaveAccessibleName(/, (sent|read by)/)
  await keyboard.press('ArrowUp')
  await expect(ana.composer).toHaveText('A chair, a tabel')
  await keyboard.press('Backspace')
  await keyboard.press('Backspace')
  await keyboard.type('le')
  await keyboard.press('Enter')
  await expect(bo.message('A chair, a table')).toContainText('edited')

  await ana.message('a table').focus()
  await keyboard.press('c')
  await expect.poll(() => ana.page.evaluate(() => navigator.clipboard.readText())).toBe('A chair, a table')
  await keyboard.press('ArrowUp')
  await expect(ana.message('Friday?').first()).toBeFocused()
  await keyboard.press('r')
  await expect(ana.composer).toBeFocused()
  await keyboard.type('On Monday')
  await keyboard.press('Enter')
  await expect(bo.message('On Monday')).toContainText('Friday?')

  await ana.message('a table').focus()
  await keyboard.press('Delete')
  const question = ana.page.getByRole('dialog', { name: 'Delete this message?' })
  await expect(question).toBeVisible()
  await keyboard.press('Escape')
  await expect(question).toHaveCount(0)
  await expect(ana.message('a table')).toBeFocused()
  await keyboard.press('Delete')
  await question.getByRole('button', { name: 'Delete' }).focus()
  await keyboard.press('Enter')
  await expect(bo.page.getByText('a table')).toHaveCount(0)
  await expect(ana.message('On Monday')).toBeVisible()
})

test('three people: two are mentioned, and one sees who has read it', async ({ office }) => {
  const [anaId, boId, cyId] = [aName('ana'), aName('bo'), aName('cy')]
  const { id } = await office.dialog('Order 1', [anaId, boId, cyId])
  const [ana, bo, cy] = await Promise.all([anaId, boId, cyId].map((one) => office.person(one, { props: { dialogId: id } })))
  const people = ana!.page.getByRole('listbox', { name: 'People to mention' })

  await ana!.write('@')
  await expect(people.getByRole('option')).toHaveText([/Bo Lindqvist/, /Cy Okafor/])
  await ana!.page.keyboard.press('ArrowDown')
  await ana!.page.keyboard.press('Enter')
  await ana!.page.keyboard.type(' and @lind')
  await people.getByRole('option', { name: 'Bo Lindqvist' }).click()
  await ana!.page.keyboard.type(' please')
  await ana!.page.keyboard.press('Enter')

  for (const one of [bo!, cy!]) await expect(one.message('@Cy Okafor and @Bo Lindqvist please')).toBeVisible()
  // Only the name of whoever looks stands out.
  await expect(cy!.page.locator('.mtchat-mention--me')).toHaveText('@Cy Okafor')
  const message = ana!.message('please')
  await expect(message).toHaveAccessibleName(/read by 2 of 2/)
  await message.getByRole('button', { name: 'read by 2 of 2' }).click()
  await expect(ana!.page.getByRole('dialog', { name: /read/i })).toContainText(/Bo Lindqvist[\s\S]*Cy Okafor|Cy Okafor[\s\S]*Bo Lindqvist/)
})
