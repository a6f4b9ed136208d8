import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import { ARTEFACTS, expect, gate, test } from '../people'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const RULES: RunOptions = { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] }

/** Every state of the gallery, looked at as WCAG 2.2 AA asks. */
for (const build of ['vue', 'element'] as const) {
  for (const mode of ['full', 'inline'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      test(`every state, ${mode}, ${theme}, ${build}: no violation`, async ({ office }) => {
        test.setTimeout(120_000)
        const ana = await office.person('ana', { address: `/demo/gallery${build === 'element' ? '/element' : ''}?mode=${mode}&theme=${theme}`, browser: { viewport: { width: 1300, height: 900 } } })
        await expect(ana.page.locator('.state').first()).toBeVisible()
        await expect(ana.page.locator('.state:not([data-ready])')).toHaveCount(0)
        await expect(ana.page.locator('.mtchat-skeleton-rows').first()).toBeVisible()
        const states = await ana.page.locator('.state').count()
        await ana.page.evaluate(AXE)
        const { violations, passes } = await ana.page.evaluate(
          (rules) => (window as unknown as { axe: { run(on: string, rules: RunOptions): Promise<AxeResults> } }).axe.run('.stage', rules), RULES)

        expect(passes.length, 'rules that found something to look at').toBeGreaterThan(20)
        const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary?.replaceAll('\n', ' ')}`))
        if (build === 'vue') await ana.page.screenshot({ path: `${ARTEFACTS}gallery-${mode}-${theme}.png`, fullPage: true })
        gate(`axe: ${states} states, ${mode}, ${theme}, ${build}`, `${found.length} violations`, 0)
        expect(found).toEqual([])
      })
    }
  }
}
