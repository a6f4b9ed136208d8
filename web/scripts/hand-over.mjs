// Puts built files where the service serves them from: node hand-over.mjs <from> <to> <version>
// Each file also packed, and a manifest with the hash a page can check it by.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const [from, to, version] = process.argv.slice(2)
const SMALL = 1024

rmSync(to, { recursive: true, force: true })
mkdirSync(to, { recursive: true })
const files = {}
for (const name of readdirSync(from).sort()) {
  if (name.includes('.map')) continue
  const body = readFileSync(`${from}/${name}`)
  writeFileSync(`${to}/${name}`, body)
  files[name] = { integrity: `sha384-${createHash('sha384').update(body).digest('base64')}`, bytes: body.length }
  if (body.length < SMALL) continue
  const packed = gzipSync(body, { level: 9 })
  writeFileSync(`${to}/${name}.gz`, packed)
  writeFileSync(`${to}/${name}.br`, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }))
  files[name].gzip = packed.length
}
writeFileSync(`${to}/manifest.json`, `${JSON.stringify({ version, files }, null, 2)}\n`)
