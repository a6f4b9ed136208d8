import { aName, expect, test } from '../people'

test('the keyboard alone finds a chat, reads, answers and comes back', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const first = await office.dialog('Order 1', [anaId, boId])
  await office.dialog('Order 2', [anaId, boId])
  await office.say(boId, first.id, 'Friday?')
  const ana = await office.person(anaId)
  await expect(ana.row('Order 1')).toBeVisible()
  const { keyboard } = ana.page

  await keyboard.press('Tab')
  await expect(ana.page.getByRole('searchbox', { name: 'Search chats' })).toBeFocused()
  await keyboard.press('Tab')
  await expect(ana.page.getByRole('tab', { name: /My chats/ })).toBeFocused()
  await keyboard.press('Tab')
  await expect(ana.list.getByRole('option').first()).toBeFocused()
  await keyboard.press('End')
  await keyboard.press('Home')
  await keyboard.type('Order 1')
  await expect(ana.row('Order 1')).toBeFocused()
  await keyboard.press('Enter')
  await expect(ana.composer).toBeFocused()

  await keyboard.press('Shift+Tab')
  for (const stop of [ana.message('Friday?')]) {
    await expect.poll(async () => {
      if (await stop.evaluate((row) => row === document.activeElement)) return true
      await keyboard.press('Shift+Tab')
      return false
    }).toBe(true)
  }
  await keyboard.press('ArrowUp')
  await keyboard.press('End')
  await expect(ana.message('Friday?')).toBeFocused()
  await keyboard.press('r')
  await expect(ana.composer).toBeFocused()
  await keyboard.type('Yes, Friday')
  await keyboard.press('Enter')
  await expect(ana.message('Yes, Friday')).toContainText('Friday?')

  await keyboard.press('F6')
  await expect(ana.page.getByRole('navigation', { name: 'Chats' }).locator(':focus')).toHaveCount(1)
  await keyboard.press('Shift+F6')
  await expect(ana.page.getByRole('region', { name: 'Chat', exact: true }).locator(':focus')).toHaveCount(1)
  await keyboard.press('ControlOrMeta+k')
  await expect(ana.page.getByRole('searchbox', { name: 'Search chats' })).toBeFocused()
})

test('an arrow up in an empty field edits the last own message, Escape gives the field back', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  await ana.say('to be changed')
  await expect(ana.message('to be changed')).toHaveAccessibleName(/, sent/)

  await ana.composer.press('ArrowUp')
  await expect(ana.composer).toContainText('to be changed')
  await ana.page.keyboard.press('Escape')

  await expect(ana.composer).toHaveText('')
  await expect(ana.composer).toBeFocused()
})

test('a phone of 320 pixels: list, chat and info one after the other, and back to the same row', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  for (let n = 1; n <= 3; n += 1) await office.dialog(`Order ${n}`, [anaId, boId])
  const ana = await office.person(anaId, { browser: { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true } })

  await ana.row('Order 2').tap()
  await expect(ana.composer).toBeVisible()
  await expect(ana.list).toBeHidden()
  await ana.picture('phone')
  await ana.composer.tap()
  await ana.page.keyboard.type('from a phone')
  await ana.send.tap()
  await expect(ana.message('from a phone')).toBeVisible()
  await ana.page.getByRole('button', { name: 'About the chat' }).tap()
  await expect(ana.page.getByRole('complementary', { name: 'About the chat' })).toBeVisible()
  await ana.page.getByRole('complementary').getByRole('button', { name: /Back|Close/ }).first().tap()
  await ana.page.getByRole('button', { name: 'Back' }).first().tap()

  await expect(ana.row('Order 2')).toBeVisible()
  expect(await ana.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
})

test('right to left: the list is on the right, and nothing sticks out', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('طلب 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id, dir: 'rtl' } })
  await ana.say('مرحبا')

  const list = await ana.page.getByRole('navigation', { name: 'Chats' }).boundingBox()
  const chat = await ana.page.getByRole('region', { name: 'Chat', exact: true }).boundingBox()
  expect(list!.x).toBeGreaterThan(chat!.x)
  expect(await ana.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
  await ana.picture('right-to-left')
})

test('a host page with styles for everything and shortcuts of one letter does no harm to the element', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { build: 'element', isHostile: true, props: { dialogId: id } })

  await ana.say('typed beside the shortcuts')
  await expect(ana.send).toBeVisible()
  await expect(ana.send).toHaveCSS('border-top-style', 'none')
  await expect(ana.page.locator('.mtchat')).not.toHaveCSS('color', 'rgb(255, 0, 255)')
  await expect(ana.message('typed beside')).not.toHaveCSS('text-transform', 'uppercase')
  expect(await ana.page.evaluate(() => (window as unknown as { hostHeard: string[] }).hostHeard)).toEqual([])
  await ana.picture('hostile')
})

test('outside of the chat the host keeps its keys, Ctrl+K too, and of those inside it hears none', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { isHostile: false })
  await expect(ana.row('Order 1')).toBeVisible()
  await ana.page.evaluate(() => {
    const heard: [string, boolean][] = []
    Object.assign(window, { heard })
    document.addEventListener('keydown', (event) => heard.push([event.key, event.defaultPrevented]))
    const field = document.createElement('input')
    document.getElementById('other')!.append(field)
    field.focus()
  })

  await ana.page.keyboard.press('Control+k')
  await ana.page.keyboard.press('F6')
  await ana.page.keyboard.press('?')

  expect(await ana.page.evaluate(() => (window as unknown as { heard: unknown[] }).heard)).toEqual([['Control', false], ['k', false], ['F6', false], ['?', false]])
  await ana.choose('Order 1')
  await ana.say('a word')
  await ana.message('a word').press('ArrowUp')
  expect(await ana.page.evaluate(() => (window as unknown as { heard: unknown[] }).heard)).toHaveLength(4)
})

test('two elements on one page talk on their own, and moving one keeps what is written in it', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { build: 'element', count: 2, props: { dialogId: id, mode: 'full' } })
  const chats = ana.page.locator('mt-chat')
  const field = (n: number) => chats.nth(n).locator('[contenteditable=true]')
  const rows = (n: number) => chats.nth(n).getByRole('listitem').filter({ hasText: 'to both' })

  await field(0).click()
  await ana.page.keyboard.type('to both')
  await ana.page.keyboard.press('Enter')
  await expect(rows(0)).toHaveCount(1)
  await expect(rows(1)).toHaveCount(1)
  await field(1).click()
  await ana.page.keyboard.type('being written')
  await ana.page.evaluate(() => document.getElementById('other')!.append(document.querySelectorAll('mt-chat')[1]!))

  await expect(ana.page.locator('#other mt-chat [contenteditable=true]')).toContainText('being written')
  await expect(ana.page.locator('#other mt-chat').getByRole('listitem').filter({ hasText: 'to both' })).toHaveCount(1)
  await ana.page.evaluate(() => document.querySelectorAll('mt-chat').forEach((chat) => chat.remove()))
  await expect.poll(() => ana.gateway.openSockets).toBe(0)
})

test('later parts of the one script come from where its tag says', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { build: 'element', address: '/long?messages=1' })
  const parts: string[] = []
  await ana.context.addInitScript(() => {
    // The script is deferred: it finds what the page's author would have written.
    new MutationObserver(() => document.querySelector('script[src^="/sdk/mt-chat"]')?.setAttribute('data-base', '/parts/')).observe(document, { childList: true, subtree: true })
  })
  await ana.page.route(/\/parts\//, async (route) => {
    const url = route.request().url()
    parts.push(url.replace(/.*\//, ''))
    await route.fulfill({ response: await route.fetch({ url: url.replace('/parts/', '/sdk/') }) })
  })
  await ana.page.goto(ana.address({ build: 'element', props: { dialogId: id } }))

  await ana.say('from elsewhere')
  expect(parts).toEqual(expect.arrayContaining([expect.stringMatching(/^en-/), expect.stringMatching(/^rich-/)]))
  const others = ana.gateway.asked.map(({ path }) => path).filter((path) => /^\/sdk\/(?!mt-chat\.js)/.test(path))
  for (const path of others) expect(parts).toContain(path.replace('/sdk/', ''))
})

test('an object without a chat says so, and offers no way to nowhere', async ({ office }) => {
  const anaId = aName('ana')
  const ana = await office.person(anaId, { props: { mode: 'inline', objectType: 'order', objectId: 'none' }, browser: { viewport: { width: 340, height: 500 } } })

  await expect(ana.page.getByText('There is no chat here yet')).toBeVisible()
  await expect(ana.page.getByRole('button', { name: 'Back' })).toHaveCount(0)
})

test('a chat without the rich editor is a chat: its part cannot be loaded', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { excused: [/Failed to load resource|net::ERR_/] })
  await ana.context.route(/\/pages\/rich-.*\.js/, (route) => route.abort())
  await ana.page.goto(ana.address({ props: { dialogId: id } }))

  const plain = ana.page.locator('textarea:not([readonly])')
  await plain.click()
  await ana.page.keyboard.type('plain words')
  await ana.page.keyboard.press('Enter')

  await expect(ana.message('plain words')).toHaveAccessibleName(/, sent/)
  await expect(plain).toHaveValue('')
})

test('ending a chat leaves nothing behind: no socket, no listener, no timer', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId)
  await ana.context.addInitScript(() => {
    const alive = new Map<string, number>()
    Object.assign(window, { alive })
    for (const [name, target] of [['window', window], ['document', document]] as const) {
      const { addEventListener: add, removeEventListener: remove } = target
      const count = (type: string, by: number) => alive.set(`${name} ${type}`, (alive.get(`${name} ${type}`) ?? 0) + by)
      target.addEventListener = (...all: Parameters<typeof add>) => (count(all[0], 1), add.apply(target, all))
      target.removeEventListener = (...all: Parameters<typeof remove>) => (count(all[0], -1), remove.apply(target, all))
    }
  })
  await ana.page.goto(ana.address({ props: { dialogId: id } }))
  await ana.say('hello')

  await ana.page.evaluate(() => (window as unknown as { host: { app: { unmount(): void } } }).host.app.unmount())

  await expect.poll(() => ana.gateway.openSockets).toBe(0)
  const left = await ana.page.evaluate(() => [...(window as unknown as { alive: Map<string, number> }).alive].filter(([, count]) => count > 0))
  expect(left).toEqual([])
})
