import { expect, test, type Page } from './stage'

let page: Page

/** What the server has been sent, once there are *count* of it. */
async function sent(count: number): Promise<string[]> {
  const all = 'server.requests.filter(({ method, path }) => method === "POST" && path.endsWith("/messages")).map(({ body }) => body.content)'
  await page.waitForFunction(`${all}.length >= ${count}`)
  return await page.evaluate(all) as string[]
}

test('the editor takes over from the plain field with text and caret', async ({ open }) => {
  page = await open('?messages=3')
  let come!: () => void
  const mayCome = new Promise<void>((done) => { come = done })
  await page.route(/\/rich-/, async (route) => { await mayCome; await route.continue() })
  await page.reload()
  await page.waitForSelector('textarea')
  await page.evaluate(() => {
    const field = document.querySelector('textarea')!
    field.value = 'one two'
    field.setSelectionRange(3, 3)
    field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    field.setSelectionRange(3, 3)
    field.focus()
  })
  come()
  await page.waitForSelector('.mtchat-editor:focus')

  await page.keyboard.type('!')
  await page.keyboard.press('Enter')

  expect(await sent(1)).toEqual(['<p>one! two</p>'])
})

test.describe('the rich field', () => {
  test.beforeEach(async ({ open }) => {
    page = await open('?messages=3')
    await page.evaluate('body.value.focusComposer()')
    await page.waitForSelector('.mtchat-editor:focus')
  })

  test('Enter right after typing sends all of it, and the field is empty then', async () => {
    await page.keyboard.type('quick words')
    await page.keyboard.press('Enter')

    expect(await sent(1)).toEqual(['<p>quick words</p>'])
    await page.waitForSelector('.mtchat-editor--empty')
  })

  test('marks, lists and lines come out as the contract has them', async () => {
    await page.keyboard.type('**bold** and `code`')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('line')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.mtchat-editor--empty')
    await page.keyboard.type('- one')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('two')
    await page.keyboard.press('Enter')

    expect(await sent(2)).toEqual([
      '<p><strong>bold</strong> and <code>code</code><br>line</p>',
      '<ul><li><p>one</p></li><li><p>two</p></li></ul>',
    ])
  })

  test('an Enter that takes a candidate of an input method sends nothing', async () => {
    const keys = await page.context().newCDPSession(page)
    await keys.send('Input.imeSetComposition', { text: 'ni', selectionStart: 2, selectionEnd: 2 })
    await keys.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229, nativeVirtualKeyCode: 229 })
    await keys.send('Input.insertText', { text: '\u4f60' })
    expect(await page.evaluate('server.requests.some(({ method, path }) => method === "POST" && path.endsWith("/messages"))')).toBe(false)

    await page.keyboard.press('Enter')

    expect(await sent(1)).toEqual(['<p>\u4f60</p>'])
  })

  test('a mention is chosen with the keys and sent as the contract has it', async () => {
    await page.keyboard.type('hi @bor')
    await page.waitForSelector('[role=option]')
    await page.keyboard.press('Enter')
    await page.keyboard.type('there')
    await page.keyboard.press('Enter')

    expect(await sent(1)).toEqual([
      '<p>hi <span data-type="mention" data-id="bo" data-label="Bo" class="mtchat-mention">@Bo</span> there</p>',
    ])
  })

  test('what is pasted keeps the allowed tags alone', async () => {
    await page.evaluate(() => {
      const data = new DataTransfer()
      data.setData('text/html', '<h1 style="color:red">Title</h1><p>a <b onclick="x">b</b></p><script>alert(1)</script>')
      data.setData('text/plain', 'Title a b')
      document.querySelector('.mtchat-editor')!.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
    })
    await page.keyboard.press('Enter')

    expect(await sent(1)).toEqual(['<p>Title</p><p>a <strong>b</strong></p>'])
  })
})
