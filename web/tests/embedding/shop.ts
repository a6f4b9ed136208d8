/** The guide's host application, as whatever its example is made of. */
import vue from '@vitejs/plugin-vue'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { emoji } from '../../packages/vue/scripts/emoji.mjs'
import { program, SECRET, tokenOf } from '../server/service'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const EXAMPLES = at('../../../docs/examples/web/')
export const example = (name: string) => readFileSync(EXAMPLES + name, 'utf8')
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' }
/** What the guide says a strict policy is. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' https://chat.example.com",
  "style-src 'self'",
  "connect-src 'self' https://chat.example.com wss://chat.example.com https://files.example.com",
  "img-src 'self' blob: https://files.example.com",
  'media-src https://files.example.com',
  "require-trusted-types-for 'script'",
  'trusted-types vue mtchat dompurify',
].join('; ')

export interface Shop {
  port: number
  close(): Promise<void> | void
}

/** The tag that belongs into a page. */
export const printedTag = (): string => execFileSync(program(), ['sdk', '--url', 'https://chat.example.com'], { encoding: 'utf8' }).trim()

/** A server of files and of ana's tokens, and nothing else. */
export async function filesOf(files: Record<string, string>): Promise<Shop> {
  const server = createServer((question, answer) => {
    const { pathname } = new URL(question.url ?? '/', 'https://shop.example.com')
    const name = pathname.slice(1)
    if (name === 'chat-token') return void answer.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end(tokenOf('ana'))
    const body = files[name]
    if (body === undefined) return void answer.writeHead(name === 'favicon.ico' ? 204 : 404).end()
    answer.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY }).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

/** A bundle around the example; the page's own part is *entry*, in this folder. */
export async function bundleOf(entry: 'react.jsx' | 'vue.ts', folder: string): Promise<Shop> {
  await build({
    configFile: false,
    root: at('.'),
    logLevel: 'error',
    publicDir: false,
    plugins: [vue(), emoji()],
    define: { 'process.env.NODE_ENV': '"production"' },
    resolve: {
      // The examples lie outside of web/, and have what is installed there.
      dedupe: ['react', 'vue', '@mtchat/element'],
      alias: [
        { find: '@mtchat/vue/style.css', replacement: at('../../packages/vue/src/styles/index.css') },
        { find: /^@mtchat\/(client|vue)$/, replacement: at('../../packages/$1/src/index.ts') },
      ],
    },
    build: {
      outDir: folder,
      target: 'es2022',
      cssCodeSplit: false,
      reportCompressedSize: false,
      modulePreload: false,
      rolldownOptions: { input: at(entry), output: { entryFileNames: 'page.js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' } },
    },
  })
  const files = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
  const looks = Object.keys(files).filter((name) => name.endsWith('.css')).map((name) => `<link rel="stylesheet" href="${name}">`).join('')
  return filesOf({
    ...files,
    'shop.css': example('shop.css'),
    'order.html': `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title><link rel="stylesheet" href="shop.css">${looks}<script type="module" src="page.js"></script><p id="last-said"></p><div id="app"></div>`,
  })
}

/** A Django project with the example as its app `shop`, one order and one person. */
export async function django(folder: string, order: string): Promise<Shop> {
  cpSync(at('shop'), join(folder, 'shop'), { recursive: true })
  for (const [name, place] of Object.entries({ 'django_views.py': 'views.py', 'django_urls.py': 'urls.py', 'order.html': 'templates/order.html', 'shop.css': 'static/shop.css' })) {
    const to = join(folder, 'shop', place)
    mkdirSync(dirname(to), { recursive: true })
    cpSync(EXAMPLES + name, to)
  }
  const child = spawn(join(dirname(program()), 'python'), ['-m', 'shop.host', order], {
    cwd: folder,
    env: { PATH: process.env['PATH'], MTCHAT_JWT_SECRET: SECRET, MTCHAT_SDK_TAG: printedTag() },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [first] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [unknown]
  if (typeof first !== 'string') throw new Error('The Django shop did not open.')
  return {
    port: Number(first),
    async close() {
      child.kill()
      await ended
    },
  }
}
