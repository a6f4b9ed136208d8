import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { emoji } from './packages/vue/scripts/emoji.mjs'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  plugins: [vue(), emoji()],
  resolve: {
    // Tests read the sources, so that no build has to come first.
    alias: [
      { find: '@mtchat/client/testing', replacement: at('packages/client/src/testing/index.ts') },
      { find: /^@mtchat\/(client|vue|element)$/, replacement: at('packages/$1/src/index.ts') },
    ],
  },
  test: {
    include: ['packages/*/{src,test}/**/*.test.ts', 'demo/**/*.test.ts', 'tests/embedding/*.test.ts'],
    environment: 'node',
    // Node 20 has WebSocket behind this flag.
    execArgv: typeof WebSocket === 'undefined' ? ['--experimental-websocket'] : [],
    restoreMocks: true,
    testTimeout: 15_000,
  },
})
