import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, find, insert, NOW, pageSegment, patch, remove, START, stopAtKnown } from './segments.js'
import { aMessage, id } from './testing/index.js'
import type { Message, MessagePage, PaginationOptions, Segment } from './types.js'

/** A dialog with these messages, and the page of it that the server would answer. */
function pageOf(all: readonly Message[], asked: PaginationOptions): MessagePage {
  const { limit = 4, before, after, around } = asked
  const from = (id: string) => {
    const at = all.findIndex((message) => message.id >= id)
    return at < 0 ? all.length : at
  }
  let [begin, end] = [0, all.length]
  if (around) {
    begin = Math.max(0, from(around) - Math.floor(limit / 2))
    end = Math.min(all.length, from(around) + Math.floor(limit / 2) + 1)
  } else if (after) {
    const at = all.findIndex((message) => message.id > after)
    begin = at < 0 ? all.length : at
    end = Math.min(all.length, begin + limit)
  } else {
    if (before) end = from(before)
    begin = Math.max(0, end - limit)
  }
  return { messages: all.slice(begin, end), has_more_before: begin > 0, has_more_after: end < all.length }
}

/** Jumps and newest pages, in any order. */
const jumps = fc.oneof(
  fc.constant<PaginationOptions>({}),
  fc.integer({ min: 1, max: 60 }).map((n): PaginationOptions => ({ around: id(n) })),
)
/** Paging goes on from an end of a known stretch. */
const steps = fc.oneof(jumps, fc.record({ side: fc.constantFrom('from', 'to'), index: fc.nat(5) }))
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 })

function asking(segments: readonly Segment[], step: PaginationOptions | { side: string; index: number }): PaginationOptions {
  if (!('side' in step)) return step
  const end = segments[step.index]
  if (!end) return {}
  if (step.side === 'from') return end.from === START ? {} : { before: end.from }
  return end.to === NOW ? {} : { after: end.to }
}

/** Nothing is missing inside, they are sorted, and they do not touch. */
function expectTrue(segments: readonly Segment[], all: readonly Message[]): void {
  for (const { from, to, messages } of segments) {
    const covered = all.filter((message) => message.id >= from && message.id <= to)
    expect(messages.map((message) => message.id)).toEqual(covered.map((message) => message.id))
  }
  segments.slice(1).forEach((segment, at) => {
    expect(segment.from > segments[at]!.to).toBe(true)
  })
}

describe('segments', () => {
  it('whatever pages come in whatever order, no stretch has a hole', () => {
    fc.assert(
      fc.property(numbers, fc.array(steps, { maxLength: 12 }), (known, walk) => {
        const all = known.sort((a, b) => a - b).map((n) => aMessage(n))
        let segments: readonly Segment[] = []
        for (const step of walk) {
          const asked = asking(segments, step)
          segments = insert(segments, pageSegment(pageOf(all, asked), asked))
          expectTrue(segments, all)
        }
      }),
    )
  })

  it('the same pages in any order give the same stretches', () => {
    const orders = fc.array(jumps, { maxLength: 8 }).chain((asked) => {
      const all = { minLength: asked.length, maxLength: asked.length }
      return fc.tuple(fc.constant(asked), fc.shuffledSubarray(asked, all))
    })
    fc.assert(
      fc.property(numbers, orders, (known, [asked, shuffled]) => {
        const all = known.sort((a, b) => a - b).map((n) => aMessage(n))
        const stretches = (order: readonly PaginationOptions[]) =>
          order.reduce<readonly Segment[]>((segments, one) => insert(segments, pageSegment(pageOf(all, one), one)), [])
        expect(stretches(shuffled)).toEqual(stretches(asked))
      }),
    )
  })

  it('paging to both ends finds everything, once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 60 }), (count, start) => {
        const all = Array.from({ length: count }, (_, n) => aMessage(n + 1))
        const first = { around: id(start) }
        let segments = insert([], pageSegment(pageOf(all, first), first))
        for (let turns = 0; turns < 40 && segments[0]!.from !== START; turns++) {
          const asked = { before: segments[0]!.from }
          segments = insert(segments, pageSegment(pageOf(all, asked), asked))
        }
        for (let turns = 0; turns < 40 && segments.at(-1)!.to !== NOW; turns++) {
          const asked = { after: segments.at(-1)!.to }
          segments = insert(segments, pageSegment(pageOf(all, asked), asked))
        }
        expect(segments).toHaveLength(1)
        expect(segments[0]!.messages).toEqual(all)
      }),
    )
  })

  it('a message is added only where its neighbours are known', () => {
    const segments = [{ from: START, to: id(2), messages: [aMessage(1), aMessage(2)] }]

    expect(add(segments, aMessage(5))).toBe(segments)
    expect(find(add([{ ...segments[0]!, to: NOW }], aMessage(5)), id(5))).toBeDefined()
  })

  it('the newer wording wins, whichever comes first', () => {
    const edited = aMessage(1, { content: 'new', last_edited_at: '2031-05-04T11:00:00Z' })
    const segments = [{ from: START, to: NOW, messages: [edited] }]

    expect(find(add(segments, aMessage(1)), id(1))?.content).toBe('new')
    expect(find(insert(segments, { from: START, to: NOW, messages: [aMessage(1)] }), id(1))?.content).toBe('new')
  })

  it('what a believed page leaves out is gone, and only between its bounds', () => {
    const segments = [{ from: START, to: NOW, messages: [aMessage(1), aMessage(2), aMessage(3)] }]

    const after = insert(segments, { from: id(2), to: NOW, messages: [aMessage(3)] }, () => true)

    expect(after[0]!.messages.map((message) => message.id)).toEqual([id(1), id(3)])
  })

  it('nothing changes when nothing is known of it', () => {
    const segments = [{ from: id(1), to: id(2), messages: [aMessage(1)] }]

    expect(remove(segments, id(9))).toBe(segments)
    expect(remove(segments, id(2))).toBe(segments)
    expect(patch(segments, id(2), (message) => ({ ...message, content: 'x' }))).toBe(segments)
  })

  it('when nobody listens any more, "up to now" ends with what is known', () => {
    expect(stopAtKnown([{ from: START, to: NOW, messages: [aMessage(1)] }])[0]!.to).toBe(id(1))
    expect(stopAtKnown([{ from: START, to: NOW, messages: [] }])[0]!.to < id(1)).toBe(true)
    expect(stopAtKnown([])).toEqual([])
  })
})
