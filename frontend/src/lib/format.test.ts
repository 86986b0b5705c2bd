import { expect, it } from 'vitest'

import { parseLocal } from './format'
import { prefs } from './prefs.svelte'

it('reads a time in the chosen zone', () => {
  prefs.zone = 'UTC'
  expect(parseLocal('2026-01-09')?.toISOString()).toBe('2026-01-09T00:00:00.000Z')
  expect(parseLocal(' 2026-01-09 14:08 ')?.toISOString()).toBe('2026-01-09T14:08:00.000Z')
  expect(parseLocal('2024-02-29T23:59:59')?.toISOString()).toBe('2024-02-29T23:59:59.000Z')
  prefs.zone = 'Europe/Berlin'
  expect(parseLocal('2026-07-09 14:08')?.toISOString()).toBe('2026-07-09T12:08:00.000Z')
  expect(parseLocal('2026-07-09 14:08Z')?.toISOString()).toBe('2026-07-09T14:08:00.000Z')
})

it('takes no day and no time that there is not', () => {
  prefs.zone = 'UTC'
  for (const wrong of ['', 'now', '2026-02-31', '2026-02-29', '2026-13-01', '2026-00-10', '2026-01-00', '2026-01-09 24:00', '2026-01-09 12:60', '2026-01-09 12:00:60', '2026-1-9']) expect(parseLocal(wrong), wrong).toBeNull()
})
