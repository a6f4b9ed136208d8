// Every state in three widths: as places of the panes to compare, and with `npm run pictures`, in both themes, as pictures for
// people to look at. Letters differ from machine to machine, so pictures are not compared; where the panes are does not depend on them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { ARTEFACTS, expect, gate, test } from '../people'
import { above, gallery, inTheme, MODES, show, THEMES } from './gallery'

const FOLDER = `${ARTEFACTS}gallery/`
const WIDTHS = { 320: 'narrow', 800: 'medium', 1280: 'wide' } as const
const COMPARED = ['talk', 'talk-unread', 'chat-offline', 'chat-join', 'chat-empty', 'outbox-failed', 'composer-reply', 'composer-files', 'list', 'list-empty', 'info', 'files', 'search']
const PARTS = ['.mtchat-list', '[data-pane=chat]', '.mtchat-info', '.mtchat-header', '.mtchat-banner', '.mtchat-transcript', '.mtchat-composer', '.mtchat-search']
/** Pixels that a line of another machine's letters may be higher. */
const TOLERANCE = 6
const isForPeople = process.env['MTCHAT_PICTURES'] === '1'

type Boxes = Record<string, [x: number, y: number, width: number, height: number]>
type Places = Record<string, Boxes>

/** All stages as wide as that; a person's picture of them has several side by side. */
async function widen(page: Page, width: number): Promise<void> {
  await page.setViewportSize({ width: Math.max(1300, Math.floor(3900 / (width + 44)) * (width + 44) + 100), height: 900 })
  await page.evaluate((width) => {
    const place = document.getElementById('states')!
    place.style.setProperty('--width', `${width}px`)
    place.style.gridTemplateColumns = `repeat(auto-fill, ${width + 26}px)`
  }, width)
  await expect(page.locator(`.mtchat-frame:not([data-layout=${WIDTHS[width as keyof typeof WIDTHS]}])`)).toHaveCount(0)
}

const boxes = (page: Page): Promise<Places> => page.evaluate(([compared, parts]) => Object.fromEntries([...document.querySelectorAll<HTMLElement>('.state')]
  .filter(({ dataset }) => compared.includes(dataset['state']!))
  .map((state) => {
    const from = state.querySelector('.stage')!.getBoundingClientRect()
    const shown = parts.flatMap((part) => {
      const one = [...state.querySelectorAll<HTMLElement>(part)].find((each) => each.checkVisibility({ visibilityProperty: true }))
      if (!one) return []
      const { x, y, width, height } = one.getBoundingClientRect()
      return [[part, [x - from.x, y - from.y, width, height].map(Math.round)]]
    })
    return [state.dataset['state']!, Object.fromEntries(shown)]
  })), [COMPARED, PARTS] as const)

const different = (now: Places, kept: Places): string[] => Object.keys({ ...kept, ...now }).flatMap((state) => {
  const [one, other] = [now[state] ?? {}, kept[state] ?? {}]
  return Object.keys({ ...one, ...other }).filter((part) => !one[part] || !other[part] || one[part].some((value, n) => Math.abs(value - other[part]![n]!) > TOLERANCE))
    .map((part) => `${state}: ${part} is at ${String(one[part])}, was at ${String(other[part])}`)
})

for (const mode of MODES) {
  test(`the panes of every state are where they were: ${mode}`, async ({ office }, info) => {
    test.setTimeout(90_000)
    const now: Record<string, Places> = {}
    const { page } = await gallery(office, { mode }, { deviceScaleFactor: 0.5 })
    for (const width of Object.keys(WIDTHS).map(Number)) {
      await widen(page, width)
      now[width] = await boxes(page)
    }

    const places = fileURLToPath(new URL(`./places/${mode}.json`, import.meta.url))
    if (['all', 'changed'].includes(info.config.updateSnapshots)) writeFileSync(places, `${JSON.stringify(now, null, 1).replace(/\[\s+(-?\d+),\s+(-?\d+),\s+(-?\d+),\s+(-?\d+)\s+\]/g, '[$1, $2, $3, $4]')}\n`)
    const kept = JSON.parse(readFileSync(places, 'utf8')) as typeof now
    const moved = Object.keys(now).flatMap((width) => different(now[width]!, kept[width] ?? {}).map((one) => `${width} px, ${one}`))
    gate(`panes of ${Object.keys(now[320]!).length} states in 3 widths, ${mode}`, `${moved.length} moved`, `0 by > ${TOLERANCE} px`)
    expect(moved, 'panes that moved; if that is meant: --update-snapshots').toEqual([])
  })

  if (isForPeople) test(`every state has its picture: ${mode}`, async ({ office }) => {
    test.setTimeout(240_000)
    mkdirSync(FOLDER, { recursive: true })
    const pictures: { name: string; theme: string }[] = []
    let shown = 0
    const picture = async (page: Page, what: string) => {
      for (const theme of THEMES) {
        await inTheme(page, theme)
        const name = `${what}-${theme}.png`
        await page.screenshot({ path: FOLDER + name, fullPage: true, animations: 'disabled', timeout: 60_000 })
        pictures.push({ name, theme })
      }
    }
    const ana = await gallery(office, { mode }, { deviceScaleFactor: 0.5 })
    const others = await above(ana.page)
    for (const width of Object.keys(WIDTHS).map(Number)) {
      await widen(ana.page, width)
      await picture(ana.page, `${mode}-${width}`)
      shown += await ana.page.locator('.stage').count()
    }
    for (const state of mode === 'full' ? others : []) {
      for (const width of [1280, 320]) {
        // Another size closes a menu.
        await ana.page.setViewportSize({ width, height: 600 })
        await show(ana, { mode, state })
        await picture(ana.page, `${state}-${width}`)
        shown += 1
      }
    }
    for (const theme of THEMES) {
      const figures = pictures.filter((one) => one.theme === theme).map(({ name }) => `<figure><figcaption>${name}</figcaption><a href="${name}"><img src="${name}" alt=""></a></figure>`)
      writeFileSync(`${FOLDER}${mode}-${theme}.html`, `<!doctype html><meta charset="utf-8"><title>Every state, ${mode}, ${theme}</title>\n<style>body { background: #888; font-family: sans-serif } img { max-inline-size: 100% }</style>\n${figures.join('\n')}\n`)
    }
    gate(`pictures in artefacts/gallery, ${mode}`, shown * THEMES.length, 'to look at')
  })
}
