import { expect, it } from 'vitest'

import { configOf, entered, fields, typed, write } from './settings'

const schema = {
  type: 'object',
  required: ['keep'],
  properties: {
    keep: { type: 'number', minimum: 0, maximum: 1, default: 0.1, description: 'The share.' },
    seed: { type: 'string' },
    mode: { enum: ['a', 'b', 3] },
    on: { type: 'boolean' },
    always: { type: 'array', items: { type: 'string' } },
    deep: { type: 'object' },
  },
}

it('makes a form of a schema', () => {
  const f = fields(schema)
  expect(f.map((x) => [x.name, x.kind])).toEqual([['keep', 'number'], ['seed', 'text'], ['mode', 'choice'], ['on', 'boolean'], ['always', 'list'], ['deep', 'json']])
  expect(f[0]).toMatchObject({ says: 'The share.', fallback: 0.1, least: 0, most: 1, required: true })
  expect(fields(undefined)).toEqual([])
})

it('reads what was typed by its kind, and gives it back', () => {
  const [keep, seed, mode, on, always, deep] = fields(schema) as [any, any, any, any, any, any]
  expect(entered(keep, '0.5')).toBe(0.5)
  expect(() => entered(keep, 'half')).toThrow('half is no number')
  expect(entered(seed, '')).toBeUndefined()
  expect(entered(mode, '3')).toBe(3)
  expect(entered(on, 'false')).toBe(false)
  expect(entered(always, 'ERROR\n\n FATAL ')).toEqual(['ERROR', 'FATAL'])
  expect(typed(always, ['ERROR', 'FATAL'])).toBe('ERROR\nFATAL')
  expect(entered(deep, typed(deep, { a: [1] }))).toEqual({ a: [1] })
  expect(() => entered(deep, '{')).toThrow('not JSON')
})

it('changes only the settings that changed, and keeps comments', () => {
  const text = '# ours\nmemory: 64MB # enough\nconfig:\n  # a tenth\n  keep: 0.1 # of traces\n  seed: x\n'
  expect(write(text, { keep: 0.5, seed: 'x' })).toBe(text.replace('0.1 #', '0.5 #'))
  expect(write(text, { seed: undefined })).toBe(text.replace('  seed: x\n', ''))
  expect(write(text, { always: ['A'] })).toContain('# a tenth\n  keep: 0.1 # of traces\n  seed: x\n  always: [A]')
  expect(configOf(write('', { keep: 0.2 }))).toEqual({ keep: 0.2 })
  expect(configOf(write('config: {keep: 1, seed: y}\n', { keep: undefined }))).toEqual({ seed: 'y' })
  expect(write('enabled: true\nconfig: {keep: 1}\n', { keep: undefined })).toBe('enabled: true\n')
  expect(configOf('config: [1]')).toEqual({})
})
