import { describe, expect, it } from 'vitest'

import type { Filter } from '../../api/types'
import { item, notebook, ordered, select } from './compose'
import { joinPaths, negated, read, splitPaths, state, toggle, typed, valueText, words, write } from './filters'
import { prune } from './prune'

describe('filters in the address', () => {
  const all: Filter[] = [
    { path: 'level', op: '=', value: 'ERROR' },
    { path: 'body.status', op: '>=', value: 500 },
    { path: 'message', op: '!contains', value: 'a "quoted" AND b = "c"' },
    { path: 'service', op: '=', value: ['cart', 'pay, ments', null] },
    { path: 'body."we.ird ""key"""."in ner"', op: '!exists' },
    { path: 'body.ok', op: '!=', value: false },
    { path: 'body.html', op: '=', value: '<script>\n[1]\\' },
  ]

  it('are read as they were written', () => {
    expect(read(write(all))).toEqual({ filters: all, wrong: '' })
  })
  it('are written for people', () => {
    expect(write(all.slice(0, 2))).toBe('level = "ERROR" AND body.status >= 500')
  })
  it('survive what is broken after them', () => {
    const got = read('level = "ERROR" AND status > ')
    expect(got.filters).toEqual([all[0]])
    expect(got.wrong).not.toBe('')
    expect(read('nonsense').wrong).toBe('nonsense')
    expect(read('')).toEqual({ filters: [], wrong: '' })
  })
  it('turn into their opposites and back', () => {
    for (const f of all) expect(negated(negated(f))).toEqual(f)
    expect(negated({ path: 'n', op: '<', value: 1 })).toEqual({ path: 'n', op: '>=', value: 1 })
  })
  it('are said in words', () => {
    expect(words(all[3]!)).toBe('service is cart or pay, ments or empty')
    expect(words(all[4]!)).toBe('body."we.ird ""key"""."in ner" has no value')
    expect(words({ path: 'n', op: '=', value: [1, 2, 3, 4, 5, 6] })).toBe('n is 1 or 2 or 3 or 3 others')
  })
})

describe('toggle', () => {
  it('adds a second value to the first, and takes one away', () => {
    const one = toggle([], 'level', 'ERROR', false)
    const two = toggle(one, 'level', 'WARN', false)
    expect(two).toEqual([{ path: 'level', op: '=', value: ['ERROR', 'WARN'] }])
    expect(toggle(two, 'level', 'ERROR', false)).toEqual([{ path: 'level', op: '=', value: 'WARN' }])
    expect(toggle(one, 'level', 'ERROR', false)).toEqual([])
  })
  it('turns a wanted value into an unwanted one', () => {
    const got = toggle([{ path: 'level', op: '=', value: 'ERROR' }], 'level', 'ERROR', true)
    expect(got).toEqual([{ path: 'level', op: '!=', value: 'ERROR' }])
    expect(state(got, 'level', 'ERROR')).toBe('out')
  })
  it('knows null from the text null', () => {
    const f = toggle([], 'x', null, false)
    expect(state(f, 'x', null)).toBe('in')
    expect(state(f, 'x', 'null')).toBe('')
  })
})

describe('what is typed', () => {
  it('is of the type of the field', () => {
    expect(typed('500', 'bigint', '>=')).toBe(500)
    expect(typed('500', 'varchar', '=')).toBe('500')
    expect(typed('true', 'bool', '=')).toBe(true)
    expect(typed('a\nb', 'varchar', '=')).toEqual(['a', 'b'])
    expect(typed('a\nb', 'varchar', 'contains')).toBe('a\nb')
  })
  it('loses no digits', () => {
    expect(typed('9007199254740993', 'bigint', '=')).toBe('9007199254740993')
  })
  it('can be edited again', () => {
    expect(valueText({ path: 'a', op: '=', value: ['x', 'y'] })).toBe('x\ny')
  })
})

it('paths with commas in quotes stay whole', () => {
  const paths = ['event_time', 'body."a,b"', 'labels.region']
  expect(splitPaths(joinPaths(paths))).toEqual(paths)
  expect(splitPaths(',')).toEqual([])
})

describe('the SQL', () => {
  const sql = 'SELECT event_time, level, service, message, labels, body, rest,\n       trace_id, _seq, _late\nFROM app_logs\nWHERE level = $level\nORDER BY event_time DESC NULLS LAST, _seq DESC'
  const explored = {
    sql,
    params: { level: 'ERROR' },
    matched: 30,
    bucket_seconds: 60,
    histogram: [0, 1, 2].map((i) => ({ start: `2026-01-09T12:0${i}:00Z`, counts: { ERROR: 10 } })),
  }
  it('takes other columns', () => {
    expect(select(sql, ['a', 'b$1'])).toBe('SELECT a, b$1\nFROM app_logs\nWHERE level = $level\nORDER BY event_time DESC NULLS LAST, _seq DESC')
  })
  it('sorts only the newest when only they are wanted', () => {
    const p = ordered(explored, false, 15)
    expect(p.sql).toContain('AND event_time >= $edge::TIMESTAMPTZ\nORDER BY event_time DESC NULLS LAST, _seq DESC\nLIMIT 15')
    expect(p.params).toEqual({ level: 'ERROR', edge: '2026-01-09T12:01:00Z' })
  })
  it('sorts only the oldest when only they are wanted', () => {
    const p = ordered(explored, true, 15)
    expect(p.sql).toContain('AND event_time < $edge::TIMESTAMPTZ\nORDER BY event_time NULLS LAST, _seq\nLIMIT 15')
    expect(p.params.edge).toBe('2026-01-09T12:02:00.000Z')
  })
  it('bounds nothing where the histogram cannot say', () => {
    expect(ordered({ ...explored, histogram: explored.histogram.slice(0, 1) }, false, 5).params).toEqual({ level: 'ERROR' })
    expect(ordered(explored, false).sql).toBe(sql)
  })
  it('begins a WHERE where there is none', () => {
    const p = ordered({ ...explored, sql: sql.replace('\nWHERE level = $level', ''), params: {} }, false, 15)
    expect(p.sql).toContain('FROM app_logs\nWHERE event_time >= $edge')
  })
  it('names columns by their path and cuts long texts', () => {
    expect(item({ path: 'event_time', sql: 'event_time', type: 'timestamp' })).toBe('event_time')
    expect(item({ path: 'labels.a"b', sql: "labels['a\"b']", type: 'varchar' }, true)).toBe('labels[\'a"b\'] AS "labels.a""b"')
    expect(item({ path: 'message', sql: 'message', type: 'varchar' })).toMatch(/^if\(strlen\(message\) > \d+, left\(message, \d+\) .* AS "message"$/)
  })
})

describe('as a notebook', () => {
  it('has the parameters of the query, quoted', () => {
    const text = notebook('app_logs', 'SELECT a\nFROM app_logs\nWHERE event_time >= $from::TIMESTAMPTZ\n  AND x = $x\nORDER BY event_time', { x: 'a: "b"\n---', n: 3, ok: true, from: 'T' }, '6h')
    expect(text).toContain('title: "Explore app_logs"')
    expect(text).toContain('  x: {type: text, default: "a: \\"b\\"\\n---"}')
    expect(text).toContain('  n: {type: number, default: 3}')
    expect(text).toContain('  ok: {type: boolean, default: true}')
    expect(text).not.toContain('  from:')
    expect(text).toContain('time: 6h\n---')
    expect(text).toContain('```sql records\nSELECT a\nFROM app_logs\nWHERE event_time >= $from::TIMESTAMPTZ\n  AND x = $x\nORDER BY event_time\nLIMIT 10000\n```')
    expect(text).toContain('```chart\ndata: over_time')
  })
})

it('prune leaves out what is empty', () => {
  expect(prune({ a: null, b: { c: null }, d: [null, { e: null }], f: {}, g: 0, h: '' })).toEqual({ d: [null, {}], f: {}, g: 0, h: '' })
})
