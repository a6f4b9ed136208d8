import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const css = readFileSync(new URL('./theme.css', import.meta.url), 'utf8')

function block(opening: string): Record<string, string> {
  const from = css.indexOf(opening)
  const body = css.slice(css.indexOf('{', from) + 1, css.indexOf('}', from))
  return Object.fromEntries([...body.matchAll(/--mtchat-([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name!, value!.trim()]))
}
const light = block(".mtchat:where(:not([data-tokens='host'])),\n  :host {")
const dark = block('.mtchat.mtchat--dark')
const auto = block('.mtchat.mtchat--auto')

function luminance(colour: string): number {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
  const [r, g, b] = channels.map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}
function contrast(one: string, two: string): number {
  const [high, low] = [luminance(one), luminance(two)].sort((a, b) => b - a)
  return (high! + 0.05) / (low! + 0.05)
}

const grounds = ['bg', 'bg-secondary', 'bg-hover', 'bubble-own', 'bubble-other', 'primary-bg', 'input-bg']
const texts: [string, string[]][] = [
  ['text', grounds],
  ['text-secondary', grounds],
  ['text-on-primary', ['primary', 'primary-hover']],
  ['text-on-danger', ['danger', 'danger-hover']],
  ['primary', ['bg', 'bg-secondary', 'bg-hover', 'primary-bg', 'bubble-own', 'bubble-other']],
  ['danger', ['bg', 'bg-secondary', 'bg-hover', 'danger-light', 'primary-bg']],
]
const controls: [string, string[]][] = [
  ['input-border', ['bg', 'bg-secondary', 'input-bg']],
  ['focus-ring-strong', ['bg', 'bg-secondary', 'bg-hover', 'bubble-own', 'bubble-other', 'primary-bg']],
  ['success', ['bg']],
  ['warning', ['bg']],
]

describe.each([
  ['light', light],
  ['dark', { ...light, ...dark }],
])('the %s theme', (_, theme) => {
  it.each(texts.flatMap(([text, on]) => on.map((ground) => [text, ground] as const)))('%s is readable on %s', (text, ground) => {
    expect(contrast(theme[text]!, theme[ground]!)).toBeGreaterThanOrEqual(4.5)
  })
  it.each(controls.flatMap(([line, on]) => on.map((ground) => [line, ground] as const)))('%s is seen on %s', (line, ground) => {
    expect(contrast(theme[line]!, theme[ground]!)).toBeGreaterThanOrEqual(3)
  })
})

describe('the themes', () => {
  it('are the same dark, asked for or by preference', () => {
    expect(auto).toEqual(dark)
    expect(Object.keys(dark).length).toBeGreaterThan(20)
  })

  it('have every name a host of the original may set', () => {
    const names = 'bg bg-secondary bg-hover text text-secondary text-on-primary border primary primary-hover primary-bg danger danger-hover danger-light success warning focus-ring focus-ring-strong shadow header-height resizer-width spacing-xs spacing-sm spacing-md spacing-lg border-radius border-radius-md border-radius-lg font-family hover input-bg input-border'
    for (const name of names.split(' ')) expect(light).toHaveProperty([name])
  })
})

describe('all style sheets', () => {
  it.each(['theme.css', 'base.css', 'frame.css', 'chat.css'])('%s is in the layer, has no !important and follows the direction of writing', (name) => {
    const text = readFileSync(new URL(`./${name}`, import.meta.url), 'utf8')
    expect(text.replace(/\/\*[\s\S]*?\*\//g, '').trim()).toMatch(/^@layer mtchat\s*\{/)
    expect(text).not.toContain('!important')
    expect(text).not.toMatch(/\b(margin|padding|border)-(left|right)\b|\btext-align: (left|right)\b/)
  })
})
