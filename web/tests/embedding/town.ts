/**
 * A town of the names that the guide uses (https://chat.example.com, https://shop.example.com), so that its examples run
 * as they are written. Browsers come in through a proxy that knows no other name.
 */
import { execFileSync } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls'
import { program, serviceUrl } from '../server/service'

/** A certificate of its own for *.example.com, by the library that the service has anyway. */
const MAKE_CERTIFICATE = `
from datetime import UTC, datetime, timedelta
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name([]), datetime.now(UTC)
names = x509.SubjectAlternativeName([x509.DNSName("*.example.com")])
made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
made = made.add_extension(names, critical=True).sign(key, SHA256())
print(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() + made.public_bytes(Encoding.PEM).decode())
`

export class Town {
  private readonly ports = new Map([['chat.example.com', Number(new URL(serviceUrl()).port)]])
  private readonly sockets = new Set<Socket>()
  private readonly gate: Server = createServer((_, answer) => answer.writeHead(501).end())
  private readonly secret: SecureContext

  private constructor() {
    const pem = execFileSync(join(dirname(program()), 'python'), ['-c', MAKE_CERTIFICATE], { encoding: 'utf8' })
    this.secret = createSecureContext({ key: pem, cert: pem })
    this.gate.on('connect', (question, socket: Socket) => this.enter(question.url ?? '', socket))
  }

  static async open(): Promise<Town> {
    const town = new Town()
    await new Promise<void>((done) => town.gate.listen(0, '127.0.0.1', done))
    return town
  }

  /** Where browsers come in. */
  get proxy(): string {
    return `http://127.0.0.1:${(this.gate.address() as AddressInfo).port}`
  }

  /** Somebody moves in: https://*name* is what listens on *port*. */
  settle(name: string, port: number): void {
    this.ports.set(name, port)
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.gate.closeAllConnections()
    await new Promise((done) => this.gate.close(done))
  }

  private enter(address: string, socket: Socket): void {
    const port = this.ports.get(address.replace(/:443$/, ''))
    socket.on('error', () => socket.destroy())
    if (port === undefined) return void socket.end('HTTP/1.1 502 Not in town\r\n\r\n')
    socket.write('HTTP/1.1 200 Come in\r\n\r\n')
    const inside = new TLSSocket(socket, { isServer: true, secureContext: this.secret })
    const house = connect(port, '127.0.0.1')
    inside.pipe(house).pipe(inside)
    for (const [one, other] of [[inside, house], [house, inside]] as const) {
      this.sockets.add(one)
      one.on('error', () => one.destroy())
      one.on('close', () => {
        this.sockets.delete(one)
        other.destroy()
      })
    }
  }
}
