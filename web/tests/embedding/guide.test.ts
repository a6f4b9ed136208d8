// @vitest-environment happy-dom
/** The guide says what there is: every name is in it, and none that is not there. */
import { ATTRIBUTES } from '../../packages/element/src/attributes'
import { MTChatElement } from '@mtchat/element'
import { createTestServer } from '@mtchat/client/testing'
import { MTChat } from '@mtchat/vue'
import { mount } from '@vue/test-utils'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const guide = read('docs/guide/embedding.md')
const section = (title: string) => guide.split(/^## /m).find((text) => text.startsWith(`${title}\n`))!
const names = (text: string) => [...text.matchAll(/`([\w-]+)(?:\([^`]*\))?`/g)].map(([, name]) => name!)
/** What the tables of a section name in a column. */
const column = (title: string, at = 0, table?: string) =>
  section(title)
    .split('\n\n')
    .filter((text) => text.startsWith(table ? `| ${table} ` : '| '))
    .flatMap((text) => text.split('\n').slice(2))
    .flatMap((row) => names(row.split('|')[at + 1]!))
    .sort()

const component = MTChat as unknown as { props: object; emits: string[] }
const EXPOSED = Object.keys(
  (() => {
    const mounted = mount(MTChat, { props: { config: createTestServer().config('ana') } })
    const { exposed } = mounted.vm.$ as unknown as { exposed: Record<string, unknown> }
    mounted.unmount()
    return exposed
  })(),
).sort()
const OF_ELEMENT = Object.getOwnPropertyDescriptors(MTChatElement.prototype)
const isMethod = (name: string) => typeof OF_ELEMENT[name]?.value === 'function' && name !== 'constructor' && !name.endsWith('Callback')
const sourceFiles = readdirSync(join(ROOT, 'web/packages/vue/src'), { recursive: true, encoding: 'utf8' })

describe('the guide', () => {
  it.each(readdirSync(join(ROOT, 'docs/examples/web')))('quotes %s as it is', (name) => {
    expect(guide).toContain(`[${name}](../examples/web/${name})\n\n\`\`\`${{ py: 'python' }[name.split('.')[1]!] ?? name.split('.')[1]}\n${read(`docs/examples/web/${name}`)}\`\`\``)
  })

  it('names every prop', () => {
    expect(column('Props and attributes')).toEqual(Object.keys(component.props).sort())
  })

  it('names every attribute', () => {
    expect(column('Props and attributes', 1)).toEqual([...ATTRIBUTES].sort())
  })

  it('names every event', () => {
    expect(column('Events')).toEqual([...component.emits].sort())
  })

  it('names every slot', () => {
    const slots = /defineSlots<\{(.*?)\n\}>/s.exec(read('web/packages/vue/src/MTChat.vue'))![1]!
    expect(column('Slots')).toEqual([...slots.matchAll(/'([\w-]+)'\?:/g)].map(([, name]) => name!).sort())
  })

  it('names every method, which the element has too', () => {
    const methods = column('Methods', 0, 'Method')
    expect([...methods, ...column('Methods', 0, 'To read')].sort()).toEqual(EXPOSED)
    expect(methods).toEqual(Object.keys(OF_ELEMENT).filter((name) => isMethod(name) && EXPOSED.includes(name)).sort())
    for (const name of column('Methods', 0, 'To read')) expect(OF_ELEMENT, name).toHaveProperty(name === 'isConnected' ? 'isOnline' : name)
  })

  it('names every variable of the look', () => {
    const declared = new Set([...read('web/packages/vue/src/styles/theme.css').matchAll(/^\s+(--mtchat-[\w-]+):/gm)].map(([, name]) => name!))
    expect(column('The look')).toEqual([...declared].sort())
  })

  it('names every part', () => {
    const parts = sourceFiles
      .filter((name) => name.endsWith('.vue'))
      .flatMap((name) => [...read(`web/packages/vue/src/${name}`).matchAll(/\bpart="([^"]+)"/g)].flatMap(([, value]) => value!.match(/bubble-own|bubble|^[\w-]+$/g) ?? []))
    expect(names(/^Parts: .*$/m.exec(section('The look'))![0]).sort()).toEqual([...new Set(parts)].sort())
  })
})
