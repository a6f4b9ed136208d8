import { describe, expect, it } from 'vitest'
import en from './locales/en.json'
import ru from './locales/ru.json'
import zh from './locales/zh.json'
import type { Messages } from './messages'
import { longer, mirrored } from './pseudo'
import { createTranslator } from './translate'

// A locale that lacks a key, or has a text where others have a plural, does not compile.
const locales: Record<string, Messages> = { ru, en, zh }
const NOW = Date.parse('2026-03-09T12:00:00Z')
const speak = (locale: string, overrides = {}, timeZone = 'UTC') => createTranslator(locale, locales[locale], overrides, { timeZone, now: () => NOW })

function paths(tree: object, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' || 'other' in value ? [prefix + key] : paths(value as object, `${prefix}${key}.`),
  )
}
const parameters = (tree: unknown): string[] => [...new Set(JSON.stringify(tree).match(/\{\w+\}/g) ?? [])].sort()

describe('languages', () => {
  it('all say the same things with the same parameters', () => {
    for (const texts of [en, zh, longer(en), mirrored(en)]) {
      expect(paths(texts)).toEqual(paths(ru))
      for (const path of paths(ru)) {
        const at = (tree: unknown) => path.split('.').reduce((here, part) => (here as Record<string, unknown>)[part], tree)
        expect([path, parameters(at(texts))]).toEqual([path, parameters(at(ru))])
      }
    }
  })

  it('leave nothing out and nothing empty', () => {
    for (const texts of Object.values(locales)) expect(JSON.stringify(texts)).not.toContain('""')
  })

  it.each([
    [0, '0 участников'],
    [1, '1 участник'],
    [2, '2 участника'],
    [4, '4 участника'],
    [5, '5 участников'],
    [11, '11 участников'],
    [21, '21 участник'],
    [22, '22 участника'],
    [111, '111 участников'],
  ])('count in Russian: %i is %s', (count, text) => {
    expect(speak('ru').t('chat.participants', { count })).toBe(text)
  })

  it('count in English and Chinese', () => {
    expect(speak('en').t('chat.participants', { count: 1 })).toBe('1 participant')
    expect(speak('en').t('chat.participants', { count: 2 })).toBe('2 participants')
    expect(speak('zh').t('chat.participants', { count: 1 })).toBe('1 位参与者')
  })

  it('let the host say something in its own words', () => {
    const { t } = speak('en', { buttons: { join: 'Come in' } })
    expect(t('buttons.join')).toBe('Come in')
    expect(t('buttons.cancel')).toBe('Cancel')
  })

  it('put what a person is called in as it is', () => {
    expect(speak('en').t('system.participantJoined', { name: '$& {name}' })).toBe('$& {name} joined')
  })

  it('say the reason of a refusal by its code, unknown ones too', () => {
    expect(speak('en').error({ code: 'FORBIDDEN' })).toBe('You may not do this')
    expect(speak('en').error({ code: 'SOMETHING_NEW' })).toBe('Something went wrong')
  })

  it.each([
    ['2026-03-09T08:00:00Z', 'Today', '8:00 AM'],
    ['2026-03-08T23:59:00Z', 'Yesterday', 'Mar 8'],
    ['2026-01-02T10:00:00Z', 'January 2', 'Jan 2'],
    ['2025-12-31T10:00:00Z', 'December 31, 2025', '12/31/25'],
  ])('name %s', (at, day, brief) => {
    const english = speak('en')
    expect(english.day(at)).toBe(day)
    expect(english.brief(at).replace('\u202f', ' ')).toBe(brief)
  })

  it.each([
    ['en', '1:04 PM', '8:05 AM'],
    ['en-GB', '13:04', '08:05'],
    ['ru', '13:04', '08:05'],
    ['zh', '13:04', '08:05'],
  ])('tell the time as people do in %s', (locale, afternoon, morning) => {
    const { time } = speak(locale)
    expect(time('2026-03-09T13:04:00Z').replace('\u202f', ' ')).toBe(afternoon)
    expect(time('2026-03-09T08:05:00Z').replace('\u202f', ' ')).toBe(morning)
  })

  it('use 24 hours in Russian and the zone asked for', () => {
    expect(speak('ru', {}, 'Asia/Tokyo').time('2026-03-09T08:05:00Z')).toBe('17:05')
    expect(speak('ru', {}, 'Asia/Tokyo').dayKey('2026-03-09T16:00:00Z')).toBe('2026-03-10')
  })

  it('measure files in their own units', () => {
    expect(speak('ru').fileSize(1536)).toBe('1,5 КБ')
    expect(speak('en').fileSize(3 * 1024 * 1024)).toBe('3 MB')
  })

  it('know which way they are written', () => {
    expect(speak('ru').dir).toBe('ltr')
    expect(createTranslator('ar-XB', mirrored(en)).dir).toBe('rtl')
    expect(createTranslator('he', en).dir).toBe('rtl')
    expect(createTranslator('no such language!', en).dir).toBe('ltr')
  })
})

describe('errors', () => {
  it.each(['en', 'ru', 'zh'] as const)('are said in words in %s, known codes and new ones', (locale) => {
    const { error, t } = speak(locale)
    expect(error({ code: 'CONTENT_TOO_LONG', status: 400 })).toBe(t('errors.CONTENT_TOO_LONG'))
    expect(error({ code: 'OF_TOMORROW', status: 403 })).toBe(t('errors.FORBIDDEN'))
    expect(error({ code: 'OF_TOMORROW', status: 418 })).toBe(t('errors.unknown'))
    expect(t('errors.CONTENT_TOO_LONG')).not.toBe('')
    expect(error({ code: 'INVALID_INPUT', status: 400, message: 'Too many tags.' })).toBe(`${t('errors.INVALID_INPUT')}: Too many tags.`)
    expect(error({ code: 'OF_TOMORROW', status: 400, message: 'No.' })).toBe(`${t('errors.INVALID_INPUT')}: No.`)
    expect(error({ code: 'INVALID_INPUT', status: 400, message: 'INVALID_INPUT' })).toBe(t('errors.INVALID_INPUT'))
    expect(error({ code: 'FORBIDDEN', status: 403, message: 'Forbidden: no.' })).toBe(t('errors.FORBIDDEN'))
  })
})
