import { aName, expect, test } from '../people'

test('five hundred messages: paging up finds the first, and a quote leads far back and home again', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const first = await office.say(boId, id, 'the very first')
  for (let n = 2; n < 500; n += 1) await office.say(boId, id, `message ${n}`)
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
  await expect(ana.message('message 3').first()).toBeVisible()
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
  for (let n = 1; n <= 40; n += 1) await office.say(boId, id, `message ${n}`)
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
  for (let n = 1; n <= 60; n += 1) await office.say(anaId, id, `message ${n}`)
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.message('message 60')).toBeVisible()
  await ana.scroller.hover()
  await ana.page.mouse.wheel(0, -900)
  const news = ana.page.getByRole('button', { name: /newest message/ })
  await expect(news).toBeVisible()
  const reference = ana.message(/message \d+/).nth(6)
  const text = await reference.textContent()
  const before = await reference.boundingBox()

  for (let n = 1; n <= 3; n += 1) await office.say(boId, id, `news ${n}`)

  await expect(ana.page.getByRole('button', { name: '3 new messages' })).toBeVisible()
  const after = await ana.transcript.getByRole('listitem').filter({ hasText: text! }).first().boundingBox()
  expect(Math.abs(after!.y - before!.y)).toBeLessThanOrEqual(1)
})
