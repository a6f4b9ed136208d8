import { aName, expect, gate, test } from '../people'

const SECONDS = 6

/** Six seconds stand for sixty: what is faster than one second shows up in them, and so does each of our ticks of five. */
test('a chat nobody touches does nothing', async ({ office }) => {
  const [anaId, boId] = [aName('ana'), aName('bo')]
  const { id } = await office.dialog('Order 1', [anaId, boId])
  for (let n = 1; n <= 5; n += 1) await office.say(boId, id, `message ${n}`)
  const ana = await office.person(anaId)
  await ana.context.addInitScript(() => {
    const timers: string[] = []
    Object.assign(window, { timers })
    const { setTimeout: once, setInterval: again, requestAnimationFrame: frame } = window
    window.setTimeout = ((act: () => void, delay = 0) => {
      if (delay < 1000) timers.push(`a timer of ${delay} ms`)
      return once(act, delay)
    }) as typeof setTimeout
    window.setInterval = ((act: () => void, delay = 0) => again(delay < 1000 ? () => (timers.push(`every ${delay} ms`), act()) : act, delay)) as typeof setInterval
    window.requestAnimationFrame = (act) => (timers.push('a frame'), frame(act))
  })
  await ana.page.goto(ana.address({ props: { dialogId: id } }))
  await expect(ana.message('message 5')).toBeVisible()
  await ana.composer.click()
  const devtools = await ana.context.newCDPSession(ana.page)
  await devtools.send('Performance.enable')
  const work = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return ['LayoutCount', 'RecalcStyleCount'].reduce((sum, name) => sum + metrics.find((metric) => metric.name === name)!.value, 0)
  }
  const timers = () => ana.page.evaluate(() => (window as unknown as { timers: string[] }).timers.splice(0))
  /** What was done in the last *seconds*. */
  const done = async (seconds: number) => {
    const before = await work()
    await timers()
    await new Promise((passed) => setTimeout(passed, seconds * 1000))
    return { work: (await work()) - before, timers: await timers() }
  }
  // Reading, marks of what was read, the field's own: all of it comes to an end by itself.
  await expect.poll(() => done(1)).toEqual({ work: 0, timers: [] })
  const idle = await done(SECONDS)

  gate(`idle for ${SECONDS} s: timers faster than 1 s`, idle.timers.length, 0)
  gate(`idle for ${SECONDS} s: layouts and styles computed`, idle.work, 0)
  expect(idle).toEqual({ work: 0, timers: [] })

  // The measure measures: what is done is seen.
  await ana.page.evaluate(() => void setTimeout(() => document.body.append('more'), 500))
  const seen = await done(1)
  expect(seen.work).toBeGreaterThan(0)
})
