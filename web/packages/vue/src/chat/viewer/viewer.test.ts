// @vitest-environment happy-dom
import { anAttachment } from '@mtchat/client/testing'
import { flushPromises, mount } from '@vue/test-utils'
import { expect, test, vi } from 'vitest'
import { isAvailable, opensInBrowser, showOf } from '../attachments/kinds'
import { useLiveLink, useOpenLink } from '../attachments/links'
import MTViewer from './MTViewer.vue'
import { isPreviewed, registerPdf } from './pdf'
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

test('a link is made new before the click, once an hour, and the old one stays where there is none', async () => {
  const answers = [Promise.reject(new Error('offline')), Promise.resolve({ url: 'https://files.test/new', thumbnail_url: null, expires_in: 3600 })]
  const refresh = vi.fn(() => answers.shift()!)
  const pdf = file('application/pdf', { url: 'https://files.test/old' })
  const link = useOpenLink(() => pdf, refresh)

  link.prepare()
  link.prepare()
  await flushPromises()
  expect(link.url.value).toBe('https://files.test/old')
  link.prepare()
  await flushPromises()
  expect(link.url.value).toBe('https://files.test/new')
  link.prepare()

  expect(refresh).toHaveBeenCalledTimes(2)
})

test('the host draws a PDF: it is told where, by which link, and when to stop', async () => {
  const pdf = file('application/pdf', { id: 'p1', filename: 'offer.pdf', url: 'https://files.test/old.pdf' })
  expect(isPreviewed(pdf)).toBe(false)
  const drawn: { url: string; signal: AbortSignal }[] = []
  const takeBack = registerPdf((place, { url, filename }, signal) => {
    drawn.push({ url, signal })
    if (url.endsWith('old.pdf')) return Promise.reject(new Error('expired'))
    place.append(`${filename}, page 1`)
    return Promise.resolve()
  })
  expect(isPreviewed(pdf)).toBe(true)
  expect(isPreviewed({ ...pdf, status: 'flagged' })).toBe(false)
  const refresh = () => Promise.resolve({ url: 'https://files.test/new.pdf', thumbnail_url: null, expires_in: 1 })
  const wrapper = mount(MTViewer, { props: { show: true, files: [pdf], refresh }, attachTo: document.body })
  await flushPromises()

  expect(wrapper.get('[role="document"]').text()).toBe('offer.pdf, page 1')
  expect(wrapper.findAll('img')).toHaveLength(0)
  expect(drawn.map(({ url, signal }) => [url, signal.aborted])).toEqual([['https://files.test/old.pdf', true], ['https://files.test/new.pdf', false]])
  wrapper.unmount()
  expect(drawn[1]!.signal.aborted).toBe(true)
  takeBack()
  expect(isPreviewed(pdf)).toBe(false)
})

test('a PDF that cannot be drawn is an error, and is drawn when somebody asks again', async () => {
  let isBroken = true
  const takeBack = registerPdf((place) => {
    if (isBroken) throw new Error('no worker')
    place.append('page 1')
  })
  const url = 'https://files.test/1.pdf'
  const refresh = () => Promise.resolve({ url, thumbnail_url: null, expires_in: 1 })
  const wrapper = mount(MTViewer, { props: { show: true, files: [file('application/pdf', { id: 'p1', url })], refresh }, attachTo: document.body })
  await flushPromises()
  expect(wrapper.find('[role="alert"]').exists()).toBe(true)

  isBroken = false
  await wrapper.get('[role="alert"] button').trigger('click')
  await flushPromises()

  expect(wrapper.get('[role="document"]').text()).toBe('page 1')
  wrapper.unmount()
  takeBack()
})
