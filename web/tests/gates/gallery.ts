/** The gallery of every state, loaded once and looked at in both themes and many widths. */
import type { BrowserContextOptions, Page } from '@playwright/test'
import { expect, type Build, type Office, type Person } from '../people'

export type Mode = 'full' | 'inline'
export const MODES: Mode[] = ['full', 'inline']
export const THEMES = ['light', 'dark'] as const

interface Wish {
  build?: Build
  mode?: Mode
  /** Pixels of each stage; as wide as there is room when absent. */
  width?: number
  /** One state alone. */
  state?: string
}

/** Somebody who looks at all states; those that lie above the page are asked for one by one. */
export async function gallery(office: Office, wish: Wish = {}, browser: BrowserContextOptions = {}): Promise<Person> {
  const person = await office.person('ana', { address: '/host/host.css', browser: { viewport: { width: 1300, height: 900 }, reducedMotion: 'reduce', ...browser } })
  await show(person, wish)
  return person
}

export async function show({ page, gateway }: Person, { build = 'vue', mode = 'full', width, state }: Wish): Promise<void> {
  const asked = new URLSearchParams({ mode, theme: 'light', ...(width && { width: String(width) }), ...(state && { state, bare: '' }) })
  await page.goto(`${gateway.url}/demo/gallery${build === 'element' ? '/element' : ''}?${asked.toString()}`)
  await expect(page.locator('.state').first()).toBeVisible()
  await expect(page.locator('.state:not([data-ready])')).toHaveCount(0, { timeout: 60_000 })
  if (state) await expect(page.locator('.mtchat-menu, .mtchat-mentions, dialog[open]')).toBeVisible()
  else await expect(page.locator('.mtchat-skeleton-rows').first()).toBeVisible()
}

/** The states that lie above the page. */
export const above = (page: Page): Promise<string[]> => page.locator('.state[data-alone]').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset['state']!))

/** What the prop does: another class, or another theme of the element. */
export async function inTheme(page: Page, theme: (typeof THEMES)[number]): Promise<void> {
  await page.evaluate((theme) => {
    document.documentElement.style.colorScheme = theme
    for (const chat of document.querySelectorAll('mt-chat')) Object.assign(chat, { theme })
    for (const chat of document.querySelectorAll('.mtchat')) {
      chat.classList.remove('mtchat--light', 'mtchat--dark')
      chat.classList.add(`mtchat--${theme}`)
    }
  }, theme)
  await expect(page.locator(`.mtchat:not(.mtchat--${theme})`)).toHaveCount(0)
}
