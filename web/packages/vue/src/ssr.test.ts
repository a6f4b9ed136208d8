// Runs in Node without a document, as a server does.
import { createSSRApp } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { expect, it } from 'vitest'

it('is imported and rendered where there is no page', async () => {
  expect(typeof document).toBe('undefined')
  const { MTChat } = await import('./index')
  const html = await renderToString(createSSRApp(MTChat, { config: { baseUrl: 'https://chat.example', userId: 'ana' } }))
  expect(html).toContain('mtchat-skeleton-rows')
  expect(html).toContain('mtchat--light')
})
