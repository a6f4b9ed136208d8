// @vitest-environment happy-dom
import { anAttachment } from '@mtchat/client/testing'
import { flushPromises, mount } from '@vue/test-utils'
import { expect, test, vi } from 'vitest'
import { isAvailable, opensInBrowser, showOf } from '../attachments/kinds'
import { useLiveLink } from '../attachments/links'
import MTViewer from './MTViewer.vue'
import { FITTING, zoomed } from './zoom'

const file = (content_type: string, change = {}) => anAttachment({ content_type, ...change })

test('only what runs nothing is shown; SVG, HTML and unknown types are saved', () => {
  expect(['image/png', 'image/svg+xml', 'text/html', 'audio/mpeg', 'video/mp4', 'application/x-thing'].map((type) => showOf(file(type))))
    .toEqual(['image', 'file', 'file', 'audio', 'video', 'file'])
  expect(opensInBrowser(file('application/pdf'))).toBe(true)
  expect(opensInBrowser(file('text/html'))).toBe(false)
})

test('what is being checked or is harmful is not shown', () => {
  for (const status of ['scanning', 'flagged', 'blocked'] as const) expect(showOf(file('image/png', { status }))).toBe('file')
  expect(isAvailable(file('image/png', { status: 'blocked' }))).toBe(false)
  expect(isAvailable(file('image/png', { url: 'javascript:alert(1)' }))).toBe(false)
})

test('an expired link is fetched anew once, then the error is shown', async () => {
  const refresh = vi.fn(() => Promise.resolve({ url: 'https://files.test/new', thumbnail_url: null, expires_in: 3600 }))
  const link = useLiveLink(() => file('image/png'), refresh)

  await link.onError()
  expect(link.url.value).toBe('https://files.test/new')
  expect(link.hasFailed.value).toBe(false)
  await link.onError()

  expect(refresh).toHaveBeenCalledTimes(1)
  expect(link.hasFailed.value).toBe(true)
})

test('zooming ends at one and five, and keeps what is under the pointer', () => {
  const view = { width: 800, height: 600 }

  expect(zoomed(FITTING, 0.1, view)).toEqual(FITTING)
  expect(zoomed(FITTING, 100, view).zoom).toBe(5)
  const lie = zoomed(FITTING, 2, view, { x: 100, y: 50 })
  expect((100 - lie.x) / lie.zoom).toBe(100)
})

test('arrows go through the pictures, and a dead link is fetched anew', async () => {
  const files = [1, 2, 3].map((n) => file('image/png', { id: `f${n}`, filename: `${n}.png`, url: `https://files.test/${n}.png` }))
  const refresh = vi.fn(() => Promise.resolve({ url: 'https://files.test/fresh.png', thumbnail_url: null, expires_in: 1 }))
  const wrapper = mount(MTViewer, { props: { show: true, files, initialIndex: 1, refresh }, attachTo: document.body })
  await flushPromises()
  expect(wrapper.get('img').attributes('alt')).toBe('2.png')

  await wrapper.get('dialog').trigger('keydown', { key: 'ArrowRight' })
  expect(wrapper.get('img').attributes('alt')).toBe('3.png')
  await wrapper.get('dialog').trigger('keydown', { key: 'ArrowRight' })
  expect(wrapper.get('img').attributes('alt')).toBe('3.png')

  await wrapper.get('img').trigger('error')
  await flushPromises()
  expect(wrapper.get('img').attributes('src')).toBe('https://files.test/fresh.png')
  await wrapper.get('dialog').trigger('cancel')
  expect(wrapper.emitted('close')).toHaveLength(1)
  wrapper.unmount()
})

test('a link that is dead and comes back the same is an error, and no endless loading', async () => {
  const url = 'https://files.test/1.png'
  const refresh = () => Promise.resolve({ url, thumbnail_url: null, expires_in: 1 })
  const wrapper = mount(MTViewer, { props: { show: true, files: [file('image/png', { id: 'f1', url })], refresh }, attachTo: document.body })
  await flushPromises()

  await wrapper.get('img').trigger('error')
  await flushPromises()

  expect(wrapper.find('[role="alert"]').exists()).toBe(true)
  wrapper.unmount()
})
