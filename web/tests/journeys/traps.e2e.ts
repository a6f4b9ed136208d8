import { aName, expect, test } from '../people'

test('a read mark goes as far as one has looked, not further', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const sent: string[] = []
  for (let n = 1; n <= 40; n += 1) sent.push((await office.say(anaId, id, `message ${n}`)).id)
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(bo.transcript.getByText('New messages')).toBeInViewport()

  await expect.poll(() => office.readMark(id, boId)).not.toBeNull()
  const mark = await office.readMark(id, boId)
  expect(sent.indexOf(mark!)).toBeGreaterThanOrEqual(0)
  expect(sent.indexOf(mark!)).toBeLessThan(39)
  await expect(bo.row('Order 1')).toHaveAccessibleName(/unread/)

  await bo.page.getByRole('button', { name: /newest message|new message/ }).click()
  await expect.poll(() => office.readMark(id, boId)).toBe(sent[39])
})

test('in a tab nobody looks at nothing is read, and all of it once somebody does', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(bo.composer).toBeVisible()
  const look = (state: string) => bo.page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event(state === 'visible' ? 'focus' : 'blur'))
  }, state)
  await bo.page.clock.install()
  await look('hidden')

  const { id: news } = await office.say(anaId, id, 'unseen news')
  await expect(bo.message('unseen news')).toBeVisible()
  const marks: string[] = []
  bo.page.on('request', (request) => void (/\/read(\?|$)/.test(request.url()) && marks.push(request.url())))
  await bo.page.clock.runFor(5_000)
  // What the page has asked for until now is known when this comes back.
  await bo.page.evaluate(() => fetch('/health/ready').then(({ ok }) => ok))
  expect(marks).toEqual([])

  await look('visible')
  await bo.page.clock.runFor(5_000)
  await expect.poll(() => office.readMark(id, boId)).toBe(news)
})

test('news are told once to who cannot see them, and the list of messages is no live region', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  await office.say(boId, id, 'are you there?')

  await expect(ana.page.locator('[aria-live=polite]').filter({ hasText: 'Bo Lindqvist: are you there?' })).toHaveCount(1)
  const live = '[aria-live]:not([aria-live=off]),[role=log],[role=status],[role=alert]'
  await expect(ana.page.locator('.mtchat-transcript__scroller').locator(live)).toHaveCount(0)
  expect(await ana.scroller.evaluate((view, live) => view.closest(live) === null, live)).toBe(true)
})

test('one participant is one participant in Russian too', async ({ office }) => {
  const anaId = aName('ana')
  const { id } = await office.dialog('Заказ 1', [anaId])
  const ana = await office.person(anaId, { props: { dialogId: id }, config: { locale: 'ru' } })

  await expect(ana.page.getByRole('button', { name: '1 участник', exact: true })).toBeVisible()
})

test('who may not read is told so by the code of the answer, whatever its words', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.say(boId, id, 'not for ana any more')
  const ana = await office.person(anaId)
  await expect(ana.row('Order 1')).toBeVisible()

  ana.gateway.break({ kind: 'status', status: 403, on: /GET .*\/messages/ })
  await ana.row('Order 1').click()

  await expect(ana.page.getByText(/You do not take part in this chat any more|not open to you/).first()).toBeVisible()
  await expect(ana.composer).toHaveCount(0)
})

test('quotes and files are there at once for who has the chat open', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const question = await office.say(anaId, id, 'Friday?')
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.message('Friday?')).toBeVisible()

  await office.say(boId, id, 'Fine', { reply_to: question.id })

  await expect(ana.message('Fine')).toContainText('Friday?')
})
