import { aName, expect, test } from '../people'

test('what a page puts into the slots of the element is shown, and works', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { build: 'element' })
  // A socket that is taken away while it opens is complained about.
  await expect.poll(() => ana.page.locator('mt-chat').evaluate((chat) => (chat as unknown as { isOnline: boolean }).isOnline)).toBe(true)
  await ana.page.evaluate((dialogId) => {
    const [old, chat] = [document.querySelector('mt-chat')!, document.createElement('mt-chat')]
    Object.assign(chat, { config: (old as unknown as { config: object }).config, dialogId })
    for (const [slot, text] of [['sidebar-action', 'New order'], ['header-menu-actions', 'Print it']] as const) {
      const button = Object.assign(document.createElement('button'), { slot, textContent: text })
      button.addEventListener('click', () => (document.title += ` ${text}.`))
      chat.append(button)
    }
    document.title = ''
    old.replaceWith(chat)
  }, id)

  await ana.page.getByRole('button', { name: 'New order' }).click()
  await ana.page.getByRole('button', { name: 'Menu', exact: true }).click()
  await ana.page.getByRole('button', { name: 'Print it' }).click()

  await expect(ana.page).toHaveTitle('New order. Print it.')
})

test('the element tells which chat is chosen and which object is asked for, and stops there', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { build: 'element', props: { interceptObjectNavigation: true } })
  await ana.page.evaluate(() => {
    const heard: unknown[] = []
    Object.assign(window, { heard })
    const chat = document.querySelector('mt-chat')!
    chat.addEventListener('dialog-selected', (event) => heard.push([event.type, (event as CustomEvent).detail.id]))
    chat.addEventListener('object-navigate', (event) => heard.push([event.type, (event as CustomEvent).detail.dialog.id]))
    for (const name of ['dialog-selected', 'object-navigate']) document.addEventListener(name, () => heard.push('outside'))
  })

  await ana.choose('Order 1')
  await ana.page.getByRole('button', { name: 'Open order' }).click()

  expect(await ana.page.evaluate(() => (window as unknown as { heard: unknown[] }).heard)).toEqual([['dialog-selected', id], ['object-navigate', id]])
  expect(new URL(ana.page.url()).pathname).toBe('/element')
})
