import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import openapi, { astToString } from 'openapi-typescript'
import { expect, it } from 'vitest'

const at = (path: string) => new URL(path, import.meta.url)

it('the types of the wire are those of docs/openapi.json; if not: npm run wire', async () => {
  const made = astToString(await openapi(at('../../../../docs/openapi.json')))
  const kept = readFileSync(fileURLToPath(at('../src/wire.gen.ts')), 'utf8')

  // The command writes a line of its own above.
  expect(kept.endsWith(made)).toBe(true)
})
