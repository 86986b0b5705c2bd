import { expect, it } from 'vitest'

import { slug } from './textfile.svelte'

it('makes a name of a title', () => {
  expect(slug('Zürich: Fehler & Lösung!', '-')).toBe('zurich-fehler-losung')
  expect(slug('  p95 of checkout ')).toBe('p95_of_checkout')
  expect(slug('漢字')).toBe('untitled')
  expect(slug('a'.repeat(99))).toHaveLength(60)
})
