import { describe, expect, it } from 'vitest'

import { dependents, graph, mentions, renamed, signature, type Node } from './names'

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

describe('a name that changes', () => {
  const of = (sql: string) => renamed(sql, 'Errors', 'failures')
  it('changes where a table is read', () => {
    expect(of('select errors.n from errors')).toBe('select failures.n from failures')
    expect(of('select * from logs l, "errors" e join errors using (n)')).toBe('select * from logs l, failures e join failures using (n)')
    expect(of('select (select max(n) from errors where n in (1, 2)), x from (select 1 as x) a, errors')).toBe('select (select max(n) from failures where n in (1, 2)), x from (select 1 as x) a, failures')
    expect(of('from ERRORS')).toBe('from failures')
  })
  it('leaves columns, aliases, functions and words in strings alone', () => {
    for (const sql of ["select errors, 'from errors' from logs -- from errors", 'select count(*) errors from logs group by errors, level', 'select a.errors from a order by 1, errors', 'select * from errors(3)', 'select 1 from range(2, errors)']) expect(of(sql)).toBe(sql)
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

describe('data that grew', () => {
  const uses = graph(cells)
  const of = (i: number, grown = {}) => signature(cells, uses, i, {}, grown)
  it('makes old what reads it, also through other cells', () => {
    for (const i of [0, 2, 3, 4]) expect(of(i, { logs: 1 })).not.toBe(of(i))
    expect(of(0, { logs: 2 })).not.toBe(of(0, { logs: 1 }))
    for (const i of [0, 6]) expect(of(i, { others: 1 })).toBe(of(i))
    expect(of(6, { logs: 1 })).toBe(of(6))
  })
})
