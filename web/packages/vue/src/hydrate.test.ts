// @vitest-environment happy-dom
// What a server sent becomes alive in the browser, and is not made anew.
import { A_DIALOG, aDialog, aMessage, aState, aTranscript, fixedChat } from '@mtchat/client/testing'
import { createSSRApp } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => vi.unstubAllGlobals())

it('a skeleton from the server is taken over without a warning', async () => {
  const config = { baseUrl: 'https://chat.example', userId: 'ana', locale: 'en' }
  for (const name of ['window', 'document', 'navigator', 'localStorage']) vi.stubGlobal(name, undefined)
  const onServer = await import('./index')
  const html = await renderToString(createSSRApp(onServer.MTChat, { config, dialogId: A_DIALOG }))
  vi.unstubAllGlobals()
  vi.resetModules()

  const { MTChat } = await import('./index')
  document.body.innerHTML = `<div id="app">${html}</div>`
  const sent = document.querySelector('.mtchat')
  const complaints = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')]
  const client = fixedChat(aState({
    dialogs: { [A_DIALOG]: aDialog({ id: A_DIALOG, title: 'Order 7' }) },
    open: [A_DIALOG],
    transcripts: { [A_DIALOG]: aTranscript([aMessage(1)]) },
  }))
  const app = createSSRApp(MTChat, { config, client, dialogId: A_DIALOG })
  app.mount('#app')

  await vi.waitFor(() => expect(document.body.textContent).toContain('Order 7'))
  expect(document.querySelector('.mtchat')).toBe(sent)
  expect(document.querySelector('.mtchat-frame')).not.toBeNull()
  for (const complaint of complaints) expect(complaint).not.toHaveBeenCalled()
  app.unmount()
})
