/** One dialog with a server of its own in the page (pages/stage.ts), whose pictures come late. */
import type { Page } from '@playwright/test'
import { test as base } from '../people'

export { expect, gate } from '../people'
export type { Page }

const PICTURE = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const LATE_MS = 150

export const test = base.extend<{ open: (asked: string) => Promise<Page> }>({
  open: async ({ office }, use) => {
    await use(async (asked) => {
      // At first a page of nothing. The tests bring code of their own into the page; a host's policy would refuse it.
      const { page, context, gateway } = await office.person('ana', { address: '/host/host.css', browser: { viewport: { width: 820, height: 640 }, bypassCSP: true } })
      await context.route('https://files.test/**', async (route) => {
        await new Promise((passed) => setTimeout(passed, LATE_MS))
        await route.fulfill({ contentType: 'image/png', body: PICTURE })
      })
      await page.goto(`${gateway.url}/host/stage.html${asked}`)
      await page.waitForSelector('.mtchat-item')
      return page
    })
  },
})
