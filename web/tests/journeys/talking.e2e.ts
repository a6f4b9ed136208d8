import { aName, expect, test } from '../people'

for (const build of ['vue', 'element'] as const) {
  test(`two people send, answer, edit and delete (${build})`, async ({ office }) => {
    const [anaId, boId] = [aName('ana'), aName('bo')]
    const { id } = await office.dialog('Order 1', [anaId, boId])
    const ana = await office.person(anaId, { build })
    const bo = await office.person(boId, { build, props: { dialogId: id } })

    await ana.choose('Order 1')
    await ana.say('Can you deliver on Friday?')
    await expect(bo.message('Can you deliver on Friday?')).toBeVisible()

    await bo.act(bo.message('Can you deliver'), 'Reply')
    await expect(bo.composer).toBeFocused()
    await bo.page.keyboard.type('On Thursday even')
    await bo.page.keyboard.press('Enter')
    const answer = ana.message('On Thursday even')
    await expect(answer).toContainText('Can you deliver on Friday?')
    await expect(answer).toContainText('Bo Lindqvist')

    await ana.act(ana.message('Can you deliver').first(), 'Edit')
    await ana.composer.press('ControlOrMeta+a')
    await ana.page.keyboard.type('Can you deliver on Monday?')
    await ana.page.keyboard.press('Enter')
    const edited = bo.message('Can you deliver on Monday?').first()
    await expect(edited.getByRole('button', { name: 'edited' })).toBeVisible()

    await ana.act(ana.message('Can you deliver on Monday?').first(), 'Delete')
    await ana.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await expect(bo.message('On Thursday even')).toContainText('Message deleted')
    await expect(bo.page.getByText('Can you deliver on Monday?')).toHaveCount(0)
    await ana.picture(`talk-${build}`)
  })
}

test('what was half written is there after a reload, and in the list', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const first = await office.dialog('Order 1', [anaId, boId])
  await office.dialog('Order 2', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: first.id } })

  await ana.write('half a sentence')
  await expect(ana.row('Order 1')).toContainText('Draft: half a sentence')
  await ana.choose('Order 2')
  await expect(ana.composer).toHaveText('')
  await ana.page.reload()

  await expect(ana.composer).toContainText('half a sentence')
  await expect(ana.row('Order 1')).toContainText('Draft: half a sentence')
})

test('a word typed in the moment before a reload is there after it, as often as one reloads', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })

  await ana.composer.click()
  let text = ''
  for (const word of ['one', ' two', ' three']) {
    await ana.page.keyboard.press('ControlOrMeta+End')
    await ana.page.keyboard.type(word)
    await ana.page.reload()
    text += word
    await expect(ana.composer).toHaveText(text)
    await ana.composer.click()
  }
})

test('Enter right after typing sends, and Shift+Enter is a new line', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })

  await ana.composer.click()
  // No pause between the last letter and the Enter.
  await ana.page.keyboard.type('quick')
  await ana.page.keyboard.press('Enter')
  await expect(ana.message('quick')).toBeVisible()
  await expect(ana.composer).toHaveText('')
  await ana.page.keyboard.type('one')
  await ana.page.keyboard.press('Shift+Enter')
  await ana.page.keyboard.type('two')
  await expect(ana.composer).toContainText('one')
  await expect(ana.message('one')).toHaveCount(0)
})

for (const field of ['rich', 'plain'] as const) {
  test(`an Enter that chooses a candidate of an input method does not send (${field} field)`, async ({ office }) => {
    const [anaId, boId] = [aName('ana'), aName('bo')]
    const { id } = await office.dialog('Order 1', [anaId, boId])
    const ana = await office.person(anaId)
    if (field === 'plain') await ana.context.route(/\/pages\/rich-.*\.js/, () => undefined)
    await ana.page.goto(ana.address({ props: { dialogId: id } }))
    const composer = field === 'rich' ? ana.composer : ana.page.locator('textarea:not([readonly])')
    const text = () => composer.evaluate((one: HTMLElement & { value?: string }) => one.value ?? one.innerText.trim())
    await composer.click()
    const input = await ana.context.newCDPSession(ana.page)

    for (const text of ['n', 'ni', 'niha', 'nihao']) await input.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length })
    // What a browser sends while candidates are open: the key is an Enter by its name, and by its code 229.
    await input.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 })
    await input.send('Input.insertText', { text: '你好' })
    await input.send('Input.dispatchKeyEvent', { type: 'keyUp', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 })

    await expect.poll(text).toBe('你好')
    await expect(ana.message(/你好|nihao/)).toHaveCount(0)
    await ana.page.keyboard.press('Enter')
    await expect(ana.message('你好')).toHaveCount(1)
    await expect.poll(text).toBe('')
  })
}

test('a person is mentioned by name and sees it marked', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const bo = await office.person(boId, { props: { dialogId: id } })

  await ana.write('Look, @Bo')
  const people = ana.page.getByRole('listbox', { name: 'People to mention' })
  await expect(people.getByRole('option')).toHaveText([/Bo Lindqvist/])
  await ana.page.keyboard.press('Enter')
  await expect(people).toHaveCount(0)
  await ana.page.keyboard.type(' here')
  await ana.page.keyboard.press('Enter')

  await expect(bo.message('Bo Lindqvist here')).toBeVisible()
})

test('one who finds a dialog joins it, talks, and leaves it', async ({ office }) => {
  const [boId, cyId] = [aName('bo'), aName('cy')]
  const { id, objectId } = await office.dialog('Order 1', [boId])
  const bo = await office.person(boId, { props: { dialogId: id } })
  const cy = await office.person(cyId, { props: { mode: 'inline', objectType: 'order', objectId }, config: { userProfile: { displayName: 'Cy Okafor', company: 'Nordwind' } } })

  await cy.page.getByRole('button', { name: 'Join', exact: true }).click()
  const card = cy.page.getByRole('dialog', { name: 'Join the chat' })
  await expect(card.getByRole('textbox', { name: 'Name' })).toHaveValue('Cy Okafor')
  await card.getByRole('button', { name: 'Join', exact: true }).click()
  await expect(bo.page.getByText('Cy Okafor (Nordwind) joined').first()).toBeVisible()
  await cy.say('Hello')
  await expect(bo.message('Hello')).toContainText('Cy Okafor')

  // The news of one's own leaving may still ask for what came before it.
  cy.excuse(/status of 403/)
  await cy.page.getByRole('button', { name: 'Menu' }).click()
  await cy.page.getByRole('menuitem', { name: 'Leave the chat' }).click()
  await cy.page.getByRole('dialog').getByRole('button', { name: 'Leave the chat' }).click()
  await expect(bo.page.getByText('Cy Okafor left').first()).toBeVisible()
  await expect(cy.composer).toHaveCount(0)
  // Who has left stays a name.
  await bo.page.reload()
  await expect(bo.message('Hello')).toContainText('Cy Okafor')
  await expect(bo.page.getByText(cyId)).toHaveCount(0)
})

test('what is unread is counted, marked off, and read only when seen', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  await office.dialog('Order 2', [anaId, boId])
  await office.say(anaId, id, 'before')
  const ana = await office.person(anaId, { props: { dialogId: id } })
  for (let n = 1; n <= 3; n += 1) await office.say(anaId, id, `news ${n}`)
  const bo = await office.person(boId)

  await expect(bo.row('Order 1')).toHaveAccessibleName(/4 unread/)
  await expect(ana.message('news 3').getByRole('button', { name: /read by/i })).toHaveCount(0)
  await bo.choose('Order 1')
  await expect(bo.transcript.getByText('New messages')).toBeVisible()
  await expect(bo.row('Order 1')).not.toHaveAccessibleName(/unread/)
  await expect(ana.message('news 3')).toHaveAccessibleName(/read by 1 of 1/)
  // The mark stays where it was until one leaves.
  await expect(bo.transcript.getByText('New messages')).toBeVisible()
  await bo.choose('Order 2')
  await bo.choose('Order 1')
  await expect(bo.message('news 3')).toBeVisible()
  await expect(bo.transcript.getByText('New messages')).toHaveCount(0)
})

test('two tabs of one person agree on what is read and written', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  const ana = await office.person(anaId, { props: { dialogId: id } })
  const second = await ana.tab()

  await second.say('from the second tab')
  await expect(ana.message('from the second tab')).toHaveCount(1)
  await ana.page.bringToFront()
  await ana.say('from the first')
  await expect(second.message('from the first')).toHaveCount(1)
  await expect(second.message('from the second tab')).toHaveCount(1)
})
