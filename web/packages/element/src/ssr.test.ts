// Runs in Node without a document, as a server does.
import { expect, it } from 'vitest'

it('is imported where there is no page, and defines nothing', async () => {
  expect(typeof document).toBe('undefined')
  expect(typeof customElements).toBe('undefined')
  const { defineMTChat } = await import('./index')
  expect(() => defineMTChat()).not.toThrow()
})
