import { aName, expect, test } from '../people'
import { tokenOf } from '../server/service'

test('a chat is pinned, muted and put away from its menu, in both tabs and for good, and comes back', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.say(boId, id, 'about the first')
  const second = await office.dialog('Order 2', [anaId, boId])
  await office.say(boId, second.id, 'about the second')
  const ana = await office.person(anaId)
  const rows = ana.list.getByRole('option')
  await expect(rows).toHaveText([/Order 2/, /Order 1/])

  await ana.manage('Order 1', 'Pin')
  await expect(rows).toHaveText([/Order 1/, /Order 2/])
  await expect(ana.row('Order 1')).toHaveAccessibleName(/pinned/)
  await ana.manage('Order 1', 'Mute notifications')
  await expect(ana.row('Order 1')).toHaveAccessibleName(/notifications are off/)
  await ana.manage('Order 2', 'Archive')
  await expect(rows).toHaveText([/Order 1/])

  await ana.page.reload()
  await expect(rows).toHaveText([/Order 1/])
  await expect(ana.row('Order 1')).toHaveAccessibleName(/pinned, notifications are off/)
  await ana.page.getByRole('tab', { name: 'Archive' }).click()
  await ana.choose('Order 2')
  await expect(ana.page.getByText('This chat is in your archive')).toBeVisible()
  await ana.page.getByRole('button', { name: 'Take out of the archive' }).click()
  await expect(ana.page.getByText('This chat is in your archive')).toHaveCount(0)
  await expect(ana.page.getByText('The archive is empty')).toBeVisible()
  await ana.page.getByRole('tab', { name: 'My chats' }).click()
  await expect(rows).toHaveText([/Order 1/, /Order 2/])
  await ana.manage('Order 1', 'Unmute notifications')
  await ana.manage('Order 1', 'Unpin')
  await expect(ana.row('Order 1')).not.toHaveAccessibleName(/pinned|notifications/)
  await expect(rows).toHaveText([/Order 2/, /Order 1/])
})

test('a search among the chats finds by title, says how many there are, and Escape ends it', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  for (const title of ['Chairs for the hall', 'Tables', 'Стулья']) await office.dialog(title, [anaId, boId])
  const ana = await office.person(anaId)
  const rows = ana.list.getByRole('option')
  await expect(rows).toHaveCount(3)
  const field = ana.page.getByRole('searchbox', { name: 'Search chats' })
  const told = (text: string) => ana.page.locator('[aria-live=polite]').filter({ hasText: text })

  await field.fill('chair')
  await expect(rows).toHaveText([/Chairs for the hall/])
  await expect(told('1 chat found')).toHaveCount(1)
  await field.fill('стул')
  await expect(rows).toHaveText([/Стулья/])
  await field.fill('no such thing')
  await expect(ana.page.getByText('Try other words.')).toBeVisible()
  await expect(told('Nothing found')).toHaveCount(1)
  await field.press('Escape')
  await expect(field).toHaveValue('')
  await expect(rows).toHaveCount(3)
  await field.fill('Tables')
  await expect(rows).toHaveCount(1)
  await field.press('ArrowDown')
  await ana.page.keyboard.press('Enter')
  await expect(ana.page.getByRole('heading', { name: 'Tables' })).toBeVisible()
})

test('what is unread is told in every tab, and read in all of them at once', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const other = await office.dialog('Order 2', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: other.id } })
  const second = await ana.tab()
  await expect(second.row('Order 1')).toBeVisible()

  await office.say(boId, id, 'one')
  await office.say(boId, id, 'two')
  await expect(ana.row('Order 1')).toHaveAccessibleName(/2 unread messages/)
  await expect(second.row('Order 1')).toHaveAccessibleName(/2 unread messages/)
  await second.choose('Order 1')
  await expect(second.message('two')).toBeVisible()

  await expect(ana.row('Order 1')).not.toHaveAccessibleName(/unread/)
  await expect(second.row('Order 1')).not.toHaveAccessibleName(/unread/)
})

test('an object with several chats lets one choose in the title', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id, objectId } = await office.dialog('Delivery', [anaId, boId])
  await office.dialog('Payment', [anaId, boId], { objectId })
  await office.say(boId, id, 'on Friday')
  const ana = await office.person(anaId, { props: { mode: 'inline', objectType: 'order', objectId } })

  const title = ana.page.getByRole('heading', { level: 2 })
  await expect(title).toHaveText('Payment')
  await title.getByRole('button').click()
  await ana.page.getByRole('menuitem', { name: 'Delivery' }).click()
  await expect(title).toHaveText('Delivery')
  await expect(ana.message('on Friday')).toBeVisible()
  await title.getByRole('button').press('Enter')
  await ana.page.getByRole('menuitem', { name: 'Payment' }).press('Enter')
  await expect(title).toHaveText('Payment')
  await expect(ana.message('on Friday')).toHaveCount(0)
})

test('somebody whose department is written in Cyrillic finds the chat of the department, and joins it unnamed', async ({ office }) => {
  const [boId, cyId] = [aName('bo'), aName('cy')]
  const scopes = { scope_level0: ['Склад № 5'], scope_level1: [], scope_level2: [] }
  const { id } = await office.dialog('Order 1', [boId], { scopes })
  const bo = await office.person(boId, { props: { dialogId: id } })
  const cy = await office.person(cyId, { config: { token: tokenOf(cyId, 3600, scopes), scopeConfig: { scopeLevel0: ['Склад № 5'], scopeLevel1: [], scopeLevel2: [] }, userProfile: { displayName: 'Cy Okafor', company: 'Nordwind', email: 'cy@nordwind.example' } } })

  await cy.page.getByRole('tab', { name: 'Available' }).click()
  await cy.choose('Order 1')
  await cy.page.getByRole('button', { name: 'Join', exact: true }).click()
  const card = cy.page.getByRole('dialog', { name: 'Join the chat' })
  await card.getByRole('radio', { name: 'Anonymously' }).check()
  await expect(card.getByRole('textbox', { name: 'Name' })).toHaveCount(0)
  await card.getByRole('button', { name: 'Join', exact: true }).click()
  await cy.say('a question')

  await expect(bo.message('a question')).toContainText('Anonymous')
  await bo.page.getByRole('button', { name: '2 participants' }).click()
  await expect(bo.page.getByRole('complementary')).toContainText('Anonymous')
  await expect(bo.page.getByText(/Okafor|cy@nordwind/)).toHaveCount(0)
  const { scopes: header } = cy.gateway.asked.find(({ scopes }) => scopes)!
  expect(JSON.parse(Buffer.from(header!, 'base64').toString())).toEqual(scopes)
})
