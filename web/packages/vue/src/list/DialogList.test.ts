// @vitest-environment happy-dom
import { aDialog, aState, createTestServer, id } from '@mtchat/client/testing'
import { flushPromises } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import { host, picture, press } from '../../test/host'

const options = () => [...document.querySelectorAll<HTMLElement>('[role="option"]')]
const focused = () => document.activeElement as HTMLElement

function serverWith(titles: readonly string[]) {
  const server = createTestServer()
  for (const title of titles) server.dialog({ title, people: ['ana', { id: 'bo', name: 'Bo', company: 'Borealis' }] })
  return server
}
const listOf = (dialogs: ReturnType<typeof aDialog>[], change = {}) => ({
  ids: dialogs.map((dialog) => dialog.id),
  status: 'ready' as const,
  error: null,
  isLoadingMore: false,
  hasMore: false,
  total: dialogs.length,
  search: '',
  ...change,
})

describe('the list of dialogs', () => {
  it('has rows that can be reached and opened by keyboard alone', async () => {
    await host({}, { server: serverWith(['Alpha', 'Beta', 'Gamma']) })
    expect(options()).toHaveLength(3)
    expect(options().filter((option) => option.tabIndex === 0)).toHaveLength(1)
    options()[0]!.focus()

    press(focused(), 'ArrowDown')
    await flushPromises()

    expect(focused().getAttribute('aria-posinset')).toBe('2')
    press(focused(), 'End')
    await flushPromises()
    expect(focused().getAttribute('aria-posinset')).toBe('3')
    press(focused(), 'Enter')
    await flushPromises()
    expect(options()[2]!.getAttribute('aria-selected')).toBe('true')
  })

  it('finds rows by their first letters', async () => {
    await host({}, { server: serverWith(['Gamma', 'Beta', 'Alpha']) })
    const titles = options().map((option) => option.getAttribute('aria-label')!.split(',')[0]!)
    options()[titles.indexOf('Alpha')]!.focus()

    press(focused(), 'g')
    await flushPromises()

    expect(focused().getAttribute('aria-label')).toContain('Gamma')
  })

  it('opens the menu by Shift+F10 and pins from there, and focus comes back', async () => {
    const { settle } = await host({}, { server: serverWith(['Alpha']) })
    options()[0]!.focus()

    press(focused(), 'F10', { shiftKey: true })
    await flushPromises()
    const pin = focused()
    expect(pin.getAttribute('role')).toBe('menuitem')
    expect(pin.textContent).toContain('Pin')
    pin.click()
    await settle()

    expect(options()[0]!.getAttribute('aria-label')).toContain('pinned')
    expect(focused().getAttribute('role')).toBe('option')
  })

  it('says in one line what a row shows', async () => {
    const dialog = aDialog({ title: 'Order 7', unread_count: 120, is_pinned: true, notifications_enabled: false })
    await picture(aState({ dialogs: { [dialog.id]: dialog }, lists: { ...aState().lists, participating: listOf([dialog]) } }))
    const row = options()[0]!
    const name = row.getAttribute('aria-label')!
    expect(name).toContain('Order 7')
    expect(name).toContain('120 unread messages')
    expect(name).toContain('pinned')
    expect(name).toContain('notifications are off')
    expect(row.textContent).toContain('99+')
  })

  it('shows what was begun and not sent', async () => {
    const dialog = aDialog({})
    await picture(
      aState({
        dialogs: { [dialog.id]: dialog },
        lists: { ...aState().lists, participating: listOf([dialog]) },
        drafts: { [dialog.id]: { text: '<p>half a <b>thought</b></p>', replyTo: null, attachments: [], updatedAt: 0 } },
      }),
    )
    expect(options()[0]!.textContent).toMatch(/Draft:\s*half a thought/)
  })

  it('searches after 300 ms and says what was found', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { server, settle } = await host({}, { server: serverWith(['Alpha', 'Beta']) })
      const field = document.querySelector<HTMLInputElement>('input[type="search"]')!
      field.value = 'bet'
      field.dispatchEvent(new Event('input'))
      await vi.advanceTimersByTimeAsync(299)
      expect(options()).toHaveLength(2)
      await vi.advanceTimersByTimeAsync(1)
      await settle()
      expect(options()).toHaveLength(1)
      expect(document.querySelector('.mtchat > [role="status"]')!.textContent).toContain('1 chat found')
      expect(server).toBeDefined()
    } finally {
      vi.useRealTimers()
    }
  })

  it('shows why it is empty, and Retry when loading failed', async () => {
    const server = createTestServer()
    server.fail('GET /dialogs', { status: 500, times: 20 })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { text, settle } = await host({}, { server })
    await vi.advanceTimersByTimeAsync(20_000)
    await settle()
    vi.useRealTimers()
    expect(text()).toContain('This could not be loaded')
    expect(text()).toContain('Retry')
  })

  it('counts in the tabs, and loads the archive when asked', async () => {
    const { server, text, settle } = await host({}, { server: serverWith(['Alpha', 'Beta']) })
    const tabs = [...document.querySelectorAll<HTMLElement>('[role="tab"]')]
    expect(tabs[0]!.textContent).toMatch(/My chats\s*2/)
    const asked = server.requests.length
    tabs[2]!.click()
    await settle()
    expect(server.requests.length).toBeGreaterThan(asked)
    expect(text()).toContain('The archive is empty')
  })

  it('keeps old rows beside an error', async () => {
    const dialog = aDialog({ id: id(7) })
    const { MTChatError } = await import('@mtchat/client')
    const { text } = await picture(
      aState({
        dialogs: { [dialog.id]: dialog },
        lists: { ...aState().lists, participating: listOf([dialog], { status: 'error', error: new MTChatError({ code: 'NETWORK' }) }) },
      }),
    )
    expect(options()).toHaveLength(1)
    expect(text()).toContain('No connection to the server')
  })
})
