// What the bundler does not make: the tokens by themselves, types that resolve everywhere, types of the locale files.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import ts from 'typescript'

copyFileSync('src/styles/theme.css', 'dist/theme.css')

/** The shape of the texts, without the texts. */
const shape = (tree) => `{ ${Object.entries(tree).map(([key, value]) => `${JSON.stringify(key)}: ${typeof value === 'string' ? 'string' : shape(value)}`).join('; ')} }`
writeFileSync('dist/i18n/shape.d.ts', `declare const texts: ${shape(JSON.parse(readFileSync('src/i18n/locales/ru.json', 'utf8')))}\nexport default texts\n`)

/** Without the types of a component's own template refs: nobody's business, and they name types that vue-tsc alone knows. */
function withoutRefs(text) {
  const cuts = []
  const visit = (node) => {
    if (ts.isPropertySignature(node) && node.name.getText() === '__VLS_TemplateRefs') cuts.push(node)
    else ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('component.d.ts', text, ts.ScriptTarget.ES2022, true))
  return cuts.reduceRight((left, { pos, end }) => left.slice(0, pos) + left.slice(end), text)
}

for (const path of readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'))) {
  const text = withoutRefs(readFileSync(`dist/${path}`, 'utf8'))
    .replace(/^import '.*\.css';\n/gm, '')
    .replace('./locales/ru.json', './shape.js')
    // Node wants the name of a file.
    .replace(/((?:from|import)\s*\(?\s*['"])(\.{1,2}\/[^'"]+?)(\.js|\.json)?(['"])/g, (_, before, name, extension, after) =>
      `${before}${name === './i18n' || name === '../i18n' || name === '../../i18n' ? `${name}/index` : name}${extension ?? '.js'}${after}`)
  writeFileSync(`dist/${path}`, text)
}

for (const name of ['ru', 'en', 'zh']) {
  writeFileSync(`dist/locales/${name}.d.ts`, "import type { Messages } from '../i18n/messages.js'\ndeclare const texts: Messages\nexport default texts\n")
}
