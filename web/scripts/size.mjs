/**
 * How much a page loads, minified and gzipped, against what ui-spec 15 allows. Builds what it needs. Fails above.
 *
 * A first load is everything a page with MTChat and one dialog of plain messages fetches before those are painted: what MTChat
 * imports, and what that imports. Beside it comes the file of its language, which counts for itself. Whatever else is fetched
 * only after the messages (tests/gates/speed.e2e.ts looks) or when it is asked for counts as a part: with all that it imports
 * and the first load has not. The sanitiser is a part of its own, as the editor and messages with links share it.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, transform } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const vite = `${root}node_modules/vite/bin/vite.js`
const run = (at, ...command) => promisify(execFile)(process.execPath, command, { cwd: `${root}packages/${at}` })

// Beside what is published, as that has types in it which take longer.
const vueOut = `${root}node_modules/.size/vue`
await Promise.all([
  run('vue', vite, 'build', '--logLevel', 'error', '--outDir', vueOut, '--emptyOutDir'),
  run('element', vite, 'build', '--logLevel', 'error').then(() => run('element', 'scripts/one-script.mjs')),
])

/**
 * Each package says in `size.json` what is measured: [{ name, limitKB, adr?, heldKB?, … }] and one of
 *   file: served as it is; style: the same, once made small;
 *   entry: all that loads with it, names: of what it exports, external: what a page has already;
 *   part: the module that is asked for later, of: the first load's name, beside: parts that count for themselves.
 * heldKB is what we hold where the limit is not met, and adr says why.
 */
const rows = readdirSync(`${root}packages`).flatMap((name) => {
  const file = `${root}packages/${name}/size.json`
  const at = (path) => (name === 'vue' ? path.replace(/^dist/, vueOut) : `${root}packages/${name}/${path}`)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).map((row) => ({ ...row, at })) : []
})

const bundles = new Map()
const table = []
for (const row of rows) {
  const { limitKB, heldKB = limitKB, adr } = row
  const size = row.file ? packed(readFileSync(row.at(row.file))) : row.style ? packed(await small(row.at(row.style))) : await weighed(row)
  const verdict = size > heldKB ? 'TOO MUCH' : size > limitKB ? `ADR ${adr}: held below ${heldKB} KB` : 'ok'
  table.push([row.name, `${size.toFixed(1)} KB`, `${limitKB} KB`, verdict])
}
const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column].length)))
for (const row of table) console.log(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : column === 3 ? cell : cell.padStart(widths[column]))).join('  '))
const over = table.filter((row) => row[3] === 'TOO MUCH').length
const held = table.filter((row) => row[3].startsWith('ADR')).length
console.log(`Sizes: ${over ? 'failed' : 'passed'}; ${table.length - over - held} within their limits, ${held} held above, ${over} too much`)
process.exitCode = over ? 1 : 0

/** In KB, as gzip packs it. */
function packed(contents) {
  return gzipSync(contents, { level: 9 }).length / 1024
}

async function small(path) {
  return (await transform(readFileSync(path), { loader: 'css', minify: true, target: 'es2022' })).code
}

async function weighed(row) {
  const bundle = row.part ? bundles.get(row.of) : await bundled(row)
  if (row.part) {
    const known = new Set([bundle.first, ...(row.beside ?? []).map((part) => bundle.needs(bundle.asked(part)))].flatMap((names) => [...names]))
    return bundle.sum([...bundle.needs(bundle.asked(row.part))].filter((name) => !known.has(name)))
  }
  bundles.set(row.name, bundle)
  return bundle.sum(bundle.first)
}

async function bundled({ entry, names = '*', external = [], at }) {
  const { metafile, outputFiles } = await build({
    stdin: { contents: `export ${names} from ${JSON.stringify(at(entry))}`, resolveDir: root, sourcefile: 'page.js' },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    // As the service serves it; escaped, Russian would weigh more.
    charset: 'utf8',
    external,
    alias: { '@mtchat/client': `${root}packages/client/src/index.ts` },
    // What is loaded later counts for itself.
    splitting: true,
    outdir: 'out',
    write: false,
    metafile: true,
    absWorkingDir: root,
  })
  const { outputs } = metafile
  const needs = (name, seen = new Set()) => {
    if (!outputs[name] || seen.has(name)) return seen
    seen.add(name)
    for (const { kind, path } of outputs[name].imports) if (kind === 'import-statement') needs(path, seen)
    return seen
  }
  const named = (is, what) => Object.keys(outputs).find((name) => is(outputs[name].entryPoint ?? '')) ?? fail(`Nothing asks for ${what}.`)
  return {
    first: needs(named((entry) => entry.endsWith('page.js'), entry)),
    asked: (part) => named((entry) => entry.endsWith(`/${part}.js`), part),
    needs,
    sum: (all) => outputFiles.reduce((sum, { path, contents }) => ([...all].some((name) => path.endsWith(`/${name}`)) ? sum + packed(contents) : sum), 0),
  }
}

function fail(why) {
  throw new Error(why)
}
