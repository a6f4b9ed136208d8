// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest'
import { found, loadEmoji, recentOf, used } from './emoji'

const chars = async (locale: string, query: string, most = 5) => found(await loadEmoji(locale), query, most).map(({ char }) => char)

describe('emoji', () => {
  beforeEach(() => localStorage.clear())

  it.each(['ru', 'en', 'zh'])('are the same in %s, each in one of nine groups, with a name and without skin tones', async (locale) => {
    const { groups } = await loadEmoji(locale)
    const all = groups.flatMap(({ emoji }) => emoji)

    expect(groups).toHaveLength(9)
    expect(new Set(groups.map(({ name }) => name)).size).toBe(9)
    expect(all.map(({ char }) => char)).toEqual((await loadEmoji('en')).groups.flatMap(({ emoji }) => emoji.map(({ char }) => char)))
    expect(all.length).toBeGreaterThan(1_800)
    expect(all.filter(({ name }) => !name)).toEqual([])
    expect(all.filter(({ char }) => /^\p{Emoji_Modifier}$/u.test(char))).toEqual([])
  })

  it.each([
    ['en', 'rocket', '🚀'],
    ['en', 'thumbs_up', '👍\uFE0F'],
    ['en', 'PIZZ', '🍕'],
    ['ru', 'ракета', '🚀'],
    ['ru', 'еж', '🦔'],
    ['zh', '火箭', '🚀'],
    ['de', 'rocket', '🚀'],
    ['en-GB', 'rocket', '🚀'],
  ])('are found in %s by %s', async (locale, query, char) => {
    expect(await chars(locale, query)).toContain(char)
  })

  it('come by name before those that only have the word among their own', async () => {
    const smiling = found(await loadEmoji('en'), 'smi', 3).map(({ name }) => name)

    expect(smiling.every((name) => name.startsWith('smi'))).toBe(true)
    expect(await chars('en', '  ')).toEqual([])
    expect(await chars('en', 'no such thing')).toEqual([])
  })

  it('are remembered, last used first and each once', async () => {
    const set = await loadEmoji('en')
    for (const char of ['🚀', '🍕', '🚀']) used(char)
    expect(recentOf(set).map(({ char }) => char)).toEqual(['🚀', '🍕'])

    for (const { char } of found(set, 'a', 40)) used(char)
    expect(recentOf(set)).toHaveLength(24)
  })

  it('are not upset by what else lies in the place they are remembered in', async () => {
    for (const kept of ['{"a":1}', '[1,null,"x"]', 'no JSON', '"🚀"']) {
      localStorage.setItem('mtchat:emoji', kept)
      expect(recentOf(await loadEmoji('en'))).toEqual([])
    }
  })
})
