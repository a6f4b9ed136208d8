/** Small things remembered on this device; where nothing can be kept, nothing is. */
export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`mtchat:${key}`, JSON.stringify(value))
  } catch {
    // Private mode, or full.
  }
}

export function recall<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(`mtchat:${key}`) ?? 'null') as T | null
  } catch {
    return null
  }
}
