/** The packages as they are shipped: built anew, listed, and used by a consumer. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { beforeAll, describe, expect, it } from 'vitest'
import { apiOf } from '../../scripts/api.mjs'

const WEB = fileURLToPath(new URL('../../', import.meta.url))
const npmCli = process.env['MTCHAT_NPM'] ?? process.env['npm_execpath']
function npm(...words: string[]): string {
  const [command, ...rest] = npmCli ? [process.execPath, npmCli, ...words] : ['npm', ...words]
  return execFileSync(command!, rest, { cwd: WEB, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
const at = (name: string, file: string) => `${WEB}packages/${name}/${file}`

/** What belongs into each package, and no more: tests, sources and settings stay here. */
const PACKED = {
  client: /^dist\/([\w/]+|wire\.gen)\.(js|d\.ts)$/,
  vue: /^dist\/([\w/-]+\.(js|js\.map|css)|[\w./-]+\.d\.ts)$/,
  element: /^(dist\/(script\/)?([\w-]+\.js|licenses\.txt)|types\/index\.d\.ts)$/,
}
const NAMES = Object.keys(PACKED) as (keyof typeof PACKED)[]

beforeAll(() => void npm('run', 'build'))

describe.each(NAMES)('@mtchat/%s', (name) => {
  it('promises what api.txt says; a change is written down with `npm run api -- --write`', () => {
    expect(apiOf(name)).toBe(readFileSync(at(name, 'api.txt'), 'utf8'))
  })

  it('exports what can be imported', async () => {
    const { messages } = await publint({ pkgDir: at(name, ''), pack: false, strict: true })
    expect(messages).toEqual([])
  })

  it('holds what is needed and nothing else', () => {
    const [{ files }] = JSON.parse(npm('pack', '--dry-run', '--ignore-scripts', '--json', '-w', `packages/${name}`)) as [{ files: { path: string }[] }]
    const paths = files.map(({ path }) => path)
    const { exports } = JSON.parse(readFileSync(at(name, 'package.json'), 'utf8')) as { exports: Record<string, string | Record<string, string>> }
    const promised = Object.values(exports).flatMap((one) => (typeof one === 'string' ? [one] : Object.values(one))).filter((path) => !path.includes('*'))

    expect(paths).toEqual(expect.arrayContaining(['README.md', ...promised.map((path) => path.replace('./', ''))]))
    const isExpected = (path: string) => path === 'README.md' || path === 'package.json' || (PACKED[name].test(path) && !path.includes('.test.'))
    expect(paths.filter((path) => !isExpected(path))).toEqual([])
  })
})

it.each(['bundler', 'node16'])('a consumer compiles with moduleResolution %s, libraries checked too', (resolution) => {
  const { stdout } = spawnSync(process.execPath, [`${WEB}node_modules/typescript/bin/tsc`, '-p', `${WEB}tests/packages/consumer/tsconfig.${resolution}.json`], { encoding: 'utf8' })
  expect(stdout).toBe('')
})
