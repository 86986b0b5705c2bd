import { expect, it } from 'vitest'

import { bytesOf, hexLines, report, textOf } from './raw'

it('reads bytes however they came', () => {
  expect([...bytesOf('aé', false)]).toEqual([0x61, 0xc3, 0xa9])
  expect([...bytesOf('/wB7', true)]).toEqual([0xff, 0, 0x7b])
  expect(textOf('/wB7', true)).toBe('\ufffd\u0000{')
})
it('writes bytes sixteen a line, with nothing that steers a terminal', () => {
  const text = hexLines(new TextEncoder().encode('{"a": \u001b[31m}' + 'x'.repeat(21)), 0, 10)
  expect(text.split('\n')).toHaveLength(3)
  expect(text).toMatch(/^00000000 {2}7b 22 61 22 3a 20 1b 5b {2}33 31/)
  expect(text).not.toContain('\u001b')
  expect(hexLines(new Uint8Array(1000), 0, 2).split('\n')).toHaveLength(2)
})
it('reports what a replay did', () => {
  expect(report({ replayed: 1, records: 1, quarantined: 0, dropped: 0, duplicates: 0, refetch: [] })).toBe('1 entry replayed, 1 record stored')
  expect(report({ replayed: 1200, records: 1000, quarantined: 199, dropped: 0, duplicates: 1, refetch: ['a'] })).toBe('1,200 entries replayed, 1,000 records stored, 199 in quarantine again, 1 were there already, 1 object to be read again by the next pull')
})
