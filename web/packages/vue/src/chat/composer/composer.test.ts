// @vitest-environment happy-dom
import { MTChatError, type ChatClient, type ChatState } from '@mtchat/client'
import { A_DIALOG, aMessage, aParticipant, anOutboxEntry, aState, aTranscript, fixedChat, id } from '@mtchat/client/testing'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defineComponent, h, shallowRef } from 'vue'
import { provideAnnouncer } from '../../announcer'
import { provideClient } from '../../context'
import { addLocale, provideI18n } from '../../i18n'
import en from '../../i18n/locales/en.json'
import { htmlOfText, textOfHtml } from './content'
import { isSend } from './keys'
import { mentionable } from './mentions'
import MTComposer from './MTComposer.vue'

let wrapper: VueWrapper | undefined
beforeEach(() => addLocale('en', en))
afterEach(() => {
  wrapper?.unmount()
  document.body.innerHTML = ''
})

type Composer = InstanceType<typeof MTComposer>

function show(change: Partial<ChatState> = {}, answers: Partial<Record<keyof ChatClient, unknown>> = {}, loadEditor: unknown = () => Promise.reject(new Error('offline'))) {
  const chat = fixedChat(aState({
    capabilities: ['files'],
    transcripts: { [A_DIALOG]: aTranscript([aMessage(1), aMessage(2, { sender_id: 'ana', content: '<p>mine</p>' })]) },
    ...change,
  }), answers)
  const composer = shallowRef<Composer | null>(null)
  wrapper = mount(defineComponent({
    setup() {
      provideI18n(() => ({ locale: 'en' }))
      provideAnnouncer()
      provideClient(chat)
      return () => h(MTComposer, { ref: composer, dialogId: A_DIALOG, enterToSend: true, loadEditor: loadEditor as never })
    },
  }), { attachTo: document.body })
  const area = () => wrapper!.get('textarea').element as HTMLTextAreaElement
  const type = (text: string) => {
    area().value = text
    area().dispatchEvent(new InputEvent('input', { bubbles: true }))
  }
  const press = (init: KeyboardEventInit & { keyCode?: number }) => {
    const event = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init })
    if (init.keyCode !== undefined) Object.defineProperty(event, 'keyCode', { value: init.keyCode })
    if (init.isComposing) Object.defineProperty(event, 'isComposing', { value: true })
    area().dispatchEvent(event)
  }
  const sent = () => chat.calls.filter(([verb]) => verb === 'send').map(([, , message]) => (message as { content: string }).content)
  return { chat, composer, area, type, press, sent }
}

test('a failed send leaves the text where it was', async () => {
  const { area, type, press } = show({}, { send: Promise.reject(new MTChatError({ code: 'STORAGE' })) })
  type('important')

  press({})
  await flushPromises()

  expect(area().value).toBe('important')
  expect(wrapper!.text()).toContain('The browser keeps nothing any more')
})

test('the field is emptied once the message is stored, and keeps what was typed meanwhile', async () => {
  let store: (id: string) => void = () => undefined
  const { area, type, press } = show({}, { send: new Promise<string>((done) => { store = done }) })
  type('first')
  press({})
  await flushPromises()
  expect(area().value).toBe('first')

  type('first and second')
  store('id')
  await flushPromises()

  expect(area().value).toBe(' and second')
})

test('Enter right after typing sends what is in the field at that instant', async () => {
  const { area, press, sent } = show()
  // Typed, and no event has told anybody yet.
  area().value = 'just typed'

  press({})
  await flushPromises()

  expect(sent()).toEqual(['<p>just typed</p>'])
})

test('an Enter that takes a candidate of an input method sends nothing', async () => {
  const { type, press, sent } = show()
  type('ni hao')

  press({ isComposing: true })
  press({ keyCode: 229 })
  await flushPromises()

  expect(sent()).toEqual([])
})

test('Shift+Enter is a line, and so is Enter where it does not send', () => {
  const enter = (init: KeyboardEventInit = {}) => new KeyboardEvent('keydown', { key: 'Enter', ...init })

  expect(isSend(enter(), true)).toBe(true)
  expect(isSend(enter({ shiftKey: true }), true)).toBe(false)
  expect(isSend(enter(), false)).toBe(false)
  expect(isSend(enter({ ctrlKey: true }), false)).toBe(true)
  expect(isSend(enter(), true, true)).toBe(false)
})

test('a refused file is named with its reason', async () => {
  const file = new File(['x'], 'tool.exe', { type: 'application/x-msdownload' })
  const { composer } = show({}, { addFiles: [{ file, reason: 'type' }] })

  composer.value!.addFiles([file])
  await flushPromises()

  expect(wrapper!.text()).toContain('tool.exe was not added: this kind of file is not allowed')
})

test('files dropped on the pane are added, and the target is shown while they are held over it', async () => {
  const { chat } = show()
  const file = new File(['x'], 'a.png', { type: 'image/png' })
  const drag = (name: string) => {
    const event = new Event(name, { bubbles: true, cancelable: true })
    Object.assign(event, { dataTransfer: { types: ['Files'], files: [file], dropEffect: '' } })
    wrapper!.get('.mtchat-composer').element.dispatchEvent(event)
    return event
  }

  await flushPromises()
  drag('dragenter')
  await flushPromises()
  expect(document.body.textContent).toContain('Drop files here')
  expect(drag('dragover').defaultPrevented).toBe(true)
  expect(drag('drop').defaultPrevented).toBe(true)
  await flushPromises()

  expect(chat.calls).toContainEqual(['addFiles', A_DIALOG, [file]])
  expect(document.body.textContent).not.toContain('Drop files here')
})

test('where no files are kept there is no button for them, and what is dropped is refused with the reason', async () => {
  const { chat, composer } = show({ capabilities: [] })
  await flushPromises()
  expect(wrapper!.find('[aria-label="Attach files"]').exists()).toBe(false)

  composer.value!.addFiles([new File(['x'], 'a.png', { type: 'image/png' })])
  await flushPromises()

  expect(chat.calls.map(([verb]) => verb)).not.toContain('addFiles')
  expect(wrapper!.text()).toContain('Files cannot be sent here')
})

test('an up arrow in the empty field edits the last message of one\'s own, and Esc gives the draft back', async () => {
  const { area, press } = show()

  press({ key: 'ArrowUp' })
  await flushPromises()
  expect(area().value).toBe('mine')
  expect(wrapper!.text()).toContain('Editing')

  press({ key: 'Escape' })
  await flushPromises()
  expect(area().value).toBe('')
})

test('a draft is shown, and keys are told as draft and as typing', async () => {
  const { chat, area, type } = show({ drafts: { [A_DIALOG]: { text: '<p>half</p>', replyTo: null, attachments: [], updatedAt: 0 } } })
  expect(area().value).toBe('half')

  type('half a thought')

  expect(chat.calls).toContainEqual(['setDraft', A_DIALOG, '<p>half a thought</p>'])
  expect(chat.calls).toContainEqual(['sendTyping', A_DIALOG, true])
})

test('a message that could not be sent comes back above what was being written', async () => {
  const entry = anOutboxEntry(5, { content: '<p>failed</p>', replyTo: id(1) })
  const { chat, composer, area, type } = show({}, { discard: entry })
  type('new')

  await composer.value!.restore(entry)

  expect(area().value).toBe('failed\n\nnew')
  expect(chat.calls).toContainEqual(['setReply', A_DIALOG, id(1)])
})

test('the closed dialog offers the unsent text', async () => {
  show({
    transcripts: { [A_DIALOG]: aTranscript([], { access: 'none' }) },
    drafts: { [A_DIALOG]: { text: '<p>unsent</p>', replyTo: null, attachments: [], updatedAt: 0 } },
  })
  await flushPromises()

  expect((wrapper!.get('textarea').element as HTMLTextAreaElement).value).toBe('unsent')
  expect(wrapper!.find('.mtchat-composer__send').exists()).toBe(false)
})

test('the rich editor takes over with the text; where it cannot load the plain field goes on', async () => {
  const { area, type, press, sent } = show()
  type('still here')
  area().focus()
  await flushPromises()
  press({})
  await flushPromises()

  expect(sent()).toEqual(['<p>still here</p>'])
})

test('lines become paragraphs and back, and nothing typed is markup', () => {
  expect(htmlOfText('a <b>\nc\n\nd')).toBe('<p>a &lt;b&gt;<br>c</p><p>d</p>')
  expect(textOfHtml('<p>a &lt;b&gt;<br>c</p><p>d</p>')).toBe('a <b>\nc\n\nd')
  expect(htmlOfText('see https://a.test/x.')).toBe('<p>see <a href="https://a.test/x">https://a.test/x</a>.</p>')
  expect(htmlOfText('  \n ')).toBe('')
})

test('people are found by a word of their name or by company, oneself never', () => {
  const list = [aParticipant({ user_id: 'ana', display_name: 'Ana' }), aParticipant({ user_id: 'bo', display_name: 'Bo Anders', company: 'X' }), aParticipant({ user_id: 'cy', display_name: 'Cy', company: 'Banana' })]

  expect(mentionable(list, 'ana', 'an').map((person) => person.user_id)).toEqual(['bo', 'cy'])
  expect(mentionable(list, 'ana', '').length).toBe(2)
})
