import { expect, it } from 'vitest'
import { lanes } from './lanes'

const parity = (ours: unknown[], theirs: unknown[]) =>
  ({ from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:40:00Z', windows: 1, agree: 0, differ: [], ours, theirs }) as never

it('lays the alarms of a group over one time', () => {
  const [a, b] = lanes(
    parity(
      [
        { key: { s: 'b' }, start: '2026-01-01T00:10:00Z', end: '2026-01-01T00:30:00Z' },
        { key: { s: 'a' }, start: '2026-01-01T01:30:00Z', end: null },
      ],
      [{ key: { s: 'b' }, start: '2026-01-01T00:20:00Z', end: '2026-01-01T00:30:00Z' }],
    ),
  )
  expect(a).toMatchObject({ name: 'a', ours: [{ left: 90, width: 10 }], theirs: [] })
  expect(b).toMatchObject({ name: 'b', ours: [{ left: 10, width: 20 }], theirs: [{ left: 20, width: 10 }] })
})

it('has nothing to lay out without alarms', () => expect(lanes(parity([], []))).toEqual([]))
