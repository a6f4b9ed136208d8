import type { MTChatConfig } from './types.js'

const GRACE_MS = 30_000

/** The token, and the one attempt to renew it when the server does not take it. */
export class Auth {
  /** No token was taken, and no other can be had: only `set` helps. */
  isFinal = false
  private renewing: Promise<boolean> | null = null
  private renewedAt: number | null = null
  private wasAccepted = true

  constructor(
    public token: string | null,
    private readonly getToken: MTChatConfig['getToken'],
    private readonly onChange: (what: 'renewing' | 'renewed' | 'final') => void = () => undefined,
  ) {}

  set(token: string | null): void {
    this.token = token
    this.isFinal = false
    this.renewedAt = null
  }

  accepted(): void {
    this.wasAccepted = true
  }

  /** Before the first request: a host that gives no token but a way to one. */
  async first(): Promise<void> {
    if (this.token === null && this.canAsk) await this.renew(null)
  }

  get canAsk(): boolean {
    return this.getToken !== undefined && !this.isFinal
  }

  /** Get another token than the one that was refused. True: try once more with it. */
  renew(refused: string | null): Promise<boolean> {
    if (this.token !== refused) return Promise.resolve(true)
    if (this.isFinal) return Promise.resolve(false)
    return (this.renewing ??= this.ask(refused).finally(() => (this.renewing = null)))
  }

  private async ask(refused: string | null): Promise<boolean> {
    const isTooSoon = this.renewedAt !== null && (!this.wasAccepted || Date.now() - this.renewedAt < GRACE_MS)
    if (this.getToken && !isTooSoon) {
      this.onChange('renewing')
      // Fetching the first token is no attempt to replace one.
      if (refused !== null) {
        this.renewedAt = Date.now()
        this.wasAccepted = false
      }
      try {
        const token = await this.getToken()
        // Meanwhile the host may have given one itself.
        if (this.token !== refused) return true
        if (token && token !== refused) {
          this.token = token
          this.onChange('renewed')
          return true
        }
      } catch {
        // Whatever the host's function threw: there is no token.
      }
    }
    this.isFinal = true
    this.onChange('final')
    return false
  }
}
