import { expect, gate, test, type Page } from './stage'

let page: Page

interface View {
  scrollTop: number
  fromEnd: number
  height: number
  rows: number
  /** Pixels from the top of the view, by row. */
  tops: Record<string, number>
}

function look(): Promise<View> {
  return page.evaluate(() => {
    const view = document.querySelector('.mtchat-transcript__scroller')!
    const edge = view.getBoundingClientRect()
    const rows = [...view.querySelectorAll<HTMLElement>('[data-key]')]
    return {
      scrollTop: view.scrollTop,
      fromEnd: view.scrollHeight - view.clientHeight - view.scrollTop,
      height: view.clientHeight,
      rows: rows.length,
      tops: Object.fromEntries(rows.map((row) => [row.dataset['key']!, row.getBoundingClientRect().top - edge.top])),
    }
  })
}

/** Frames until nothing has moved for ten of them. */
function rest(): Promise<void> {
  return page.evaluate(() => new Promise<void>((done) => {
    const view = document.querySelector('.mtchat-transcript__scroller')!
    const state = () => `${view.scrollTop} ${view.scrollHeight} ${view.clientHeight} ${view.querySelectorAll('[data-key]').length}`
    let last = state()
    let still = 0
    const frame = () => {
      const now = state()
      still = now === last ? still + 1 : 0
      last = now
      if (still >= 10) done()
      else requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  }))
}

async function scrollTo(top: number): Promise<void> {
  await page.hover('.mtchat-transcript__scroller')
  await page.mouse.wheel(0, -1)
  await page.evaluate((top) => { document.querySelector('.mtchat-transcript__scroller')!.scrollTop = top }, top)
}

/** The most a row in the middle of the view moves, in any frame painted until *until* is true. */
function drift(act: string, until: string): Promise<{ most: number; frames: number }> {
  return page.evaluate(async ([act, until]) => {
    const view = document.querySelector('.mtchat-transcript__scroller')!
    const middle = view.getBoundingClientRect().top + view.clientHeight / 2
    const row = [...view.querySelectorAll<HTMLElement>('.mtchat-item--message')].find((row) => row.getBoundingClientRect().bottom > middle)!
    const key = row.dataset['key']!
    const top = () => view.querySelector(`[data-key="${key}"]`)?.getBoundingClientRect().top ?? Number.POSITIVE_INFINITY
    const start = top()
    let most = 0
    let frames = 0
    let after = 0
    await new Promise((done) => requestAnimationFrame(done))
    await (new Function(`return (async () => { ${act} })()`) as () => Promise<void>)()
    const isDone = new Function(`return ${until}`) as () => boolean
    while (after < 40 && frames < 1_500) {
      // What is true when a frame has been painted: a task after its callbacks.
      await new Promise<void>((done) => requestAnimationFrame(() => {
        const channel = new MessageChannel()
        channel.port1.onmessage = () => done()
        channel.port2.postMessage(0)
      }))
      most = Math.max(most, Math.abs(top() - start))
      frames += 1
      if (isDone()) after += 1
    }
    if (!isDone()) throw new Error('It never happened.')
    return { most, frames }
  }, [act, until] as const)
}

/** What was measured, for the table. */
const drifted = (why: string, ...pixels: number[]) => gate(`drift: ${why}`, `${Math.max(...pixels).toFixed(2)} px`, '<= 1 px')

const rowsLoaded = 'chat.getSnapshot().transcripts[dialogId].rows.length'

test('a dialog opens at the unread divider, a third from the top', async ({ open }) => {
  page = await open('?messages=400&unread=20')
  await rest()

  const { tops, height, rows } = await look()

  expect(Math.abs(tops['unread']! - height / 3)).toBeLessThanOrEqual(2)
  expect(rows).toBeLessThanOrEqual(60)
})

test('without unread messages a dialog opens at its end, and new ones keep it there', async ({ open }) => {
  page = await open('?messages=200')
  await rest()
  expect((await look()).fromEnd).toBeLessThanOrEqual(1)

  await page.evaluate('fill(5)')
  await rest()

  expect((await look()).fromEnd).toBeLessThanOrEqual(1)
  expect(await page.locator('.mtchat-jump').count()).toBe(0)
})

test('new messages move nothing for who reads further up, and are counted', async ({ open }) => {
  page = await open('?messages=200')
  await rest()
  await scrollTo((await look()).scrollTop - 900)
  await rest()

  const moved = await drift('fill(7)', `${rowsLoaded} >= 57`)

  drifted('new messages below', moved.most)
  expect(moved.most).toBeLessThanOrEqual(1)
  expect(await page.locator('.mtchat-jump').textContent()).toContain('7 new messages')
  await page.locator('.mtchat-jump').click()
  await rest()
  expect((await look()).fromEnd).toBeLessThanOrEqual(1)
})

test('six prepended pages with late pictures move nothing by more than a pixel', async ({ open }) => {
  page = await open('?messages=400')
  await rest()
  const all: number[] = []
  for (let turn = 1; turn <= 6; turn += 1) {
    const before = await page.evaluate(`${rowsLoaded}`) as number
    // Far enough from the top not to load by itself, near enough for the next page to lie just above.
    await scrollTo(900)
    await rest()
    const moved = await drift('await chat.loadOlder(dialogId)', `${rowsLoaded} > ${before}`)
    all.push(moved.most)
    expect((await look()).rows).toBeLessThanOrEqual(60)
  }
  drifted('6 x 50 older messages, late pictures', ...all)
  expect(Math.max(...all)).toBeLessThanOrEqual(1)
})

test('at the very top the next page is put above without a jump', async ({ open }) => {
  page = await open('?messages=400')
  await rest()
  for (let turn = 1; turn <= 3; turn += 1) {
    const before = await page.evaluate(`${rowsLoaded}`) as number
    const moved = await drift("document.querySelector('.mtchat-transcript__scroller').scrollTop += 0; await chat.loadOlder(dialogId)", `${rowsLoaded} > ${before}`)
    expect(moved.most, `page ${turn}`).toBeLessThanOrEqual(1)
    await scrollTo(300)
    await rest()
  }
})

test('edits and deletions above move nothing', async ({ open }) => {
  page = await open('?messages=200')
  await rest()
  await scrollTo((await look()).scrollTop - 1_200)
  await rest()

  const edited = await drift(`
    const rows = chat.getSnapshot().transcripts[dialogId].rows
    const shown = [...document.querySelectorAll('[data-key]')].map((row) => row.dataset.key)
    const at = rows.findIndex((row) => row.key === shown.find((key) => rows.some((row) => row.key === key)))
    server.edit(dialogId, rows[at].message.id, '<p>' + 'much longer '.repeat(80) + '</p>')
    server.edit(dialogId, rows[at - 3].message.id, '<p>' + 'much longer '.repeat(80) + '</p>')
    server.delete(dialogId, rows[at - 2].message.id)
  `, 'document.querySelector("[data-key]") !== null')

  drifted('edits and deletions above', edited.most)
  expect(edited.most).toBeLessThanOrEqual(1)
})

test('another width, height or size of letters keeps the row that was read', async ({ open }) => {
  page = await open('?messages=200')
  await rest()
  await scrollTo((await look()).scrollTop - 1_200)
  await rest()
  const before = await look()
  const key = Object.entries(before.tops).filter(([key, top]) => top >= 0 && !key.startsWith('day')).sort((a, b) => a[1] - b[1])[0]![0]
  const moved: Record<string, number> = {}
  for (const [why, act] of [
    ['another width', "document.querySelector('#app').style.inlineSize = '420px'"],
    ['larger letters', "document.querySelector('.mtchat').style.setProperty('--mtchat-font-size', '20px')"],
    // A keyboard that comes up takes the lower half of the page (interactive-widget=resizes-content).
    ['the keyboard of a phone', "document.querySelector('#app').style.blockSize = '360px'; body.value.focusComposer()"],
  ] as const) {
    await page.evaluate(act)
    await rest()
    moved[why] = Math.abs((await look()).tops[key]! - before.tops[key]!)
    drifted(why, moved[why])
  }

  for (const [why, pixels] of Object.entries(moved)) expect(pixels, why).toBeLessThanOrEqual(1)
})

test('the last message stays in sight when the keyboard of a phone comes up', async ({ open }) => {
  page = await open('?messages=60')
  await rest()
  await page.evaluate("body.value.focusComposer(); document.querySelector('#app').style.blockSize = '360px'")
  await rest()

  expect((await look()).fromEnd).toBeLessThanOrEqual(1)
})

test('a jump shows the message, gives it the focus, and leads back', async ({ open }) => {
  page = await open('?messages=400')
  await rest()
  const before = await look()
  const target = await page.evaluate('said[20]') as string

  expect(await page.evaluate(`body.value.showMessage('${target}')`)).toBe(true)
  await rest()

  expect(await page.evaluate("document.activeElement.dataset.key")).toBe(target)
  expect(await page.locator('.mtchat-item--highlighted').getAttribute('data-key')).toBe(target)
  const there = await look()
  expect(there.tops[target]).toBeGreaterThanOrEqual(0)
  expect(there.tops[target]).toBeLessThan(there.height)

  await page.getByText('Back to where I was').click()
  await rest()
  const back = await look()
  const key = Object.entries(before.tops).filter(([, top]) => top >= 0).sort((a, b) => a[1] - b[1])[0]![0]
  expect(Math.abs(back.tops[key]! - before.tops[key]!)).toBeLessThanOrEqual(2)
})

test('a deleted message leaves the document at once, on screen and off', async ({ open }) => {
  page = await open('?messages=100')
  await rest()
  await page.evaluate("window.secret = server.say(dialogId, 'bo', 'my secret word').id")
  await rest()
  expect(await page.content()).toContain('my secret word')

  await page.evaluate('server.delete(dialogId, secret)')
  await rest()

  expect(await page.content()).not.toContain('my secret word')
})

test('only what was seen for half a second is marked as read', async ({ open }) => {
  page = await open('?messages=100&unread=30')
  await rest()
  await page.waitForFunction('server.requests.some(({ path }) => path.endsWith("/read"))')
  const marks = await page.evaluate('server.requests.filter(({ path }) => path.endsWith("/read")).map(({ body }) => body.last_read_message_id ?? body.message_id)') as string[]
  const { tops, height } = await look()

  expect(tops[marks.at(-1)!]).toBeLessThan(height)
})

test('the list is one tab stop; arrows, Home and End move in it, also where no row is yet', async ({ open }) => {
  page = await open('?messages=45')
  await rest()
  expect(await page.locator('.mtchat-transcript [tabindex="0"]').count()).toBe(1)
  await page.locator('.mtchat-transcript [tabindex="0"]').focus()

  await page.keyboard.press('ArrowUp')
  await rest()
  const keys = await page.evaluate(`chat.getSnapshot().transcripts[dialogId].rows.map((row) => row.key)`) as string[]
  expect(await page.evaluate('document.activeElement.dataset.key')).toBe(keys.at(-2))

  await page.keyboard.press('Home')
  await page.waitForFunction(`document.activeElement.dataset.key?.startsWith('day:')`)
  await page.keyboard.press('ArrowDown')
  await page.waitForFunction(`document.activeElement.dataset.key === '${keys[0]}'`)

  await page.keyboard.press('End')
  await page.waitForFunction(`document.activeElement.dataset.key === '${keys.at(-1)}'`)
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.tagName')).toBe('BUTTON')
  await page.keyboard.press('Escape')
  expect(await page.evaluate('document.activeElement.dataset.key')).toBe(keys.at(-1))
})

test('a page that failed is offered again, and paging goes on', async ({ open }) => {
  page = await open('?messages=200')
  await rest()
  await page.evaluate("server.fail('GET /messages', { status: 500, times: 10 })")
  await scrollTo(100)
  await page.waitForFunction('chat.getSnapshot().transcripts[dialogId].olderError !== null', undefined, { timeout: 15_000 })
  await page.evaluate("server.heal()")
  const before = await page.evaluate(rowsLoaded) as number

  await page.locator('.mtchat-transcript__edge button').first().click()
  await page.waitForFunction(`${rowsLoaded} > ${before}`)

  expect(await page.evaluate(rowsLoaded)).toBeGreaterThan(before)
})

test('what comes in shows its quote and its files at once, and the list reads nothing aloud', async ({ open }) => {
  page = await open('?messages=20')
  await rest()
  await page.evaluate(`server.say(dialogId, 'cy', 'with plan', { reply_to_id: said[3], attachments: [
    { id: 'plan', filename: 'plan.pdf', content_type: 'application/pdf', size: 5120, url: 'https://files.test/plan.pdf' }] })`)
  const row = page.locator('.mtchat-item').last()

  await row.locator('button.mtchat-quote').waitFor()
  expect(await row.textContent()).toContain('plan.pdf')
  expect(await page.locator('.mtchat-transcript__scroller').evaluate((list) =>
    list.querySelectorAll('[aria-live], [role=log], [role=status]').length + (list.closest('[aria-live], [role=log]') ? 1 : 0))).toBe(0)
})
