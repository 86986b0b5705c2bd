import { expect, it } from 'vitest'

import { became, between } from './lens'

const step = (i: string[], o: string[], rejected = '') => ({ in: i, out: o, rejected, ms: 1 })

it('says what a stage made of a record', () => {
  expect(became(step(['{"a":1}'], ['{"a":1}']))).toBe('as it was')
  expect(became(step(['{"a":1}'], ['{"a":2,"b":{"c":3}}']))).toBe('2 fields changed')
  expect(became(step(['{"a":1}'], ['{"a":2}']))).toBe('1 field changed')
  expect(became(step(['{"a":1}'], []))).toBe('dropped')
  expect(became(step(['{"a":1}'], ['{}', '{}']))).toBe('split into 2')
  expect(became(step(['{"a":1}'], [], 'no'))).toBe('rejected')
  expect(became(step([], []))).toBe('not reached')
})

it('compares only objects', () => {
  expect(between('{"a":1}', '[1]')).toBeNull()
  expect(between('text', '{}')).toBeNull()
  expect(between('{"a":{"b":1}}', '{"a":{"b":2}}')).toEqual([{ path: 'a.b', a: 1, b: 2, same: false }])
})
