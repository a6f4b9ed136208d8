/** The way to the service, with a switch: what is cut off fails as if a cable had been pulled. */
export interface Network {
  isCut: boolean
  readonly fetch: typeof fetch
  readonly WebSocket: new (url: string) => WebSocket
  readonly XMLHttpRequest: new () => XMLHttpRequest
  cut(): void
  restore(): void
}

export function createNetwork(): Network {
  const open = new Set<WebSocket>()
  const pending = new Set<AbortController>()
  const network: Network = {
    isCut: false,
    async fetch(input, init = {}) {
      if (network.isCut) throw new TypeError('The network is cut.')
      const stop = new AbortController()
      pending.add(stop)
      const signals = init.signal ? [init.signal, stop.signal] : [stop.signal]
      try {
        return await fetch(input, { ...init, signal: AbortSignal.any(signals) })
      } catch (cause) {
        if (stop.signal.aborted && !init.signal?.aborted) throw new TypeError('The network is cut.')
        throw cause
      } finally {
        pending.delete(stop)
      }
    },
    WebSocket: class extends WebSocket {
      constructor(url: string) {
        super(url)
        open.add(this)
        this.addEventListener('close', () => open.delete(this))
        if (network.isCut) this.close()
      }
    },
    XMLHttpRequest: class extends XMLHttpRequest {
      override send(body?: XMLHttpRequestBodyInit | Document | null): void {
        if (network.isCut) queueMicrotask(() => this.dispatchEvent(new ProgressEvent('error')))
        else super.send(body)
      }
    },
    cut() {
      network.isCut = true
      for (const socket of open) socket.close()
      for (const stop of pending) stop.abort()
    },
    restore() {
      network.isCut = false
    },
  }
  return network
}
