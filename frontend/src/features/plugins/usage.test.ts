import { expect, it } from 'vitest'

import { usage } from './usage'

const f = (name: string, kind: string, signature: string) => ({ name, kind, signature })

it('says how a plugin of each kind is used', () => {
  expect(usage({ name: 'drop', kind: 'transform', functions: [f('drop', 'transform', 'message utf8 → message utf8')] })).toEqual(['transforms: [drop]'])
  expect(usage({ name: 'kv', kind: 'decoder', functions: [f('kv', 'decoder', 'line → $record json')] })).toEqual(['format: kv'])
  expect(usage({ name: 's', kind: 'transform, function', functions: [f('s', 'transform', 'a utf8 → '), f('sampled', 'function', 'sampled(key utf8, share f64) → bool')] })).toEqual([
    'transforms: [s]',
    'SELECT sampled(key, share)',
  ])
  expect(usage({ name: 'now', kind: 'function', functions: [f('now_ish', 'function', 'now_ish() → i64')] })).toEqual(['SELECT now_ish()'])
})

it('says nothing of what cannot be loaded', () => expect(usage({ name: 'x', kind: '', functions: [] })).toEqual([]))
