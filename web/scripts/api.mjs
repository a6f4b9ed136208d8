// What each package promises to programs, as text to be read in review: node scripts/api.mjs [--write]
// Made from the declarations that are shipped; a change shows in packages/*/api.txt.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const PACKAGES = { client: 'dist/index.d.ts', vue: 'dist/index.d.ts', element: 'types/index.d.ts' }
const at = (path) => fileURLToPath(new URL(`../packages/${path}`, import.meta.url))
const printer = ts.createPrinter({ removeComments: true })

/** The exports of a package with their types, one paragraph each, by name. */
export function apiOf(name) {
  const entry = at(`${name}/${PACKAGES[name]}`)
  const program = ts.createProgram([entry], {
    module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, target: ts.ScriptTarget.ES2022, lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'], types: [], strict: true, noEmit: true,
  })
  const checker = program.getTypeChecker()
  const file = program.getSourceFile(entry)
  if (!file) throw new Error(`${entry} is not there: build the packages first.`)
  const textOf = (one) => {
    const written = one.valueDeclaration?.type
    const text = written
      ? printer.printNode(ts.EmitHint.Unspecified, written, written.getSourceFile())
      : checker.typeToString(checker.getNonNullableType(checker.getTypeOfSymbolAtLocation(one, file)), file, ts.TypeFormatFlags.NoTruncation)
    return text.replace(/import\("[^"]+"\)\./g, '').replace(/\n/g, '\n  ')
  }
  const lines = (word, symbols) => symbols
    .filter((one) => !/^(\$|_|key$|ref$|ref_|class$|style$|onVnode)/.test(one.name))
    .map((one) => `  ${word} ${one.name}${one.flags & ts.SymbolFlags.Optional ? '?' : ''}: ${textOf(one)}`)
    .sort()
  /** What a Vue component takes, shows and exposes; events are the props that begin with `on`. */
  const componentOf = (type) => {
    const made = [...type.getConstructSignatures(), ...type.getCallSignatures()].map((one) => one.getReturnType()).find((one) => one.getProperty('$props'))
    if (!made) return null
    const partsOf = (name) => checker.getPropertiesOfType(checker.getTypeOfSymbolAtLocation(made.getProperty(name), file))
    const props = partsOf('$props')
    const known = new Set(props.map((one) => one.name))
    return [...lines('prop', props), ...lines('slot', partsOf('$slots')), ...lines('exposes', checker.getPropertiesOfType(made).filter((one) => !known.has(one.name)))].join('\n')
  }
  return checker.getExportsOfModule(checker.getSymbolAtLocation(file)).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const declarations = target.declarations ?? []
    const other = declarations.map((one) => /\/packages\/(\w+)\//.exec(one.getSourceFile().fileName)?.[1]).find((found) => found !== name)
    if (other) return `${symbol.name}: as in @mtchat/${other}`
    const component = componentOf(checker.getTypeOfSymbolAtLocation(target, file))
    if (component) return `${symbol.name}\n  component\n${component}`
    const texts = declarations.map((one) => {
      const whole = ts.isVariableDeclaration(one) ? one.parent.parent : one
      return printer.printNode(ts.EmitHint.Unspecified, whole, one.getSourceFile()).replace(/^export |^declare |^export declare |^export default /, '').replace(/^declare /, '')
    })
    return `${symbol.name}\n${texts.join('\n')}`.replace(/\n/g, '\n  ')
  }).sort().join('\n\n') + '\n'
}

const isRun = process.argv[1] === fileURLToPath(import.meta.url)
for (const name of isRun ? Object.keys(PACKAGES) : []) {
  const path = at(`${name}/api.txt`)
  if (process.argv.includes('--write')) writeFileSync(path, apiOf(name))
  else if (readFileSync(path, 'utf8') !== apiOf(name)) throw new Error(`${path} is old: npm run build && npm run api -- --write`)
}
