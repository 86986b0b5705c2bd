import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'

import { add, move, read, remove, set } from './yamledit'

const board = `# A dashboard about the shop.
title: Shop   # shown at the top
time: 7d

filters: [service, level]
rows:
  - height: 120
    items:
      # The most important number.
      - title: Orders
        type: big_number
        sql: |
          select count(*) as orders
          from app_logs
      - title: "Errors"
        type: big_number # large
        measure: count(level == "ERROR")
  # Second row.
  - height: 280
    items:
      - {title: Flow, type: line, measure: 'count()'}
      - title: Last
        sql: select 1 as one
`
const others = (a: string, b: string) => a.split('\n').filter((l) => !b.split('\n').includes(l))

describe('set', () => {
  it('changes only what it is about', () => {
    expect(set(board, ['title'], 'Stall')).toBe(board.replace('Shop   #', 'Stall   #'))
    expect(set(board, ['rows', 0, 'items', 1, 'title'], 'Faults')).toBe(board.replace('"Errors"', '"Faults"'))
    expect(set(board, ['rows', 1, 'height'], 300)).toBe(board.replace('280', '300'))
  })
  it('writes into maps on one line and quotes what needs it', () => {
    expect(set(board, ['rows', 1, 'items', 0, 'title'], 'a, b')).toContain('{title: "a, b", type: line')
    expect(set(board, ['rows', 1, 'items', 0, 'width'], 2)).toContain(`measure: 'count()', width: 2}`)
  })
  it('adds a key behind the others', () => {
    const out = set(board, ['rows', 0, 'items', 1, 'width'], 2)
    expect(out).toContain('measure: count(level == "ERROR")\n        width: 2\n  # Second row.')
    expect(others(board, out)).toEqual([])
  })
  it('replaces a query of many lines', () => {
    const out = set(board, ['rows', 0, 'items', 0, 'sql'], 'select 2\nfrom b\n')
    expect(out).toContain('sql: |\n          select 2\n          from b\n      - title: "Errors"')
    expect(read(out, ['rows', 0, 'items', 0, 'sql'])).toBe('select 2\nfrom b\n')
    expect(read(set(out, ['rows', 0, 'items', 0, 'sql'], 'select 3'), ['rows', 0, 'items', 0, 'sql'])).toBe('select 3')
    const lines = set(board, ['rows', 1, 'items', 1, 'sql'], 'select 1\n\nunion all select 2\n')
    expect(read(lines, ['rows', 1, 'items', 1, 'sql'])).toBe('select 1\n\nunion all select 2\n')
  })
  it('removes a key', () => {
    expect(set(board, ['rows', 0, 'items', 1, 'type'], undefined)).toBe(board.replace('        type: big_number # large\n', ''))
    const first = set(board, ['rows', 0, 'items', 1, 'title'], undefined)
    expect(first).toContain('- type: big_number # large')
    expect(parse(first)).toBeTruthy()
  })
  it('writes lists of columns', () => {
    const out = set(board, ['rows', 1, 'items', 1, 'y'], ['a', 'b'])
    expect(out).toContain('        y: [a, b]\n')
    expect(read(set(out, ['rows', 1, 'items', 1, 'y'], 'c'), ['rows', 1, 'items', 1, 'y'])).toBe('c')
  })
})

describe('items', () => {
  it('moves one within its list with the comment above it', () => {
    const out = move(board, ['rows', 0, 'items', 0], ['rows', 0, 'items', 1])
    expect((read(out, ['rows', 0, 'items']) as { title: string }[]).map((i) => i.title)).toEqual(['Errors', 'Orders'])
    expect(out).toContain('      # The most important number.\n      - title: Orders')
    expect(out.split('\n').sort()).toEqual(board.split('\n').sort())
    expect(move(out, ['rows', 0, 'items', 1], ['rows', 0, 'items', 0])).toBe(board)
  })
  it('moves one to another row', () => {
    const out = move(board, ['rows', 0, 'items', 1], ['rows', 1, 'items', 2])
    expect((read(out, ['rows', 1, 'items']) as { title: string }[]).map((i) => i.title)).toEqual(['Flow', 'Last', 'Errors'])
    expect(out).toContain('# large')
    expect(out).toContain('  # Second row.')
  })
  it('moves rows', () => {
    const out = move(board, ['rows', 1], ['rows', 0])
    expect((read(out, ['rows']) as { height: number }[]).map((r) => r.height)).toEqual([280, 120])
    expect(out).toContain('  # Second row.\n  - height: 280')
  })
  it('adds and removes one', () => {
    const out = add(board, ['rows', 0, 'items'], 1, { title: 'New', type: 'line', measure: 'count()' })
    expect((read(out, ['rows', 0, 'items']) as { title: string }[]).map((i) => i.title)).toEqual(['Orders', 'New', 'Errors'])
    expect(remove(out, ['rows', 0, 'items', 1])).toBe(board)
    const row = add(board, ['rows'], 2, { height: 260, items: [{ title: 'New', measure: 'count()' }] })
    expect((read(row, ['rows']) as unknown[]).length).toBe(3)
    expect(others(board, row)).toEqual([])
  })
  it('keeps an empty line at the end of a file', () => {
    const out = add(board.trimEnd(), ['rows', 1, 'items'], 2, { title: 'New', sql: 'select 1\nfrom b\n' })
    expect(read(out, ['rows', 1, 'items', 2, 'sql'])).toBe('select 1\nfrom b\n')
  })
})

const rule = `rule: r
window: {tumbling: 1m}
# night is left out
when: error_rate > 0.05 && requests > 30 # careful
alarm: {datapoints: 3, of: 5, missing: not_breaching}
`
describe('rules', () => {
  it('changes a threshold and M of N', () => {
    let out = set(rule, ['when'], 'error_rate > 0.08 && requests > 30')
    out = set(out, ['alarm', 'datapoints'], 2)
    out = set(out, ['window', 'tumbling'], '5m')
    expect(out).toBe(rule.replace('0.05', '0.08').replace('datapoints: 3', 'datapoints: 2').replace('1m', '5m'))
  })
  it('adds an alarm that was not there', () => {
    const out = set('rule: r\nwhen: n > 1\n', ['alarm', 'datapoints'], 2)
    expect(read(set(out, ['alarm', 'of'], 3), ['alarm'])).toEqual({ datapoints: 2, of: 3 })
  })
})
