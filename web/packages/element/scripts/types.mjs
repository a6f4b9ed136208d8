// The types of the package: few and closed, as everything they are made of is bundled.
import { writeFileSync } from 'node:fs'
