import { describe, expect, it } from 'vitest'

import type { DashboardItem, ParsedDashboard } from '../../api/types'
import { conditions, csv, essence, filterOf, Queue, readFilters, template, toggled, weight, widened, writeFilters } from './board'

describe('filters', () => {
  it('survive the address', () => {
    const f = { service: ['a,b', 'c'], 'body.status': [503] }
    expect(readFilters(writeFilters(f), ['service', 'body.status'])).toEqual(f)
    expect(readFilters('{bad', ['service'])).toEqual({})
    expect(readFilters('{"gone":["x"]}', ['service'])).toEqual({})
    expect(writeFilters({ service: [] })).toBeNull()
  })
  it('are written for Explore', () => {
    expect(conditions({ service: ['a', 'b'], level: ['ERROR'], none: [] })).toBe('service = ["a","b"] AND level = "ERROR"')
  })
  it('are toggled by value', () => {
    expect(toggled({ s: ['a'] }, 's', 'b')).toEqual({ s: ['a', 'b'] })
    expect(toggled({ s: ['a'] }, 's', 'a')).toEqual({ s: [] })
  })
  it('are found by the last part of their path', () => {
    expect(filterOf('region', ['service', 'labels.region'])).toBe('labels.region')
    expect(filterOf('message', ['service'])).toBeUndefined()
  })
})

it('runs no more than so many at once and hands places on', async () => {
  const q = new Queue(2)
  let now = 0
  let most = 0
  const task = async () => {
    most = Math.max(most, ++now)
    await new Promise((r) => setTimeout(r, 5))
    now--
  }
  const gone = AbortSignal.abort()
  const all = [1, 2, 3, 4, 5].map(() => q.run(task, new AbortController().signal))
  await expect(q.run(task, gone)).rejects.toThrow()
  await Promise.all(all)
  expect(most).toBe(2)
  await q.run(task, new AbortController().signal)
})

it('asks again only for what changes the rows', () => {
  const item: DashboardItem = { title: 'a', type: 'line', x: 't', y: ['n'], series: '', width: 1, sql: 'select 1', line: 3 }
  const board = (text: string, i = item): string => essence(text, { dataset: 'd', rows: [{ height: 1, items: [i] }] } as unknown as ParsedDashboard, i)
  const text = 'rows:\n- items:\n  - title: a\n    type: line\n    sql: select 1\n'
  expect(board(text.replace('title: a', 'title: b'))).toBe(board(text))
  expect(board(text.replace('type: line', 'type: bar'), { ...item, type: 'bar' })).toBe(board(text))
  expect(board(text.replace('select 1', 'select 2'), { ...item, sql: 'select 2' })).not.toBe(board(text))
  const measure = { ...item, sql: undefined, measure: 'count()' }
  expect(board(text.replace('sql: select 1', 'measure: count()\n    where: a > 1'), measure)).not.toBe(board(text.replace('sql: select 1', 'measure: count()'), measure))
})

it('writes CSV', () => {
  expect(csv([{ name: 'a' }, { name: 'b,c' }], [[1, 'x "y"'], [null, { k: 1 }]])).toBe('a,"b,c"\r\n1,"x ""y"""\r\n,"{""k"":1}"\r\n')
})

it('weighs widths in halves', () => {
  expect(weight(0.5, 1)).toBe(1)
  expect(weight(0.66, 1)).toBe(2)
  expect(weight(0.01, 1)).toBe(0.5)
})

it('widens a range around its middle', () => {
  expect(widened('1970-01-01T00:00:10Z', '1970-01-01T00:00:20Z')).toEqual([5000, 25000])
})

it('names the dataset in a template', () => {
  expect(template('overview', 'A: b', 'logs')).toContain('title: "A: b"')
  expect(template('overview', 'x', 'logs')).toContain('from logs')
})
