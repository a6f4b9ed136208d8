import { defineConfig } from '@playwright/test'
import { chromium } from './tests/server/chromium'

/** Measures of time: alone, at the end, one after the other. */
const MEASURES = /gates\/(speed|frames)\.e2e\.ts/
/** A part that is asked for by its name waits for nothing else. */
const isWhole = process.argv.slice(3).every((word) => word.startsWith('-') && !/^(-g|--grep|--project)/.test(word))

/** Two people at once, in a real browser, against the real service. `npm run e2e`. */
export default defineConfig({
  testDir: 'tests',
  testMatch: '**/*.e2e.ts',
  globalSetup: './tests/server/setup.ts',
  outputDir: 'test-results',
  snapshotPathTemplate: '{testDir}/{testFileDir}/read/{arg}{ext}',
  fullyParallel: true,
  workers: Number(process.env['MTCHAT_WORKERS'] ?? 2),
  // What has to be torn down last runs last, and also after a failure.
  projects: [
    { name: 'people', testIgnore: MEASURES, ...(isWhole && { teardown: 'measures' }) },
    { name: 'measures', testMatch: MEASURES, workers: 1 },
  ],
  retries: 0,
  forbidOnly: true,
  timeout: 45_000,
  expect: { timeout: 10_000 },
  reporter: [[process.env['MTCHAT_SAY_EACH'] ? 'list' : 'dot'], ['./tests/server/summary.ts']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1300, height: 800 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    actionTimeout: 10_000,
    launchOptions: { executablePath: chromium(), args: ['--no-sandbox', '--disable-gpu'] },
    trace: 'off',
    screenshot: 'only-on-failure',
  },
})
