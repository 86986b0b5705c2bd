import { describe, expect, it } from 'vitest'

import { dependents, graph, mentions, signature, type Node } from './names'

describe('mentions', () => {
  it('leaves out strings and comments', () => {
    const m = mentions(`select "Qu""oted", 'text $no', e'it\\'s $no', $$ $no x $$, $t$ $no $t$, 1e5x -- $no word
      /* $no /* nested */ still */ from Beta where a = $Service and b = $_x1`)
    expect([...m.params].sort()).toEqual(['_x1', 'service'])
    expect(m.words.has('beta')).toBe(true)
    expect(m.words.has('qu"oted')).toBe(true)
    expect(m.words.has('word')).toBe(false)
    expect(m.words.has('nested')).toBe(false)
    expect(m.words.has('e5x')).toBe(false)
  })
  it('ends on texts that are not closed', () => {
    for (const s of ["'a", '"a', '/* a', '$$ a', "e'\\", '$', '--', '$a$']) expect(() => mentions(s)).not.toThrow()
  })
})

const cells: Node[] = [
  { kind: 'sql', name: 'base', text: 'select * from logs where service = $service' },
  { kind: 'markdown', name: '', text: 'base and $service in words' },
  { kind: 'sql', name: 'Top', text: 'select * from base limit 5' },
  { kind: 'chart', name: '', text: 'data: top\ntype: bar' },
  { kind: 'check', name: '', text: 'select * from "top" where event_time < $to' },
  { kind: 'rule', name: '', text: 'rule: x' },
  { kind: 'sql', name: '', text: 'select 1' },
]

describe('what depends on what', () => {
  const uses = graph(cells)
  it('goes through cells and to charts', () => {
    expect(uses.map((u) => u.cells)).toEqual([[], [], [0], [0, 2], [0, 2], [], []])
    expect(uses.map((u) => [...u.params].sort())).toEqual([['service'], [], ['service'], ['service'], ['service', 'to'], ['from', 'to'], []])
    expect(dependents(uses, 0)).toEqual([2, 3, 4])
    expect(dependents(uses, 6)).toEqual([])
  })
  it('reads only from above', () => {
    const swapped = graph([cells[2]!, cells[0]!])
    expect(swapped.map((u) => u.cells)).toEqual([[], []])
  })
  it('makes a cell stale by its text, by what it reads and by the values it uses', () => {
    const values = { service: 'a', from: 1, to: 2, other: 1 }
    const before = cells.map((_, i) => signature(cells, uses, i, values))
    const changed = (next: Node[], v: Record<string, unknown>) => {
      const u = graph(next)
      return next.flatMap((_, i) => (signature(next, u, i, v) === before[i] ? [] : [i]))
    }
    expect(changed(cells, { ...values })).toEqual([])
    expect(changed(cells, { ...values, other: 2 })).toEqual([])
    expect(changed(cells, { ...values, service: 'b' })).toEqual([0, 2, 3, 4])
    expect(changed(cells, { ...values, to: 3 })).toEqual([4, 5])
    expect(changed(cells.map((c, i) => (i === 2 ? { ...c, text: c.text + ' ' } : c)), values)).toEqual([2, 3, 4])
    // How a chart looks makes no result old.
    expect(changed(cells.map((c, i) => (i === 3 ? { ...c, text: 'data: top\ntype: line' } : c)), values)).toEqual([])
    expect(changed(cells.map((c, i) => (i === 1 ? { ...c, text: 'other words' } : c)), values)).toEqual([1])
  })
})
