/** The examples of the guide, as they are written: https://shop.example.com shows a chat of https://chat.example.com. */
import type { Page } from '@playwright/test'
import { test as base, expect, type Office } from '../people'
import { ask } from '../server/service'
import { bundleOf, django, example, filesOf, printedTag, type Shop } from './shop'
import { Town } from './town'

interface Visit {
  /** Opens a page of the shop's. */
  (shop: Shop, path: string): Promise<Page>
  /** What the browser complains about, and what it reports against the policy. */
  complaints: string[]
}

const test = base.extend<{ visit: Visit }>({
  visit: async ({ browser, contextOptions }, use) => {
    const town = await Town.open()
    const context = await browser.newContext({ ...contextOptions, proxy: { server: town.proxy }, ignoreHTTPSErrors: true })
    const shops: Shop[] = []
    const complaints: string[] = []
    const strangers: string[] = []
    const isInTown = (url: string) => /^(https|wss):\/\/(shop|chat)\.example\.com\/|^(blob|data):/.test(url)
    context.on('request', (request) => void (isInTown(request.url()) || strangers.push(request.url())))
    await context.exposeFunction('complain', (what: string) => complaints.push(what))
    await context.addInitScript(() =>
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        (window as unknown as { complain(what: string): void }).complain(`policy: ${violatedDirective} ${blockedURI}`),
      ),
    )
    const visit: Visit = Object.assign(
      async (shop: Shop, path: string) => {
        shops.push(shop)
        town.settle('shop.example.com', shop.port)
        const page = await context.newPage()
        page.on('websocket', (socket) => void (isInTown(socket.url()) || strangers.push(socket.url())))
        page.on('pageerror', (error) => complaints.push(`error: ${error.stack ?? error.message}`))
        page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
        await page.goto(`https://shop.example.com/${path}`)
        return page
      },
      { complaints },
    )
    await use(visit)
    expect.soft(complaints, 'what the browser complained about').toEqual([])
    expect.soft(strangers, 'who else was asked').toEqual([])
    await context.close()
    await Promise.all(shops.map((shop) => shop.close()))
    await town.close()
  },
})

/** Ana writes, bo reads it elsewhere and answers, ana reads the answer. */
async function talk(page: Page, office: Office, objectId: string): Promise<void> {
  const text = `Is it on its way? ${crypto.randomUUID()}`
  const rows = page.getByRole('list', { name: 'Messages' }).getByRole('listitem')
  await page.getByRole('textbox', { name: 'Message', exact: true }).and(page.locator('[contenteditable=true]')).click()
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
  await expect(rows.filter({ hasText: text })).toHaveAccessibleName(/, sent/)
  let found: string | undefined
  await expect.poll(async () => {
    for (const { id } of await ask<{ id: string }[]>('GET', `/dialogs/by-object/order/${objectId}/list`, { user: 'bo' })) {
      const { messages } = await ask<{ messages: { content: string }[] }>('GET', `/dialogs/${id}/messages`, { user: 'bo' })
      if (messages.some(({ content }) => content.includes(text))) found = id
    }
    return found
  }, 'what bo reads').toBeDefined()
  const answer = `Since noon ${crypto.randomUUID()}`
  await office.say('bo', found!, answer)
  await expect(rows.filter({ hasText: answer })).toBeVisible()
}

test('plain HTML: two lines put a chat of another origin into a page, and the page hears of it', async ({ office, visit }) => {
  await office.dialog('Forty chairs', ['ana', 'bo'], { objectId: '4711' })
  const shop = await filesOf({ 'order.html': example('plain.html'), 'shop.css': example('shop.css'), 'shop.js': example('shop.js') })

  const page = await visit(shop, 'order.html')

  await talk(page, office, '4711')
  await expect(page.locator('#last-said')).toHaveText(/^Last said at \d/)
  await expect(page.locator('mt-chat')).toHaveCSS('block-size', '600px')
})

test('the tag that is printed loads, and one with another hash is refused', async ({ visit }) => {
  const tag = printedTag()
  const paste = (pasted: string) => example('plain.html').replace(/<script src="https:.*<\/script>/, pasted)
  const wrong = tag.replace(/integrity="sha384-./, (start) => start.slice(0, -1) + (start.endsWith('A') ? 'B' : 'A'))
  const isThere = () => Boolean(customElements.get('mt-chat'))
  const shop = await filesOf({ 'good.html': paste(tag), 'bad.html': paste(wrong), 'shop.css': example('shop.css'), 'shop.js': example('shop.js') })

  const good = await visit(shop, 'good.html')
  await expect(good.locator('mt-chat script, mt-chat .mtchat')).not.toHaveCount(0)
  expect(await good.evaluate(isThere)).toBe(true)
  const bad = await visit(shop, 'bad.html')

  expect(await bad.evaluate(isThere)).toBe(false)
  await expect.poll(() => visit.complaints.splice(0)).toEqual([expect.stringMatching(/integrity/)])
})

test('Django: under a policy that allows nothing inline, with tokens for whoever is logged in', async ({ office, visit }, info) => {
  const order = crypto.randomUUID()
  const shop = await django(info.outputPath(), order)
  const page = await visit(shop, 'enter')
  const ana = await page.locator('body').innerText()
  await office.dialog('Forty chairs', [ana, 'bo'], { objectId: order })

  const answer = await page.goto(`https://shop.example.com/orders/${order}`)
  const heard = page.evaluate(() => new Promise((done) => document.querySelector('mt-chat')!.addEventListener('message-sent', (event) => done((event as CustomEvent<{ content: string }>).detail.content))))
  await talk(page, office, order)

  expect(await heard).toContain('Is it on its way?')
  expect(answer!.headers()['content-security-policy']).toContain("default-src 'none'; script-src 'self' https://chat.example.com; style-src 'self';")
  const stranger = await fetch(`http://127.0.0.1:${shop.port}/chat-token`, { headers: { Host: 'shop.example.com' }, redirect: 'manual' })
  expect(stranger.status).toBe(401)
})

for (const [name, entry] of [['React 19', 'react.jsx'], ['Vue', 'vue.ts']] as const) {
  test(`${name}: a component of the application's shows the chat, and hears of it`, async ({ office, visit }, info) => {
    const { objectId } = await office.dialog('Forty chairs')

    const page = await visit(await bundleOf(entry, info.outputPath('dist')), `order.html?order=${objectId}`)

    await talk(page, office, objectId)
    await expect(page.locator('#last-said')).toHaveText(/^Last said at \d/)
  })
}
