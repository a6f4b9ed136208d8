import { aName, expect, test } from '../people'
import { tokenOf } from '../server/service'

/** What browsers say of an answer that is 401. */
const REFUSED = /status of 401|Unexpected response code: 401|failed: HTTP Authentication/

test('a token that runs out in the middle of it is asked for once, and the talk goes on', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id }, config: { token: tokenOf(anaId, 1800) } })
  const bo = await office.person(boId, { props: { dialogId: id } })
  await ana.say('before')
  await expect(bo.message('before')).toBeVisible()

  ana.gateway.refuseTokensSoFar()
  ana.gateway.drop()
  await ana.say('one')
  await ana.say('two')
  await expect(bo.message('two')).toBeVisible()
  await bo.say('three')

  await expect(ana.message('three')).toBeVisible()
  await expect(bo.message(/^.*(one|two)/)).toHaveCount(2)
  expect(ana.gateway.tokensGiven).toBe(1)
})

test('without a way to another token the session ends aloud, and one from the host lets everything go on', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { build: 'element', props: { dialogId: id }, config: { token: tokenOf(anaId) }, hasNoTokens: true, excused: [REFUSED] })
  const bo = await office.person(boId, { props: { dialogId: id } })
  const told = () => ana.page.evaluate(() => (window as unknown as { hostTold: string[] }).hostTold)
  await ana.write('half')

  ana.gateway.refuseTokensSoFar()
  ana.gateway.drop()
  const ended = ana.page.locator('.mtchat-banner', { hasText: 'The session has ended' })
  await expect(ended).toBeVisible()
  await expect(ana.composer).toHaveText('half')
  await ana.page.keyboard.type(' and half')
  await ana.page.keyboard.press('Enter')
  await expect(ana.message('half and half')).toBeVisible()
  expect((await told()).filter((line) => line.startsWith('onAuthError'))).toEqual(['onAuthError UNAUTHORIZED'])

  const token = tokenOf(anaId, 3700)
  await ana.page.evaluate((token) => Object.assign(document.querySelector('mt-chat')!, { token }), token)
  await expect(ended).toHaveCount(0)
  await expect(bo.message('half and half')).toHaveCount(1)
  await bo.say('welcome back')
  await expect(ana.message('welcome back')).toBeVisible()
})
