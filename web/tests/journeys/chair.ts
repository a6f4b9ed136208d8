import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A photograph, such as people send. */
export const picture = readFileSync(fileURLToPath(new URL('../../demo/pages/chair.png', import.meta.url)))
