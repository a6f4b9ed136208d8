// A real Chromium on the page beside this file. MTCHAT_CHROMIUM names another one than the system's.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { chromium, type Browser, type Page } from 'playwright-core'
import { createServer, type ViteDevServer } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const CHROMIUM = process.env['MTCHAT_CHROMIUM'] ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path))

export interface Stage {
  open(query?: string): Promise<Page>
  close(): Promise<void>
}

export async function openStage(): Promise<Stage> {
  if (!CHROMIUM) throw new Error('No Chromium: install the distribution\'s, or name one in MTCHAT_CHROMIUM.')
  const vite: ViteDevServer = await createServer({
    configFile: false,
    root: at('../..'),
    logLevel: 'error',
    plugins: [vue()],
    resolve: {
      alias: [
        { find: '@mtchat/client/testing', replacement: at('../../packages/client/src/testing/index.ts') },
        { find: /^@mtchat\/client$/, replacement: at('../../packages/client/src/index.ts') },
      ],
    },
    server: { port: 0, host: '127.0.0.1', hmr: false, watch: null },
    optimizeDeps: { entries: ['tests/transcript/page.ts'] },
  })
  await vite.listen()
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
  const base = `${vite.resolvedUrls!.local[0]!}tests/transcript/index.html`
  return {
    async open(query = '') {
      const page = await browser.newPage({ viewport: { width: 820, height: 640 } })
      // Pictures come late, when the test says so or after everything else.
      await page.route('https://files.test/**', async (route) => {
        await new Promise((done) => setTimeout(done, 150))
        await route.fulfill({ contentType: 'image/png', body: PICTURE })
      })
      const faults: string[] = []
      page.on('pageerror', (error) => faults.push(error.message))
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) faults.push(message.text())
      })
      await page.goto(base + query)
      await page.waitForSelector('.mtchat-item').catch((cause: unknown) => {
        throw new Error(`${String(cause)}\n${faults.join('\n')}`)
      })
      Object.assign(page, { faults })
      return page
    },
    async close() {
      await browser.close()
      await vite.close()
    },
  }
}

const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
