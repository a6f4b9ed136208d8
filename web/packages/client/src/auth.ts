import type { MTChatConfig } from './types.js'

const GRACE_MS = 30_000

export type Auth = ReturnType<typeof createAuth>

/** The token, and the one attempt to renew it when the server does not take it. */
export function createAuth(
  initial: string | null,
  getToken?: MTChatConfig['getToken'],
  onChange: (what: 'renewed' | 'final') => void = () => undefined,
) {
  let token = initial
  /** No token was taken, and no other can be had: only `set` helps. */
  let isFinal = false
  let renewing: Promise<boolean> | null = null
  let renewedAt: number | null = null
  let wasAccepted = true

  const ask = async (refused: string | null): Promise<boolean> => {
    const isTooSoon = renewedAt !== null && (!wasAccepted || Date.now() - renewedAt < GRACE_MS)
    if (getToken && !isTooSoon) {
      // Fetching the first token is no attempt to replace one.
      if (refused !== null) {
        renewedAt = Date.now()
        wasAccepted = false
      }
      try {
        const next = await getToken()
        // Meanwhile the host may have given one itself.
        if (token !== refused) return true
        if (next && next !== refused) {
          token = next
          onChange('renewed')
          return true
        }
      } catch {
        // Whatever the host's function threw: there is no token.
      }
    }
    isFinal = true
    onChange('final')
    return false
  }
  const canAsk = () => getToken !== undefined && !isFinal
  /** Get another token than the one that was refused. True: try once more with it. */
  const renew = (refused: string | null): Promise<boolean> => {
    if (token !== refused) return Promise.resolve(true)
    if (isFinal) return Promise.resolve(false)
    return (renewing ??= ask(refused).finally(() => (renewing = null)))
  }

  return {
    get token() {
      return token
    },
    get isFinal() {
      return isFinal
    },
    set(next: string | null): void {
      token = next
      isFinal = false
      renewedAt = null
    },
    accepted(): void {
      wasAccepted = true
    },
    canAsk,
    renew,
    /** Before the first request: a host that gives no token but a way to one. */
    async first(): Promise<void> {
      if (token === null && canAsk()) await renew(null)
    },
  }
}
