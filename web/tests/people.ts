/** People at their browsers, on a host's page with MTChat in it. Any complaint of a browser fails the test. */
import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from '@playwright/test'
import type { MTChatConfig } from '@mtchat/client'
import type { MTChatProps } from '@mtchat/vue'
import { fileURLToPath } from 'node:url'
import { Gateway } from './server/gateway'
import { ask, SCOPES } from './server/service'

export { expect }
export const ARTEFACTS = fileURLToPath(new URL('../artefacts/', import.meta.url))

export type Build = 'vue' | 'element'
export interface Seat {
  build?: Build
  config?: Partial<MTChatConfig>
  props?: Partial<MTChatProps>
  /** Chats on the page. */
  count?: number
  isHostile?: boolean
  /** The host has no way to another token. */
  hasNoTokens?: boolean
  /** Complaints that the test brings about. */
  excused?: RegExp[]
  browser?: BrowserContextOptions
  /** Another page of the host's. */
  address?: string
  /** The page's clock is the test's to move. */
  hasClock?: boolean
}

export interface AMessage {
  id: string
  content: string
}

export const NAMES: Record<string, string> = { ana: 'Ana Petrova', bo: 'Bo Lindqvist', cy: 'Cy Okafor' }
/** What browsers say of a network that was broken on purpose. */
const OF_NETWORK = /Failed to load resource|WebSocket connection to|net::ERR_/

/** One person: a browser of their own, their own way to the service. */
export class Person {
  private readonly complaints: string[] = []
  private readonly excused: RegExp[] = []

  private constructor(
    readonly user: string,
    readonly page: Page,
    readonly gateway: Gateway,
    readonly context: BrowserContext,
    private readonly seat: Seat,
  ) {
    this.excused.push(...(seat.excused ?? []))
    this.listen(page)
  }

  static async sit(context: BrowserContext, user: string, seat: Seat): Promise<Person> {
    const gateway = await Gateway.open(user)
    return new Person(user, await context.newPage(), gateway, context, seat)
  }

  private listen(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.stack ?? error.message}`))
    page.on('console', (message) => this.complaints.push(`console ${message.type()}: ${message.text()} ${message.location().url}`))
  }

  /** The page's address; every wish is in it. */
  address({ build = 'vue', config, props, count = 1, isHostile, hasNoTokens, address }: Seat = this.seat): string {
    if (address) return this.gateway.url + address
    const wanted = { config: { userId: this.user, ...config }, props, count, hasNoTokens }
    return `${this.gateway.url}/${build}?o=${encodeURIComponent(JSON.stringify(wanted))}${isHostile ? '&hostile' : ''}`
  }

  async open(): Promise<this> {
    if (this.seat.hasClock) await this.page.clock.install()
    await this.page.goto(this.address())
    return this
  }

  /** Another tab of the same browser. */
  async tab(): Promise<Person> {
    const other = new Person(this.user, await this.context.newPage(), this.gateway, this.context, this.seat)
    this.tabs.push(other)
    return other.open()
  }
  private readonly tabs: Person[] = []

  /** This test brings it about that the browser says so. */
  excuse(...complaints: RegExp[]): void {
    this.excused.push(...complaints)
  }

  check(): void {
    const heard = [this, ...this.tabs].flatMap(({ complaints }) => complaints)
    const left = heard.filter((one) => !this.excused.some((each) => each.test(one)) && !(this.gateway.hasFailed && OF_NETWORK.test(one)))
    expect.soft(left, `what ${this.user}'s browser complained about`).toEqual([])
    expect.soft(this.gateway.reports, `what ${this.user}'s browser reported against the policy`).toEqual([])
  }

  // ---- What is on the screen ----

  get list(): Locator {
    return this.page.getByRole('listbox', { name: 'Chats' })
  }

  row(title: string): Locator {
    return this.list.getByRole('option').filter({ hasText: title })
  }

  get transcript(): Locator {
    return this.page.getByRole('list', { name: 'Messages' })
  }

  get scroller(): Locator {
    return this.page.locator('.mtchat-transcript__scroller')
  }

  message(text: string | RegExp): Locator {
    return this.transcript.getByRole('listitem').filter({ hasText: text })
  }

  /** The rich field; the plain one before it is tried by itself. */
  get composer(): Locator {
    return this.page.getByRole('textbox', { name: 'Message', exact: true }).and(this.page.locator('[contenteditable=true]'))
  }

  get send(): Locator {
    return this.page.getByRole('button', { name: 'Send', exact: true })
  }

  // ---- What people do ----

  async choose(title: string): Promise<void> {
    await this.row(title).click()
    await expect(this.page.getByRole('heading', { name: title })).toBeVisible()
  }

  async write(text: string): Promise<void> {
    await this.composer.click()
    await this.page.keyboard.type(text)
  }

  /** Writes and presses Enter; what one sent is on one's own screen at once. */
  async say(text: string): Promise<void> {
    await this.write(text)
    await this.page.keyboard.press('Enter')
    await expect(this.message(text)).toBeVisible()
  }

  /** Points at a message and presses one of its buttons. */
  async act(on: Locator, action: string): Promise<void> {
    await on.hover()
    await on.getByRole('button', { name: action, exact: true }).click()
  }

  /** Right click on a chat of the list, and one of the things it offers. */
  async manage(title: string, action: string): Promise<void> {
    await this.row(title).click({ button: 'right' })
    await this.page.getByRole('menuitem', { name: action, exact: true }).click()
  }

  /** A finger that stays where it is until something comes of it. */
  async hold(on: Locator, until: Locator): Promise<void> {
    await on.scrollIntoViewIfNeeded()
    const box = (await on.boundingBox())!
    const finger = await this.context.newCDPSession(this.page)
    await finger.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }] })
    await expect(until).toBeVisible()
    await finger.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] })
    await finger.detach()
  }

  /** Waits between attempts are as long as they may be, whatever the dice say. */
  async waitLong(): Promise<void> {
    await this.page.evaluate(() => Object.assign(Math, { random: () => 0.95 }))
  }

  /** Copies in another tab, of a page without a policy. */
  async copy(parts: Record<string, string | number[]>): Promise<void> {
    await this.context.grantPermissions(['clipboard-read', 'clipboard-write'])
    const elsewhere = await this.context.newPage()
    await elsewhere.goto(`${this.gateway.url}/host/host.css`)
    await elsewhere.evaluate(async (parts) => {
      const blobs = Object.entries(parts).map(([type, part]) => [type, new Blob([typeof part === 'string' ? part : new Uint8Array(part)], { type })])
      await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))])
    }, parts)
    await elsewhere.close()
    await this.page.bringToFront()
  }

  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: `${ARTEFACTS}${name}.png` })
  }
}

/** The host application, and what it has in hand. */
export class Office {
  private readonly people: Person[] = []

  constructor(private readonly newContext: (options?: BrowserContextOptions) => Promise<BrowserContext>) {}

  /** A dialog nobody else talks in. */
  async dialog(title: string, people: string[] = ['ana', 'bo'], { objectId = `o-${crypto.randomUUID()}`, scopes = SCOPES } = {}): Promise<{ id: string; objectId: string }> {
    const { id } = await ask<{ id: string }>('POST', '/dialogs', {
      body: {
        object_type: 'order',
        object_id: objectId,
        object_url: 'https://erp.example/orders/1',
        title,
        participants: people.map((user) => ({ user_id: user, display_name: NAMES[user.replace(/-.*/, '')] ?? user, company: 'Nordwind' })),
        access_scopes: [scopes],
      },
    })
    return { id, objectId }
  }

  /** Somebody says something elsewhere. */
  say(user: string, dialog: string, content: string, rest: Record<string, unknown> = {}): Promise<AMessage> {
    return ask<AMessage>('POST', `/dialogs/${dialog}/messages`, { user, body: { content, ...rest } })
  }

  /** Somebody talks a lot; what is said first comes first, but for a few places. */
  async talk(user: string, dialog: string, texts: readonly string[]): Promise<void> {
    for (let at = 0; at < texts.length; at += 8) await Promise.all(texts.slice(at, at + 8).map((text) => this.say(user, dialog, text)))
  }

  /** How far somebody has read, as others are told. */
  async readMark(dialog: string, user: string): Promise<string | null> {
    const people = await ask<{ user_id: string; last_read_message_id: string | null }[]>('GET', `/dialogs/${dialog}/participants`, { user })
    return people.find(({ user_id }) => user_id === user)?.last_read_message_id ?? null
  }

  async unsay(user: string, dialog: string, message: string): Promise<void> {
    await ask('DELETE', `/dialogs/${dialog}/messages/${message}`, { user })
  }

  /** The host takes somebody out. */
  async remove(dialog: string, user: string): Promise<void> {
    await ask('DELETE', `/dialogs/${dialog}/participants/${user}`)
  }

  async delete(dialog: string): Promise<void> {
    await ask('DELETE', `/dialogs/${dialog}`)
  }

  async person(user: string, seat: Seat = {}): Promise<Person> {
    const person = await Person.sit(await this.newContext(seat.browser), user, seat)
    this.people.push(person)
    return person.open()
  }

  async close(): Promise<void> {
    for (const person of this.people) person.check()
    await Promise.all(this.people.map(({ context }) => context.close()))
    await Promise.all(this.people.map(({ gateway }) => gateway.close()))
  }
}

let names = 0
/** People of this test alone, whose lists hold nothing of other tests. */
export const aName = (name: string) => `${name}-${process.pid}-${(names += 1)}`

export const test = base.extend<{ office: Office }>({
  office: async ({ browser, contextOptions }, use) => {
    const office = new Office((options) => browser.newContext({ ...contextOptions, ...options }))
    await use(office)
    await office.close()
  },
})

/** Something measured against what was promised; the summary shows it. */
export function gate(name: string, measured: number | string, limit: number | string): void {
  test.info().annotations.push({ type: 'gate', description: `${name}|${measured}|${limit}` })
}
