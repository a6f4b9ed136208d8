import { existsSync } from 'node:fs'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/snap/bin/chromium']

/** The browser to drive: the one named in MTCHAT_CHROMIUM, else the distribution's. */
export function chromium(): string {
  const found = process.env['MTCHAT_CHROMIUM'] ?? PLACES.find((path) => existsSync(path))
  if (!found) throw new Error('The browser tests need Chromium. Install the package chromium of your system, or name one: MTCHAT_CHROMIUM=/path/to/chromium.')
  return found
}
