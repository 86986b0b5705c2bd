import { beforeEach, describe, expect, it } from 'vitest'

import type { Backtest, Datapoint, Episode } from '../../api/types'
import { prefs } from '../../lib/prefs.svelte'
import { arrivedText, atNight, compare, draw, keyText, length, limits, linesOf, nearestSize, outcome, overrides, scoreText, sentence, settings, sizes, strip, withLimit, daysOf } from './machine'

const measures = ['error_rate', 'requests', 'p95', 'drift']
const point = (minute: number, service: string, v: number | null, breaching: boolean | null = false): Datapoint => ({
  start: new Date(minute * 60_000).toISOString(), end: new Date((minute + 1) * 60_000).toISOString(), key: { service }, values: { error_rate: v }, breaching,
})

describe('limits', () => {
  it('finds simple comparisons and where their numbers stand', () => {
    const when = 'error_rate > 0.05 && requests >= 30'
    expect(limits(when, measures).map((l) => [l.measure, l.op, l.value, when.slice(l.from, l.to)])).toEqual([
      ['error_rate', '>', 0.05, '0.05'],
      ['requests', '>=', 30, '30'],
    ])
  })
  it('reads them the other way round and below zero', () => {
    expect(limits('0.1 < error_rate or drift < -2.5', measures)).toMatchObject([{ measure: 'error_rate', op: '>', value: 0.1 }, { measure: 'drift', op: '<', value: -2.5 }])
    expect(limits('-1 < drift', measures)).toMatchObject([{ measure: 'drift', op: '>', value: -1 }])
  })
  it('leaves arithmetic, texts and other names alone', () => {
    expect(limits('requests * 2 > 30', measures)).toEqual([])
    expect(limits('p95 > 2 * 700', measures)).toEqual([])
    expect(limits('p95 > previous(p95, 1)', measures)).toEqual([])
    expect(limits('"p95 > 3" == "x" && other > 5', measures)).toEqual([])
    expect(limits('baseline(p95, 28) > 5', measures)).toEqual([])
  })
  it('are replaced in place', () => {
    expect(withLimit('error_rate > 0.05  && requests > 30', measures, 0, 0.1)).toBe('error_rate > 0.1  && requests > 30')
    expect(withLimit('error_rate > 0.05 && requests > 30', measures, 1, 100)).toBe('error_rate > 0.05 && requests > 100')
    expect(withLimit('drift < -2', measures, 0, -3)).toBe('drift < -3')
    expect(withLimit('p95 > 1', measures, 0, 0.1 + 0.2)).toBe('p95 > 0.3')
  })
})

it('names what a backtest is to change', () => {
  expect(overrides({ when: 'a > 1', datapoints: 2, of: 3, window: '5m' })).toEqual({ when: 'a > 1', 'alarm.datapoints': '2', 'alarm.of': '3', 'window.tumbling': '5m' })
  expect(overrides({})).toEqual({})
})

describe('drawing', () => {
  it('takes what breaches first and counts the others', () => {
    const points = ['a', 'b', 'c', 'd'].flatMap((s, i) => [point(0, s, i / 10), point(1, s, i / 10, s === 'a')])
    const d = draw(points, 'error_rate', false, 2)
    expect(d.groups.map((g) => g.name)).toEqual(['a', 'd'])
    expect([d.others, d.othersBreaching]).toEqual([2, 0])
    expect(draw(points, 'error_rate', true, 2).groups.map((g) => g.name)).toEqual(['a', 'b'])
  })
  it('keeps the colour of a group when others breach', () => {
    const names = Array.from({ length: 14 }, (_, i) => 'g' + String(i).padStart(2, '0'))
    const tones = (breaching: string, most = 14) => Object.fromEntries(draw(names.map((n, i) => point(0, n, i, n === breaching)), 'error_rate', false, most).groups.map((g) => [g.name, g.tone]))
    expect(tones('g05', 4)).toEqual({ g05: 6, g13: 2, g12: 1, g11: 12 })
    expect(tones('g02', 4)).toEqual({ g02: 3, g13: 2, g12: 1, g11: 12 })
    expect(tones('g00', 4)).toEqual({ g00: 1, g12: 2, g13: 3, g11: 12 }) // g12 would be as g00
    expect(Object.values(tones('g00')).every((t) => t >= 1 && t <= 12)).toBe(true)
  })
  it('leaves a gap where a window had nothing', () => {
    const d = draw([point(0, 'a', 1), point(3, 'a', 2)], 'error_rate', false)
    expect(d.step).toBe(60_000)
    expect(linesOf(d, 'error_rate')[0]!.values).toEqual([1, null, null, 2])
  })
  it('has no step when windows differ', () => {
    expect(draw([point(0, 'a', 1), { ...point(1, 'a', 1), end: new Date(600_000).toISOString() }], 'error_rate', false).step).toBe(0)
  })
  it('writes groups', () => {
    expect(keyText({})).toBe('all')
    expect(keyText({ service: 'a' })).toBe('a')
    expect(keyText({ 'labels.region': 'eu', service: null })).toBe('region=eu, service=none')
  })
})

it('shows the worst of what falls into one place of the strip', () => {
  const points = [point(0, 'a', 1), point(1, 'a', 1, true), point(2, 'a', null, null), point(8, 'a', 1)]
  expect(strip(points, 0, 600_000, 5)).toEqual(['breaching', 'missing', null, null, 'not'])
})

describe('nights', () => {
  beforeEach(() => (prefs.zone = 'UTC'))
  const episode = (start: string, end: string | null, key = 'a'): Episode => ({ key: { service: key }, start, end, peak: {} })
  it('are counted in the chosen zone', () => {
    const t = Date.parse('2026-01-09T21:30:00Z')
    expect(atNight(t)).toBe(false)
    expect(atNight(Date.parse('2026-01-09T22:00:00Z'))).toBe(true)
    expect(atNight(Date.parse('2026-01-09T05:59:00Z'))).toBe(true)
    expect(atNight(Date.parse('2026-01-09T06:00:00Z'))).toBe(false)
    prefs.zone = 'Europe/Berlin'
    expect(atNight(t)).toBe(true)
    expect(atNight(Date.parse('2026-07-09T04:30:00Z'))).toBe(false)
  })
  it('stand in the sentence', () => {
    const all = [episode('2026-01-09T14:08:00Z', '2026-01-09T14:55:00Z'), episode('2026-01-09T23:00:00Z', null)]
    const o = outcome(all, Date.parse('2026-01-09T23:30:00Z'))
    expect(o).toEqual({ pages: 2, seconds: 77 * 60, night: 1, open: 1 })
    expect(sentence(outcome(all.slice(0, 1), 0))).toBe('Would have paged 1 time, 47 min in ALARM, 0 at night (22-06)')
    expect(sentence(outcome([], 0))).toBe('Would not have raised an alarm')
    expect([length(30), length(7500), length(4 * 86400)]).toEqual(['30 s', '2 h 5 min', '4 days'])
  })
  it('compares what was with what would be', () => {
    const was = { episodes: [episode('2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z'), episode('2026-01-02T00:00:00Z', '2026-01-02T01:00:00Z')] } as Backtest
    const now = { episodes: [episode('2026-01-01T00:10:00Z', '2026-01-01T00:50:00Z'), episode('2026-01-03T00:00:00Z', null)] } as Backtest
    const c = compare(was, now)
    expect([c.gone.length, c.came.length, c.kept]).toEqual([1, 1, 1])
  })
})

it('a score and what late records changed are told in words', () => {
  const none = { missed: [], false_alarms: [], unjudged: 0 }
  expect(scoreText({ incidents: 2, found: 1, true: 1, false: 1, precision: 0.5, recall: 0.5, delay_seconds: 300, ...none })).toBe('1 of 2 incidents found after 5 min, 1 false alarm: precision 50 %, recall 50 %.')
  expect(scoreText({ incidents: 1, found: 0, true: 0, false: 0, precision: null, recall: 0, delay_seconds: null, ...none })).toBe('0 of 1 incident found, 0 false alarms: precision not known, recall 0 %.')
  expect(scoreText({ incidents: 1, found: 1, true: 1, false: 0, precision: 1, recall: 1, delay_seconds: null, ...none, unjudged: 2 })).toMatch(/ 2 alarms are not labelled\.$/)
  const a = { watermark: '2026-01-09T12:00:00Z', late: 7, dropped: 4, revised: [], changed: [], changes: 1, final: [], gone: [], came: [] }
  expect(arrivedText(a)).toBe('As it arrived: 7 records came late, 4 of them too late; 1 window was shown as something else than it is. With all records the alarms are the same.')
  expect(arrivedText({ ...a, watermark: null })).toBe('As it arrived: no window was done.')
})

it('sorts windows into days, the worst of each on top', () => {
  const day = (s: string): string => s.slice(0, 10)
  const minutes = 24 * 60
  const points = [point(0, 'b', 1), point(1, 'b', 3), point(2, 'b', null, null), point(minutes, 'b', 2), point(minutes, 'a', 0.5, true), point(minutes + 1, 'a', 9)]
  const { days, groups } = daysOf(points, 'error_rate', false, day)
  expect(days).toEqual(['1970-01-01', '1970-01-02'])
  expect(groups.map((g) => [g.name, g.breaching, g.cells.map((c) => c && [c.worst.values.error_rate, c.windows, c.breaching])])).toEqual([
    ['a', 1, [null, [0.5, 2, 1]]],
    ['b', 0, [[3, 3, 0], [2, 1, 0]]],
  ])
  expect(daysOf(points, 'error_rate', true, day).groups[1]!.cells[0]!.worst.values.error_rate).toBe(1)
})

it('settings and overrides are one another’s', () => {
  const s = { when: 'error_rate > 1', datapoints: 2, of: 3, window: '5m', missing: 'ignore' }
  expect(settings(overrides(s))).toEqual(s)
  expect(settings({})).toEqual({})
})

it('a window that is dragged begins at the size that is nearest', () => {
  expect(['1m', '90s', '7m', '500ms', '2w'].map((w) => sizes[nearestSize(w)])).toEqual(['1m', '2m', '5m', '10s', '1d'])
})
