// How much a page loads, minified and gzipped, against what each package may weigh. Fails above.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const KB = 1024

/** Each package may add its own in `size.json`: [{ name, entry, limitKB, goalKB?, external?, only?, isFinal? }]: only is what a page takes of it; final is what is served as it is. A goal is what was promised, a limit what we hold until then. */
const budgets = readdirSync(`${root}packages`).flatMap((name) => {
  const file = `${root}packages/${name}/size.json`
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).map((each) => ({ ...each, folder: `packages/${name}` })) : []
})

let isOver = false
for (const { name, entry, limitKB, goalKB, external = [], only, isFinal, folder } of budgets) {
  const path = `${root}${folder}/${entry}`
  if (!existsSync(path)) {
    console.error(`${name}: ${folder}/${entry} is missing; build first.`)
    isOver = true
    continue
  }
  const size = isFinal ? packed(readFileSync(path)) : await bundled(path, external, only)
  const goal = goalKB && size > goalKB ? `, GOAL OF ${goalKB} KB MISSED` : ''
  const says = `${name}: ${size.toFixed(1)} of ${limitKB} KB${goal}`
  if (size > limitKB) isOver = true
  console.log(size > limitKB ? `${says}  TOO MUCH` : says)
}
process.exitCode = isOver ? 1 : 0

/** In KB, as gzip packs it. */
function packed(contents) {
  return gzipSync(contents, { level: 9 }).length / KB
}

async function bundled(path, external, only) {
  const result = await build({
    ...(only ? { stdin: { contents: `export { ${only} } from ${JSON.stringify(path)}`, resolveDir: root } } : { entryPoints: [path] }),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external,
    // What is loaded later counts for itself.
    splitting: true,
    outdir: 'out',
    write: false,
    metafile: true,
    absWorkingDir: root,
    loader: { '.css': 'css' },
  })
  // Only what the entry imports itself, and what that imports.
  const { outputs } = result.metafile
  const seen = new Set()
  const follow = (name) => {
    if (seen.has(name) || !outputs[name]) return
    seen.add(name)
    for (const { kind, path: next } of outputs[name].imports) if (kind === 'import-statement') follow(next)
  }
  const isFirst = ({ entryPoint }) => entryPoint === '<stdin>' || (!only && entryPoint && path.endsWith(entryPoint))
  follow(Object.keys(outputs).find((name) => isFirst(outputs[name])))
  const files = result.outputFiles.filter(({ path }) => [...seen].some((name) => path.endsWith(`/${name}`)))
  return files.reduce((sum, file) => sum + packed(file.contents), 0)
}
