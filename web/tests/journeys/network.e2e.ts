import { aName, expect, test } from '../people'
import { tokenOf } from '../server/service'

test('nothing is lost and nothing doubled when the network is cut', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await ana.say('before the cut')

  ana.gateway.break({ kind: 'cut' })
  for (const n of [1, 2, 3]) await ana.say(`meanwhile ${n}`)
  await office.say(boId, id, 'what ana missed')
  await expect(ana.page.getByText(/Connection lost/).first()).toBeVisible()
  ana.gateway.mend()

  await expect(bo.message('meanwhile 3')).toBeVisible()
  await expect(bo.message('meanwhile')).toHaveText([/meanwhile 1/, /meanwhile 2/, /meanwhile 3/])
  await expect(ana.message('what ana missed')).toHaveCount(1)
  await expect(ana.message('meanwhile')).toHaveCount(3)
  await expect(ana.page.getByText(/Connection lost/)).toHaveCount(0)
})

test('what was not sent outlives a reload', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  ana.gateway.break({ kind: 'status', status: 503, on: /^POST .*\/messages/ })
  await ana.say('kept over the reload')
  await ana.page.reload()
  await expect(ana.message('kept over the reload')).toHaveAccessibleName(/not sent|sending/)
  ana.gateway.mend()

  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(bo.message('kept over the reload')).toHaveCount(1)
  await expect(ana.message('kept over the reload')).toHaveCount(1)
})

test('an answer that never came does not send the message twice', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  ana.gateway.break({ kind: 'no-answer', on: /^POST .*\/messages/ })
  await ana.say('only once')
  await expect(bo.message('only once')).toBeVisible()
  const sent = () => ana.gateway.asked.filter(({ method, path }) => method === 'POST' && path.includes('/messages'))
  await expect.poll(() => sent().length).toBeGreaterThan(1)
  ana.gateway.mend()

  await expect(ana.message('only once')).toHaveAccessibleName(/, sent|read by/)
  expect(new Set(sent().map(({ key }) => key)).size).toBe(1)
  await ana.say('and the next')
  await expect(bo.message('and the next')).toBeVisible()
  await expect(bo.message('only once')).toHaveCount(1)
})

test('what is refused for good says why, and its text can be had back', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  ana.gateway.break({ kind: 'status', status: 400, on: /^POST .*\/messages/ })
  await ana.say('not to the taste of the server')
  const failed = ana.message('not to the taste')
  await expect(failed).toContainText('Refused')
  ana.gateway.mend()
  await failed.getByRole('button', { name: 'Edit' }).click()

  await expect(ana.composer).toContainText('not to the taste')
  await ana.composer.press('Enter')
  await expect(ana.message('not to the taste')).toHaveAccessibleName(/, sent/)
})

test('who is too fast sees how long to wait, and is served', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()

  ana.gateway.break({ kind: 'status', status: 429, on: /^POST .*\/messages/, headers: { 'Retry-After': '3' } })
  await ana.say('a little later')
  const row = ana.message('a little later')
  await expect(row).toContainText('Too many requests. Next try in 3 seconds.')
  ana.gateway.mend()
  await expect(row).toContainText(/Next try in [12] seconds?\./)

  await expect(row).toHaveAccessibleName(/, sent/)
  await expect(row).not.toContainText('Next try')
  expect(ana.gateway.asked.filter(({ method, path }) => method === 'POST' && path.includes('/messages')).map(({ status }) => status)).toEqual([429, 200])
})

test('whatever stands between, what was said arrives once and in order: a server in trouble, one that is slow, a refusal', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()
  const sending = /^POST .*\/messages/

  ana.gateway.break({ kind: 'status', status: 500, on: sending })
  await ana.say('a server in trouble')
  await expect(ana.message('a server in trouble')).toContainText('not sent, retrying')
  ana.gateway.mend()
  await expect(ana.message('a server in trouble')).toHaveAccessibleName(/, (sent|read by)/)

  ana.gateway.break({ kind: 'delay', ms: 1_500, on: sending })
  await ana.say('slow one')
  await ana.say('slow two')
  await expect(ana.message('slow one')).toHaveAccessibleName(/, sending/)
  await expect(bo.message('slow two')).toBeVisible()
  ana.gateway.mend()

  ana.gateway.break({ kind: 'status', status: 403, on: sending })
  await ana.say('a refusal')
  await expect(ana.message('a refusal')).toContainText('Refused: You may not do this')
  await expect(ana.message('a refusal').getByRole('button', { name: 'Retry' })).toHaveCount(0)
  ana.gateway.mend()
  await ana.message('a refusal').getByRole('button', { name: 'Delete' }).click()
  await expect(ana.message('a refusal')).toHaveCount(0)

  await ana.say('the last')
  await expect(bo.message('the last')).toBeVisible()
  await expect(bo.message(/trouble|slow|refusal|last/)).toHaveText([/in trouble/, /slow one/, /slow two/, /the last/])
})

test('after a sleep the connection is back at once, with what was said meanwhile', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id }, config: { reconnectInterval: 60_000, heartbeatInterval: 3_600_000 }, hasClock: true })
  await ana.waitLong()
  await ana.say('good night')
  await expect(ana.message('good night')).toHaveAccessibleName(/, sent/)

  ana.gateway.break({ kind: 'cut' })
  await expect(ana.page.getByText(/Next try in 2\d seconds/)).toBeVisible()
  await office.say(boId, id, 'said in the night')
  ana.gateway.mend()
  await ana.page.clock.fastForward(15_000)

  await expect(ana.message('said in the night')).toBeVisible()
  await expect(ana.page.getByText(/Connection lost/)).toHaveCount(0)
})

test('a tab that is closed leaves its messages to the other one', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()
  const second = await ana.tab()
  await expect(second.composer).toBeVisible()

  ana.gateway.break({ kind: 'status', status: 503, on: /^POST .*\/messages/ })
  await ana.say('for somebody to send')
  await expect(second.message('for somebody to send')).toHaveCount(1)
  await ana.page.close()
  ana.gateway.mend()

  await expect(second.message('for somebody to send')).toHaveAccessibleName(/, sent/)
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(bo.message('for somebody to send')).toHaveCount(1)
})

test('a load that failed offers it again, and paging is not given up', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const words = 'a message of some length, so that a page of them is higher than the window. '.repeat(3)
  await office.say(anaId, id, `m1. ${words}`)
  await office.talk(anaId, id, Array.from({ length: 119 }, (_, n) => `m${n + 2}. ${words}`))
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await expect(ana.message(/m\d+\./).first()).toBeVisible()

  ana.gateway.break({ kind: 'status', status: 500, on: /messages\?.*before=/ })
  await ana.scroller.focus().catch(() => undefined)
  await ana.message(/m\d+\./).first().focus()
  await ana.page.keyboard.press('Home')
  const again = ana.scroller.getByRole('button', { name: 'Retry' })
  await expect(again).toBeVisible()
  ana.gateway.mend()
  await again.click()
  await expect(again).toHaveCount(0)
  await expect.poll(async () => {
    await ana.page.keyboard.press('Home')
    return ana.message('m1.').count()
  }).toBe(1)
})

test('a token that has run out is renewed unnoticed', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id }, config: { token: tokenOf(anaId, -60) }, excused: [/status of 401|Unexpected response code: 401|failed: HTTP Authentication/] })

  await ana.say('still here')

  await expect(ana.message('still here')).toHaveAccessibleName(/, sent/)
  expect(ana.gateway.tokensGiven).toBe(1)
})

test('when no token helps, the person is told once, and what is being written stays', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id }, config: { token: tokenOf(anaId) } })
  await ana.write('half')

  ana.gateway.break({ kind: 'status', status: 401 })
  await ana.page.keyboard.type(' and half')
  await ana.page.keyboard.press('Enter')

  await expect(ana.page.getByText(/session has ended/).first()).toBeVisible()
  await expect(ana.message('half and half')).toBeVisible()
  await ana.write('and more')
  await expect(ana.composer).toHaveText('and more')
  // One try, no loop.
  expect(ana.gateway.tokensGiven).toBe(1)
})

test('who was taken out sees a notice, and gets the text that was not sent', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  ana.excuse(/status of 40[34]/)
  await ana.write('my unsent words')

  await office.remove(id, anaId)

  await expect(ana.page.getByText('You do not take part in this chat any more').first()).toBeVisible()
  await expect(ana.composer).toHaveCount(0)
  await expect(ana.page.getByRole('textbox', { name: 'Your unsent text' })).toHaveValue('my unsent words')
})

test('without a socket one is told and goes on writing, and a press connects again at once', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id }, config: { reconnectInterval: 60_000 } })
  await ana.waitLong()
  const bo = await office.person(boId, { props: { dialogId: id } })
  await expect(ana.composer).toBeVisible()
  const banner = ana.page.locator('.mtchat-banner')

  ana.gateway.break({ kind: 'status', status: 503, on: /\/ws\?/ })
  ana.gateway.drop()
  await expect(banner).toContainText(/Connection lost. Next try in \d+ seconds?\./)
  await ana.say('still by the other way')
  await expect(bo.message('still by the other way')).toBeVisible()
  await bo.say('unheard for now')
  ana.gateway.mend()
  await banner.getByRole('button', { name: 'Connect now' }).click()

  await expect(banner).toHaveCount(0)
  await expect(ana.message('unheard for now')).toHaveCount(1)
})

test('a chat the host deletes is closed while it is open, and gives back what was being written', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id, objectId } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id }, excused: [/status of 404/] })
  const bo = await office.person(boId, { props: { mode: 'inline', objectType: 'order', objectId }, excused: [/status of 404/] })
  for (const one of [ana, bo]) await one.write('my unsent words')

  await office.delete(id)

  for (const one of [ana, bo]) {
    await expect(one.page.getByText('This chat was deleted').first()).toBeVisible()
    await expect(one.composer).toHaveCount(0)
    await expect(one.page.getByRole('textbox', { name: 'Your unsent text' })).toHaveValue('my unsent words')
  }
  await expect(ana.row('Order 1')).toHaveCount(0)
})
