import { MTChatError } from '@mtchat/client'
import { aMessage, aParticipant, anOutboxEntry, aTranscript, id } from '@mtchat/client/testing'
import { expect, test } from 'vitest'
import en from '../../i18n/locales/en.json'
import { createTranslator } from '../../i18n'
import { deliveryOf } from './delivery'
import { failureOf } from './failures'
import { plainText } from './html'
import { authorOf, peopleOf } from './people'
import { calendar, timelineOf } from './timeline'

const dayOf = calendar((at) => new Date(at).toISOString().slice(0, 10))
const kinds = (rows: Parameters<typeof timelineOf>[0]) =>
  timelineOf(rows, 'ana', dayOf, []).map((item) => ('isFirst' in item && item.isFirst ? `${item.kind}!` : item.kind))

test('an author is said once within five minutes, and again after a day, the divider or somebody else', () => {
  const rows = aTranscript([
    aMessage(1), aMessage(2), aMessage(9), aMessage(10, { sender_id: 'cy' }), aMessage(11, { sender_id: 'cy' }), aMessage(24 * 60, { sender_id: 'cy' }),
  ], { firstUnreadId: id(11) }).rows

  expect(kinds(rows)).toEqual(['day', 'message!', 'message', 'message!', 'message!', 'unread', 'message!', 'day', 'message!'])
})

test('what did not change stays the same object', () => {
  const { rows } = aTranscript([aMessage(1), aMessage(2)])
  const first = timelineOf(rows, 'ana', dayOf, [])

  expect(timelineOf(rows, 'ana', dayOf, first)).toBe(first)
  const longer = timelineOf([...rows, ...aTranscript([], { outbox: [anOutboxEntry(3)] }).rows], 'ana', dayOf, first)
  expect(longer[1]).toBe(first[1])
})

test('the sender of a former participant is a name, never an id', () => {
  const people = peopleOf('ana', [], { dan: { user_id: 'dan', display_name: 'Dan' } })
  const { sender_name: _, ...unsigned } = aMessage(1)

  expect(authorOf(people, aMessage(1, { sender_id: 'u-77', sender_name: 'Eve' }), 'former').name).toBe('Eve')
  expect(authorOf(people, { ...unsigned, sender_id: 'dan' }, 'former').name).toBe('Dan')
  expect(authorOf(people, { ...unsigned, sender_id: 'u-77' }, 'former').name).toBe('former')
})

test('a message is read by those whose mark is at it or past it', () => {
  const people = peopleOf('ana', [
    aParticipant({ user_id: 'ana', last_read_message_id: id(9) }),
    aParticipant({ user_id: 'bo', last_read_message_id: id(5) }),
    aParticipant({ user_id: 'cy', last_read_message_id: id(4) }),
    aParticipant({ user_id: 'dan' }),
  ], {})

  expect(deliveryOf(aMessage(5), people)).toEqual({ state: 'read', readers: ['bo'], of: 3 })
  expect(deliveryOf(aMessage(6), people).state).toBe('sent')
})

test('plain text keeps lines and loses markup', () => {
  expect(plainText('<p>a &amp; b<br>c</p><p>&lt;i&gt;</p>')).toBe('a & b\nc\n<i>')
})

test('a refusal says what is wrong, also where the server has one code for everything', () => {
  const english = createTranslator('en', en)
  const refused = (change: Partial<Parameters<typeof failureOf>[0]>, code = 'INVALID_INPUT', message?: string) =>
    failureOf({ ...anOutboxEntry(1), ...change, error: new MTChatError({ status: 400, code, message }) }, english)
  const file = { s3_key: 'k', filename: 'a.png', content_type: 'image/png', size: 1 }

  expect(refused({ content: 'x'.repeat(50_001) }, 'INVALID_INPUT', 'content is too long')).toBe('Refused: The message is too long')
  expect(refused({ content: '😀'.repeat(30_000) }, 'INVALID_INPUT', 'More than 64 tags.')).toBe('Refused: The server did not accept this: More than 64 tags.')
  expect(refused({ attachments: Array.from({ length: 11 }, () => file) }, 'BAD_REQUEST')).toBe('Refused: Too many files')
  expect(refused({}, 'FORBIDDEN', 'Forbidden: no')).toBe('Refused: You may not do this')
})
