import { describe, expect, it } from 'vitest'

import { Ring } from './ring'
import { testOf, Whittled, type Arrived, type Chip } from './whittle'

const record = (seq: number): Arrived => ({
  seq,
  event: seq * 1000,
  arrival: seq * 1000,
  level: ['INFO', 'WARN', 'ERROR'][seq % 3]!,
  service: seq % 2 ? 'cart' : 'payments',
  message: `order ${seq}`,
  body: seq % 5 ? null : '{"Code": "E[1]"}',
  late: false,
})

describe('ring', () => {
  it('keeps the newest, and gives back what goes', () => {
    const r = new Ring<number>(3)
    expect([1, 2, 3].map((n) => r.push(n))).toEqual([undefined, undefined, undefined])
    expect([4, 5].map((n) => r.push(n))).toEqual([1, 2])
    expect([r.first, r.next, r.kept]).toEqual([2, 5, 3])
    expect([1, 2, 3, 4, 5].map((n) => r.at(n))).toEqual([undefined, 3, 4, 5, undefined])
  })
})

describe('whittle', () => {
  it('reads what a chip says', () => {
    const finds = (text: string) => [0, 1, 2, 3, 4, 5].filter((n) => testOf(text)!(record(n)))
    expect(finds('level:error')).toEqual([2, 5])
    expect(finds('service:cart')).toEqual([1, 3, 5])
    expect(finds('ORDER 3')).toEqual([3])
    expect(finds('body:e[1]')).toEqual([0, 5])
    expect(finds('e[1]')).toEqual([])
    expect(finds('/order [34]/')).toEqual([3, 4])
    expect(testOf('/(/')).toBeNull()
  })

  it('counts as if it looked at all that is kept, whatever comes and goes', () => {
    const chips: Chip[] = [
      { text: 'service:cart', not: false },
      { text: 'level:INFO', not: true },
      { text: 'body:e[1]', not: false },
    ]
    for (const some of [[], chips.slice(0, 1), chips.slice(0, 2), chips]) {
      const w = new Whittled(50)
      w.sift(some)
      let seq = 0
      for (const size of [1, 7, 49, 50, 51, 200, 3]) {
        w.push(Array.from({ length: size }, () => record(seq++)))
        const kept = Array.from({ length: Math.min(50, seq) }, (_, i) => record(seq - Math.min(50, seq) + i))
        expect(w.ring.kept).toBe(kept.length)
        expect(w.hits).toEqual(some.map((c) => kept.filter(testOf(c.text)!).length))
        const passing = kept.filter((r) => some.every((c) => testOf(c.text)!(r) !== c.not))
        expect(Array.from({ length: w.count }, (_, i) => w.row(i)!.seq)).toEqual(passing.map((r) => r.seq))
        expect(w.row(w.count)).toBeUndefined()
        expect([...w.levels.values()].reduce((a, b) => a + b, 0)).toBe(kept.length)
      }
    }
  })

  it('looks again when the chips change', () => {
    const w = new Whittled(10)
    w.push(Array.from({ length: 25 }, (_, i) => record(i)))
    expect(w.count).toBe(10)
    w.sift([{ text: 'service:cart', not: true }])
    expect(w.count).toBe(5)
    w.sift([])
    expect(w.count).toBe(10)
    w.clear()
    expect([w.count, w.ring.kept]).toEqual([0, 0])
  })
})
