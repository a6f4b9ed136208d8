/** The real service, with its own PostgreSQL and files on disk, for as long as the run lasts. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const SECRET = 'a secret that is long enough for HS256 and only lives in this test'
const ADMIN = 'an-admin-token-that-only-lives-in-this-test'
const PATIENCE_MS = 90_000
export const SCOPES = { scope_level0: ['nordwind'], scope_level1: [], scope_level2: [] }

/** A token as the host application would sign it (RFC 7519, HS256), good for *life* seconds. */
export function tokenOf(user: string, life = 3600, scopes = SCOPES): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + life
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, scopes, exp })}`
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`
}

/** The address that `startService` has left for every worker. */
export const serviceUrl = () => process.env['MTCHAT_SERVICE_URL']!

/** Ask the service, as the host (no *user*) or as a person; an answer that is not 2xx is an error. */
export async function ask<T = unknown>(method: string, path: string, { user, body }: { user?: string; body?: unknown } = {}): Promise<T> {
  const answer = await fetch(`${serviceUrl()}/api/v1${user ? '' : '/management'}${path}`, {
    method,
    headers: { Authorization: `Bearer ${user ? tokenOf(user) : ADMIN}`, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return (text ? (JSON.parse(text) as { data?: T }).data : undefined) as T
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => probe.once('listening', done))
  const { port } = probe.address() as AddressInfo
  await new Promise((done) => probe.close(done))
  return port
}

/** The command `mtchat`. */
export function program(): string {
  const found = process.env['MTCHAT_BIN'] ?? fileURLToPath(new URL('../../../.venv/bin/mtchat', import.meta.url))
  if (!existsSync(found)) throw new Error(`The browser tests start the service, and ${found} is not there. Say \`make setup\`.`)
  return found
}

export async function startService(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'mtchat-web-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const log = join(folder, 'service.log')
  const out = openSync(log, 'a')
  const service: ChildProcess = spawn(program(), ['serve', '--data', join(folder, 'data')], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      LANG: 'C.UTF-8',
      HOST: '127.0.0.1',
      PORT: String(port),
      ADMIN_API_TOKEN: ADMIN,
      JWT_SECRET: SECRET,
      RATE_LIMIT_ENABLED: 'false',
      PRESENCE_GRACE_SECS: '1',
      SHUTDOWN_GRACE_SECS: '0',
      STORAGE_DIR: join(folder, 'files'),
      PUBLIC_URL: url,
      CORS_ALLOWED_ORIGINS: '*',
    },
    stdio: ['ignore', out, out],
    cwd: folder,
  })
  const ended = new Promise<void>((done) => service.once('exit', () => done()))
  const stop = async () => {
    if (service.exitCode === null && service.signalCode === null) service.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const isReady = () => fetch(`${url}/health/ready`).then(({ ok }) => ok, () => false)
  for (const end = Date.now() + PATIENCE_MS; !(await isReady()); await new Promise((done) => setTimeout(done, 50))) {
    if (Date.now() < end && service.exitCode === null) continue
    const said = readFileSync(log, 'utf8')
    await stop()
    throw new Error(`The service did not come up:\n${said}`)
  }
  process.env['MTCHAT_SERVICE_URL'] = url
  return stop
}
