import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** Lists, in licenses.txt beside the bundle, whose work is in it and under which terms: they ask for no more than that. */
export function licenses() {
  return {
    name: 'licenses',
    generateBundle() {
      const folders = new Set()
      for (const id of this.getModuleIds()) {
        const folder = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]
        if (folder && existsSync(`${folder}/package.json`)) folders.add(folder)
      }
      const texts = [...folders].sort().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
        const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry))
        return `${name} ${version} (${license})\n\n${file ? readFileSync(`${folder}/${file}`, 'utf8').trim() : ''}`
      })
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: `${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n` })
    },
  }
}
