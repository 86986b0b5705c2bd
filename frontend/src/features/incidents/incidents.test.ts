import { expect, test } from 'vitest'

import { around, groupText, happened, lasted, leftOut, matchOf, next, placeOf, ranTo, reportAddress, titleOf } from './incidents'

test('a group is written by name', () => {
  expect(groupText({ service: 'cart', region: null })).toBe('region=null service=cart')
  expect(groupText({})).toBe('')
})

test('an incident lasts, lasted or never was', () => {
  const start = '2026-01-09T14:00:00Z'
  expect(lasted({ start, end: null, state: 'open' })).toBe('still on')
  expect(lasted({ start, end: start, state: 'withdrawn' })).toBe('withdrawn')
  expect(lasted({ start, end: '2026-01-09T14:03:00Z', state: 'closed' })).toContain('3')
})

test('the keys stop at the ends of the list', () => {
  const list = [{ id: 'a' }, { id: 'b' }, { id: 'c' }]
  expect(next(list, 'a', 1)).toBe('b')
  expect(next(list, 'c', 1)).toBe('c')
  expect(next(list, 'a', -1)).toBe('a')
  expect(next(list, 'gone', 1)).toBe('a')
  expect(next([], 'a', 1)).toBeNull()
})

test('a stretch holds the incident and some time around it', () => {
  expect(around({ start: '2026-01-09T14:00:00Z', end: '2026-01-09T15:00:00Z' })).toBe('2026-01-09T13:40:00.000Z/2026-01-09T15:20:00.000Z')
  expect(around({ start: '2026-01-09T14:00:00Z', end: null }, Date.parse('2026-01-09T14:10:00Z'))).toBe('2026-01-09T13:50:00.000Z/2026-01-09T14:20:00.000Z')
})

test('what is silenced is read from a line', () => {
  expect(matchOf(' service=checkout, team = pay*,,path=a=b, host')).toEqual({ service: 'checkout', team: 'pay*', path: 'a=b', host: '*' })
  expect(matchOf('')).toEqual({})
  expect([titleOf({ title: 'x' }), titleOf(null), titleOf('y')]).toEqual(['x', 'a notification', 'a notification'])
})

test('a runbook says how far it came', () => {
  const run = { state: 'running', steps: 2, cells: 9, error: '' }
  expect(ranTo(run)).toBe('is running: 2 of 9 cells are done')
  expect(ranTo({ ...run, state: 'failed', error: 'n.md:6: no such table' })).toBe('failed: n.md:6: no such table')
  expect(ranTo({ ...run, state: 'done' })).toBe('ran to its end')
  expect(ranTo({ ...run, state: 'pending' })).toBe('waits for its turn')
})

test('a run says what it did not see', () => {
  const run = { state: 'done', to: '2026-01-09T14:10:00Z' }
  expect(leftOut({ state: 'closed', end: '2026-01-09T14:10:00Z' }, run)).toBe('')
  expect(leftOut({ state: 'closed', end: '2026-01-09T14:55:00Z' }, run)).toBe(', and saw what had come by 2026-01-09 14:10:00; the alarm lasted until 2026-01-09 14:55:00')
  expect(leftOut({ state: 'open', end: null }, run)).toContain('by 2026-01-09 14:10:00')
  expect(leftOut({ state: 'open', end: null }, { ...run, state: 'running' })).toBe('')
})

test('the report has an address of its own', () => {
  expect(placeOf(reportAddress('abc', 3).slice('/incidents/'.length).split('?')[0]!)).toEqual({ id: 'abc', report: true })
  expect(placeOf('abc')).toEqual({ id: 'abc', report: false })
  expect(placeOf('')).toEqual({ id: '', report: false })
})

test('the timeline uses the words of the buttons', () => {
  expect(happened({ kind: 'labelled', text: 'true' })).toEqual({ what: 'It was right', text: '' })
  expect(happened({ kind: 'labelled', text: 'false' }).what).toBe('It was wrong')
  expect(happened({ kind: 'labelled', text: '' }).what).toBe('Neither right nor wrong')
  expect(happened({ kind: 'commented', text: 'the queue was full' })).toEqual({ what: 'comment', text: 'the queue was full' })
})
