import { defineConfig } from 'vitest/config'

/** What needs layout, focus or real editing: a Chromium on pages of its own. */
export default defineConfig({
  test: { include: ['tests/**/*.browser.test.ts'], environment: 'node', testTimeout: 20_000, hookTimeout: 120_000, fileParallelism: false },
})
