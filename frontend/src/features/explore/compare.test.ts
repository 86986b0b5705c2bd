import { expect, it } from 'vitest'

import { pairs, times } from './compare'

it('puts the fields of two records side by side', () => {
  const a = [{ name: 'level', value: 'INFO' }, { name: 'body', value: { http: { status: 200, 'x y': 1 }, tags: ['a'], gone: null } }, { name: 'rest', value: {} }]
  const b = [{ name: 'level', value: 'ERROR' }, { name: 'body', value: { http: { status: 200 }, tags: ['a'], gone: 0 } }, { name: 'rest', value: {} }]
  expect(pairs(a, b)).toEqual([
    { path: 'level', a: 'INFO', b: 'ERROR', same: false },
    { path: 'body.http.status', a: 200, b: 200, same: true },
    { path: 'body.http."x y"', a: 1, b: undefined, same: false },
    { path: 'body.tags', a: ['a'], b: ['a'], same: true },
    { path: 'rest', a: {}, b: {}, same: true },
    { path: 'body.gone', a: undefined, b: 0, same: false },
  ])
})

it('knows the fields that are times', () => {
  expect([...times([{ name: 'event_time', type: 'TIMESTAMP WITH TIME ZONE', value: '2026-01-09T14:08:00Z' }, { name: 'level', type: 'VARCHAR', value: '2026-01-09T14:08:00Z' }])]).toEqual(['event_time'])
})

it('tells a number from a text that looks like it', () => {
  expect(pairs([{ name: 'n', value: 1 }], [{ name: 'n', value: '1' }])[0]!.same).toBe(false)
})
