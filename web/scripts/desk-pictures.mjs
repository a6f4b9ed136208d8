/**
 * The pictures of docs/pictures, of the demo as it is: `make run`, then in web/
 *
 *   node scripts/desk-pictures.mjs http://127.0.0.1:8080/demo
 *
 * People do something first, so run it on a fresh folder: make run DATA=/tmp/fresh.
 */
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'

const [address = 'http://127.0.0.1:8080/demo'] = process.argv.slice(2)
const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const kept = (name) => at(`../../docs/pictures/${name}.png`)

const browser = await chromium.launch({ executablePath: process.env.MTCHAT_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en-GB' })
await page.goto(address)
const seat = (name) => page.getByRole('region', { name })
const field = (name) => seat(name).getByRole('textbox', { name: 'Message', exact: true })
const say = async (name, text) => {
  await field(name).click()
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
  await seat(name).getByRole('listitem').filter({ hasText: text }).first().waitFor()
}

await seat('Cy Okafor').getByRole('button', { name: 'Join' }).click()
await seat('Cy Okafor').getByRole('dialog').getByRole('button', { name: 'Join' }).click()
await field('Cy Okafor').waitFor()
await say('Ana Petrova', 'All right. Which door do they come to?')
await seat('Bo Lindqvist').locator('input[type=file]').setInputFiles(at('../demo/pages/chair.png'))
await say('Bo Lindqvist', 'Door 3. This is the chair:')
await seat('Ana Petrova').getByRole('img', { name: 'chair.png' }).first().waitFor()
await say('Cy Okafor', 'I will be there at nine.')
await seat('Ana Petrova').getByRole('listitem').filter({ hasText: 'at nine' }).first().waitFor()
await page.getByText('message.new').nth(2).waitFor()
await page.mouse.move(0, 0)

await page.screenshot({ path: kept('desk-light') })
await page.locator('#theme').selectOption('dark')
await page.screenshot({ path: kept('desk-dark') })
await page.locator('#theme').selectOption('light')
await seat('Bo Lindqvist').screenshot({ path: kept('inline') })
await page.setViewportSize({ width: 390, height: 844 })
await seat('Ana Petrova').screenshot({ path: kept('phone') })
await browser.close()
