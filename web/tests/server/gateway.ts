/**
 * One person's way to the host's pages and to the service, which can be made bad: cut, slow, answering nonsense.
 * The pages come with the strict policy of a careful host; what the browser reports against it is kept.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { serviceUrl, tokenOf } from './service'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const TYPES: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.png': 'image/png', '.svg': 'image/svg+xml', '.json': 'application/json' }
/** Where files of these addresses lie. */
const FOLDERS: [prefix: string, folder: string][] = [
  ['/pages/', at('../pages/dist/')],
  ['/host/', at('../pages/static/')],
  ['/demo/files/', at('../../../src/mtchat_app/demo_pages/')],
]

export type Fault =
  | { kind: 'cut' }
  | { kind: 'status'; status: number; on?: RegExp; headers?: Record<string, string> }
  | { kind: 'delay'; ms: number; on?: RegExp }
  /** The service gets the request, the person never gets the answer. */
  | { kind: 'no-answer'; on: RegExp }

export interface Asked {
  method: string
  path: string
  status: number
  key: string | undefined
  scopes: string | undefined
}

export class Gateway {
  readonly asked: Asked[] = []
  readonly reports: string[] = []
  /** How long tokens from /token are good, in seconds; null: the host gives none. */
  tokenLife: number | null = 3600
  tokensGiven = 0
  hasFailed = false
  private fault: Fault | null = null
  private readonly tokens = new Set<string>()
  private readonly refused = new Set<string>()
  private readonly sockets = new Set<Socket>()
  private readonly server: Server
  private storageSources: string

  private constructor(private readonly user: string) {
    this.storageSources = serviceUrl()
    this.server = createServer((question, answer) => void this.serve(question, answer))
    this.server.on('upgrade', (question: IncomingMessage, socket: Socket, head: Buffer) => this.upgrade(question, socket, head))
  }

  static async open(user: string): Promise<Gateway> {
    const gateway = new Gateway(user)
    await new Promise<void>((done) => gateway.server.listen(0, '127.0.0.1', done))
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  break(fault: Fault): void {
    this.hasFailed = true
    this.fault = fault
    if (fault.kind === 'cut') this.drop()
  }

  /** As when they run out: only tokens that have not been used yet are taken. */
  refuseTokensSoFar(): void {
    this.hasFailed = true
    for (const token of this.tokens) this.refused.add(token)
  }

  mend(): void {
    this.fault = null
  }

  /** Ends every socket that is open, and lets new ones come. */
  drop(): void {
    this.hasFailed = true
    for (const socket of this.sockets) socket.destroy()
  }

  get openSockets(): number {
    return this.sockets.size
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.closeAllConnections()
    await new Promise((done) => this.server.close(done))
  }

  /** What a careful host allows (ui-spec 14); reports come back here. */
  private get policy(): string {
    return [
      "default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'none'", "base-uri 'none'",
      `connect-src 'self' ${this.url.replace('http', 'ws')} ${this.storageSources}`,
      `img-src 'self' blob: ${this.storageSources}`,
      `media-src ${this.storageSources}`,
      "require-trusted-types-for 'script'", 'trusted-types vue mtchat dompurify',
      'report-uri /csp-report',
    ].join('; ')
  }

  private async serve(question: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(question.url ?? '/', 'http://host')
    const { pathname } = url
    if (pathname.startsWith('/api/') || pathname.startsWith('/sdk/') || pathname.startsWith('/health')) return this.forward(question, answer)
    if (pathname === '/csp-report') {
      const parts: Buffer[] = []
      for await (const part of question) parts.push(part as Buffer)
      this.reports.push(Buffer.concat(parts).toString())
      answer.writeHead(204).end()
    } else if (pathname === '/token') {
      if (this.tokenLife === null) return void answer.writeHead(401).end()
      this.tokensGiven += 1
      answer.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ token: tokenOf(url.searchParams.get('user') ?? this.user, this.tokenLife) }))
    } else if (pathname === '/favicon.ico') answer.writeHead(204).end()
    else if (['/vue', '/element', '/long'].includes(pathname)) this.give(answer, at(`../pages/static${pathname}.html`), url)
    else if (pathname === '/demo/gallery') this.give(answer, at('../../../src/mtchat_app/demo_pages/gallery.html'), url)
    else if (pathname === '/demo/gallery/element') this.give(answer, at('../../../src/mtchat_app/demo_pages/gallery-element.html'), url)
    else {
      const place = FOLDERS.find(([prefix]) => pathname.startsWith(prefix))
      this.give(answer, place ? join(place[1], normalize(`/${pathname.slice(place[0].length)}`)) : '', url)
    }
  }

  private give(answer: ServerResponse, path: string, url: URL): void {
    if (!path || !existsSync(path) || !statSync(path).isFile()) return void answer.writeHead(404).end(`nothing at ${url.pathname}`)
    let body: Buffer | string = readFileSync(path)
    const isPage = extname(path) === '.html'
    if (isPage) body = body.toString().replace("<!-- the sdk's script tag -->", '<script src="/sdk/mt-chat.js" defer></script>')
    if (isPage && url.searchParams.has('hostile')) body = body.toString().replace('</head>', '<link rel="stylesheet" href="/host/hostile.css"><script src="/host/hostile.js" defer></script></head>')
    answer.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Cache-Control': 'no-store', ...(isPage && { 'Content-Security-Policy': this.policy }) }).end(body)
  }

  private async forward(question: IncomingMessage, answer: ServerResponse): Promise<void> {
    const fault = this.faultOf(question)
    const note = (status: number) => this.asked.push({ method: question.method ?? '', path: question.url ?? '', status, key: question.headers['idempotency-key'] as string | undefined, scopes: question.headers['x-scope-config'] as string | undefined })
    if (fault?.kind === 'cut') return void question.socket.destroy()
    if (fault?.kind === 'status') {
      note(fault.status)
      question.resume()
      const code = { 401: 'UNAUTHORIZED', 403: 'FORBIDDEN', 429: 'RATE_LIMIT_EXCEEDED' }[fault.status] ?? 'INTERNAL_ERROR'
      return void answer.writeHead(fault.status, { 'Content-Type': 'application/json', ...fault.headers }).end(JSON.stringify({ error: { code, message: 'made by the test' } }))
    }
    if (fault?.kind === 'delay') await new Promise((done) => setTimeout(done, fault.ms))
    const service = new URL(serviceUrl())
    const onward = request({ host: service.hostname, port: service.port, method: question.method, path: question.url, headers: { ...question.headers, host: service.host } }, (reply) => {
      note(reply.statusCode ?? 0)
      if (fault?.kind === 'no-answer') {
        reply.resume()
        return void reply.once('end', () => question.socket.destroy())
      }
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    question.pipe(onward)
  }

  private faultOf(question: IncomingMessage): Fault | null {
    const { fault } = this
    const token = question.headers.authorization?.slice('Bearer '.length) ?? new URL(question.url ?? '/', 'http://host').searchParams.get('token')
    if (token) this.tokens.add(token)
    if (token && this.refused.has(token)) return { kind: 'status', status: 401 }
    if (!fault || (question.url ?? '').startsWith('/sdk/')) return null
    if (fault.kind === 'cut' || !fault.on) return fault
    return fault.on.test(`${question.method} ${question.url}`) ? fault : null
  }

  private upgrade(question: IncomingMessage, socket: Socket, head: Buffer): void {
    const fault = this.faultOf(question)
    if (fault?.kind === 'cut') return void socket.destroy()
    if (fault?.kind === 'status') return void socket.end(`HTTP/1.1 ${fault.status} Made by the test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
    const service = new URL(serviceUrl())
    const onward = connect(Number(service.port), service.hostname)
    const headers = question.rawHeaders.flatMap((name, at) => (at % 2 ? [] : [`${name}: ${/^host$/i.test(name) ? service.host : question.rawHeaders[at + 1]}`]))
    onward.write(`${question.method} ${question.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
    onward.write(head)
    onward.pipe(socket).pipe(onward)
    this.sockets.add(socket)
    socket.on('close', () => {
      this.sockets.delete(socket)
      onward.destroy()
    })
    onward.on('close', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
  }
}
