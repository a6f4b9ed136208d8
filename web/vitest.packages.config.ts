import { defineConfig } from 'vitest/config'

/** What is shipped: built first, so apart from the units. `npm run packages`. */
export default defineConfig({
  test: { include: ['tests/packages/*.test.ts'], environment: 'node', testTimeout: 120_000, hookTimeout: 400_000 },
})
