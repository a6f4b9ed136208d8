import { describe, expect, it } from 'vitest'
import { configOf, propsOf, tokenFrom } from './attributes'

const answers = (body: string, status = 200) => (async () => new Response(body, { status })) as unknown as typeof fetch

describe('attributes', () => {
  it('are on when they are there, and off only when they say false', () => {
    expect(propsOf({ 'show-header': 'false', history: '', shortcuts: 'true' })).toMatchObject({ showHeader: false, history: true, shortcuts: true })
  })

  it('with a word nobody knows fall back to the usual', () => {
    expect(propsOf({ mode: 'sideways', density: 'airy', dir: 'up' })).toEqual({ mode: 'full' })
  })

  it('make a config, which an object of the host goes before', () => {
    const given = { 'base-url': 'https://chat.example/', 'user-id': 'ana', locale: 'zh', 'display-name': 'Ana', company: 'Nordwind' }

    expect(configOf(given, { locale: 'en' }, 'https://elsewhere.example')).toEqual({
      baseUrl: 'https://chat.example',
      userId: 'ana',
      locale: 'en',
      userProfile: { displayName: 'Ana', company: 'Nordwind' },
    })
  })

  it('ask the service the script came from, when they name none', () => {
    expect(configOf({ 'user-id': 'ana' }, {}, 'https://chat.example')?.baseUrl).toBe('https://chat.example')
  })

  it('are no config as long as nobody says who the person is', () => {
    expect(configOf({ 'base-url': 'https://chat.example' }, {}, '')).toBeNull()
  })
})

describe('token-url', () => {
  it('gives a token as text, as a JSON text or as an object', async () => {
    for (const body of ['abc\n', '"abc"', '{"token":"abc"}']) expect(await tokenFrom('/token', answers(body))).toBe('abc')
  })

  it('says that it was refused', async () => {
    await expect(tokenFrom('/token', answers('', 403))).rejects.toThrow('403')
  })
})
