import { expect, test } from 'vitest'

import type { AlarmEpisode } from '../../api/types'
import { bandsOf } from './alarms'

test('an alarm that lasts is drawn as far as it is known', () => {
  const alarm = { rule: 'slow', start: '2026-01-09T14:00:00Z', end: null, until: '2026-01-09T14:10:00Z', severity: 'critical', description: 'slow: at worst n 3' }
  const drawn = (more: object) => bandsOf([{ ...alarm, ...more } as AlarmEpisode]).map((b) => [b.to, b.label, b.tone])
  expect(drawn({})).toEqual([[Date.UTC(2026, 0, 9, 14, 10), 'slow: at worst n 3', 'alarm']])
  expect(drawn({ end: '2026-01-09T14:05:00Z', summary: 'it is slow', severity: '' })).toEqual([[Date.UTC(2026, 0, 9, 14, 5), 'slow: it is slow', 'warn']])
  expect(drawn({ until: null })).toEqual([[null, 'slow: at worst n 3', 'alarm']])
})
