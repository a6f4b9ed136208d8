import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'
import type { AxeResults, RunOptions } from 'axe-core'
import { expect, gate, test } from '../people'
import { above, gallery, inTheme, showAbove, THEMES } from './gallery'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES: RunOptions = { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }

/** What WCAG 2.2 AA has against the page, in both themes. */
async function violations(page: Page): Promise<string[]> {
  const found: string[] = []
  await page.evaluate(AXE)
  for (const theme of THEMES) {
    await inTheme(page, theme)
    const { violations, passes } = await page.evaluate(
      (rules) => (window as unknown as { axe: { run(on: string, rules: RunOptions): Promise<AxeResults> } }).axe.run('.stage', rules), RULES)
    expect(passes.length, 'rules that found something to look at').toBeGreaterThan(10)
    found.push(...violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${theme}: ${id} at ${target.join(' ')}: ${failureSummary?.replaceAll('\n', ' ')}`)))
  }
  return found
}

for (const [build, mode] of [['vue', 'full'], ['vue', 'inline'], ['element', 'full']] as const) {
  test(`every state, ${mode}, ${build}: no violation`, async ({ office }) => {
    test.setTimeout(150_000)
    const { page } = await gallery(office, { build, mode })
    const states = await page.locator('.state:not([data-alone])').count()
    // A list that reads itself aloud would read what scrolls past.
    await expect(page.locator(':is([role=list], [role=listbox]) :is([aria-live], [role=log], [role=status], [role=alert])')).toHaveCount(0)
    await expect(page.locator(':is([aria-live], [role=log]) :is([role=list], [role=listbox])')).toHaveCount(0)
    const found = await violations(page)

    gate(`axe: ${states} states x ${THEMES.length} themes, ${mode}, ${build}`, `${found.length} violations`, 0)
    expect(found).toEqual([])
  })
}

// Dialogs, menus and the viewer are the same in both modes.
for (const build of ['vue', 'element'] as const) {
  test(`every state above the page, ${build}: no violation`, async ({ office }) => {
    test.setTimeout(150_000)
    const ana = await gallery(office, { build })
    const states = await above(ana.page)
    const found: string[] = []
    for (const state of states) {
      await showAbove(ana, { state, build })
      found.push(...(await violations(ana.page)).map((one) => `${state}, ${one}`))
    }

    expect(states.length).toBeGreaterThan(5)
    gate(`axe: ${states.length} states above, x ${THEMES.length} themes, ${build}`, `${found.length} violations`, 0)
    expect(found).toEqual([])
  })
}
