import { mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { startService } from './service'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** Before the first test: the host's pages are built, and the service is up. */
export default async function setup(): Promise<() => Promise<void>> {
  rmSync(at('../../artefacts'), { recursive: true, force: true })
  mkdirSync(at('../../artefacts'), { recursive: true })
  const [stop] = await Promise.all([startService(), build({ configFile: at('../pages/vite.config.ts'), root: at('../pages'), logLevel: 'error' })])
  return stop
}
