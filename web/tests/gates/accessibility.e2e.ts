import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from '@playwright/test'
import type { AxeResults, RunOptions } from 'axe-core'
import { ARTEFACTS, expect, gate, test } from '../people'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES: RunOptions = { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }

interface Looked { found: string[]; passes: number }

async function look(page: Page): Promise<Looked> {
  await page.evaluate(AXE)
  const { violations, passes } = await page.evaluate(
    (rules) => (window as unknown as { axe: { run(on: string, rules: RunOptions): Promise<AxeResults> } }).axe.run('.stage', rules), RULES)
  const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary?.replaceAll('\n', ' ')}`))
  return { found, passes: passes.length }
}

async function ready(page: Page): Promise<void> {
  await expect(page.locator('.state').first()).toBeVisible()
  await expect(page.locator('.state:not([data-ready])')).toHaveCount(0, { timeout: 60_000 })
}

/** Every state of the gallery, looked at as WCAG 2.2 AA asks. */
for (const build of ['vue', 'element'] as const) {
  for (const mode of ['full', 'inline'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      test(`every state, ${mode}, ${theme}, ${build}: no violation`, async ({ office }) => {
        test.setTimeout(180_000)
        const ana = await office.person('ana', { address: `/demo/gallery${build === 'element' ? '/element' : ''}?mode=${mode}&theme=${theme}`, browser: { viewport: { width: 1300, height: 900 } } })
        await ready(ana.page)
        await expect(ana.page.locator('.mtchat-skeleton-rows').first()).toBeVisible()
        const states = await ana.page.locator('.state').count()
        const { found, passes } = await look(ana.page)

        expect(passes, 'rules that found something to look at').toBeGreaterThan(20)
        if (build === 'vue') await ana.page.screenshot({ path: `${ARTEFACTS}gallery-${mode}-${theme}.png`, fullPage: true })
        // What lies above everything has the page to itself; where it lies is the same inline and in a shadow root.
        const alone = build === 'vue' && mode === 'full' ? await ana.page.locator('.state[data-alone]').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset['state']!)) : []
        for (const state of alone) {
          await ana.page.goto(`${new URL(ana.page.url()).origin}/demo/gallery?mode=${mode}&theme=${theme}&state=${state}`)
          await ready(ana.page)
          found.push(...(await look(ana.page)).found.map((one) => `${state}: ${one}`))
        }
        gate(`axe: ${states} states, ${mode}, ${theme}, ${build}`, `${found.length} violations`, 0)
        expect(found).toEqual([])
      })
    }
  }
}
