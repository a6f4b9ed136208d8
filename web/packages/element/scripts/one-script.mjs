// From the modules in dist, the same for one script tag: dist/script/mt-chat.js runs as a classic script (and as a module),
// and the parts it loads later find what they share with it under a symbol, as a script can't be imported from.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseAst } from 'vite'

const modules = readdirSync('dist').filter((name) => name.endsWith('.js'))
const core = modules.find((name) => name.startsWith('core-'))
if (!core) throw new Error('dist has no core: run vite build first.')
const shared = core.replace('core-', 'shared-')
const key = `Symbol.for(${JSON.stringify(`mtchat ${core}`)})`

const { source, exports } = withoutExports(readFileSync(`dist/${core}`, 'utf8'))
rmSync('dist/script', { recursive: true, force: true })
mkdirSync('dist/script')

const getters = exports.map(({ local, exported }) => `get ${JSON.stringify(exported)}(){return ${local}}`)
write('mt-chat.js', [
  '/*! MTChat, MIT. What is in it of others: licenses.txt beside this file. */',
  '(()=>{"use strict";',
  `const MT_KEY=${key};if(globalThis[MT_KEY])return;`,
  // Where the parts lie, if not beside this script: <script data-base="https://cdn.example/mtchat/">
  'const MT_BASE=typeof document>"u"?"":document.currentScript?.dataset.base??"",MT_LOAD=name=>import((MT_BASE?new URL(MT_BASE,document.baseURI).href:"./")+name);',
  `Object.defineProperty(globalThis,MT_KEY,{value:{${getters.join(',')}}});`,
  source,
  '})();',
].join('\n'))
write(shared, `const s=globalThis[${key}];${exports.map(({ exported }, at) => `const v${at}=s[${JSON.stringify(exported)}];`).join('')}export{${exports.map(({ exported }, at) => `v${at} as ${exported}`).join(',')}};`)
copyFileSync('dist/licenses.txt', 'dist/script/licenses.txt')
for (const name of modules) {
  if (name === core || name === 'index.js') continue
  write(name, readFileSync(`dist/${name}`, 'utf8').replaceAll(`./${core}`, `./${shared}`))
}

function write(name, text) {
  writeFileSync(`dist/script/${name}`, text)
}

/** The code with its exports taken off, and its later parts asked for through MT_LOAD. */
function withoutExports(code) {
  const cuts = []
  const exports = []
  const visit = (node) => {
    if (!node || typeof node !== 'object') return
    if (node.type === 'ImportDeclaration' || node.type === 'MetaProperty' && node.meta?.name === 'import') {
      throw new Error(`A script can't hold ${node.type}.`)
    }
    if (node.type === 'ImportExpression') {
      const name = node.source.value ?? node.source.quasis?.[0]?.value.cooked
      if (!name?.startsWith('./')) throw new Error('A part is asked for by a name that is not beside us.')
      cuts.push({ from: node.start, to: node.end, by: `MT_LOAD(${JSON.stringify(name.slice(2))})` })
    }
    if (node.type === 'ExportNamedDeclaration') {
      if (node.source || node.declaration) throw new Error('Only plain exports can be taken off.')
      for (const { local, exported } of node.specifiers) exports.push({ local: local.name, exported: exported.name ?? exported.value })
      cuts.push({ from: node.start, to: node.end, by: '' })
    }
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) value.forEach(visit)
      else visit(value)
    }
  }
  visit(parseAst(code))
  const source = cuts.sort((a, b) => b.from - a.from).reduce((text, { from, to, by }) => text.slice(0, from) + by + text.slice(to), code)
  return { source, exports }
}
