import { aName, expect, test } from '../people'

test('five hundred messages: paging up finds the first, and a quote leads far back and home again', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const first = await office.say(boId, id, 'the very first')
  await office.talk(boId, id, Array.from({ length: 498 }, (_, n) => `message ${n}`))
  await office.say(boId, id, 'the last, about the first', { reply_to: first.id })
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const last = ana.message('the last, about the first')

  await ana.scroller.hover()
  await ana.page.mouse.wheel(0, 100_000)
  await expect(last).toBeInViewport()
  await last.getByText('the very first').click()
  const found = ana.message('the very first').filter({ hasNotText: 'the last' })
  await expect(found).toBeFocused()
  await expect(found).toBeInViewport()
  await expect(ana.message('message 2').first()).toBeVisible()
  await ana.page.getByRole('button', { name: 'Back to where I was' }).click()
  await expect(last).toBeInViewport()

  await expect.poll(async () => {
    await ana.message(/message|last/).last().focus()
    await ana.page.keyboard.press('Home')
    return found.count()
  }, { timeout: 20_000 }).toBe(1)
  await expect(ana.scroller.getByRole('listitem')).not.toHaveCount(0)
  expect(await ana.scroller.getByRole('listitem').count()).toBeLessThanOrEqual(60)
})

test('a deleted message leaves the page at once, also out of sight', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const secret = await office.say(boId, id, 'a secret of long ago')
  await office.talk(boId, id, Array.from({ length: 40 }, (_, n) => `message ${n}`))
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.transcript.getByRole('listitem').first()).toBeVisible()

  await office.unsay(boId, id, secret.id)
  await office.say(boId, id, 'done')

  await ana.scroller.hover()
  await expect.poll(async () => {
    await ana.page.mouse.wheel(0, 5_000)
    return ana.message('done').count()
  }).toBe(1)
  expect(await ana.page.content()).not.toContain('a secret of long ago')
})

test('who reads further up is not moved by news, and is told how many there are', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.talk(anaId, id, Array.from({ length: 59 }, (_, n) => `message ${n + 1}`))
  await office.say(anaId, id, 'message 60')
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.message('message 60')).toBeVisible()
  await ana.scroller.hover()
  await ana.page.mouse.wheel(0, -900)
  const news = ana.page.getByRole('button', { name: /newest message/ })
  await expect(news).toBeVisible()
  /** Where a row is, or else the first one well inside of the view. */
  const place = (key?: string) => ana.scroller.evaluate((view, key) => {
    const { top } = view.getBoundingClientRect()
    const rows = [...view.querySelectorAll<HTMLElement>('[data-key]')].map((row) => ({ key: row.dataset['key']!, y: row.getBoundingClientRect().top }))
    return rows.find((row) => (key ? row.key === key : row.y > top + 100)) ?? null
  }, key)
  let before = await place()
  await expect.poll(async () => {
    const was = before
    before = await place()
    return before?.key === was?.key && before?.y === was?.y
  }).toBe(true)

  for (let n = 1; n <= 3; n += 1) await office.say(boId, id, `news ${n}`)

  await expect(ana.page.getByRole('button', { name: '3 new messages' })).toBeVisible()
  expect(Math.abs((await place(before!.key))!.y - before!.y)).toBeLessThanOrEqual(1)
})

test('a search in the chat finds what was said long ago, shows it in its place, and leads back', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.say(boId, id, 'the <b>warehouse</b> opens at seven')
  await office.talk(anaId, id, Array.from({ length: 110 }, (_, n) => `message ${n}`))
  await office.say(anaId, id, 'is the warehouse open?')
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.message('is the warehouse open?')).toBeInViewport()
  const open = ana.page.getByRole('button', { name: 'Search in the chat' })
  const field = ana.page.getByRole('searchbox', { name: 'Search in messages' })
  const hits = ana.page.getByRole('region', { name: 'Search in messages' }).getByRole('listitem')

  await open.click()
  await expect(field).toBeFocused()
  await ana.page.keyboard.type('warehouse')
  await expect(hits).toHaveText([/is the warehouse open/, /Bo Lindqvist.*opens at seven/])
  await expect(hits.locator('mark')).toHaveText(['warehouse', 'warehouse'])
  await expect(ana.page.locator('[aria-live=polite]').filter({ hasText: '2 messages found' })).toHaveCount(1)
  await hits.nth(1).getByRole('button').click()
  const found = ana.message('opens at seven')
  await expect(found).toBeFocused()
  await expect(found).toBeInViewport({ ratio: 1 })

  await field.fill('no such word')
  await expect(ana.page.getByRole('region', { name: 'Search in messages' })).toContainText('Nothing found')
  await field.press('Escape')
  await expect(field).toHaveCount(0)
  await expect(open).toBeFocused()
  await ana.page.getByRole('button', { name: 'Back to where I was' }).click()
  await expect(ana.message('is the warehouse open?')).toBeInViewport()
})
