import { beforeEach, expect, it } from 'vitest'

import { Size } from './sizes.svelte'

beforeEach(() => localStorage.clear())

it('keeps a width within its bounds, and from one time to the next', () => {
  const s = new Size('x', 300, 200, 600)
  s.px = 411.4
  expect(new Size('x', 300, 200, 600).px).toBe(411)
  s.px = 9999
  expect(s.px).toBe(600)
  s.px = -5
  expect(s.px).toBe(200)
  s.reset()
  expect(s.px).toBe(300)
  expect(new Size('x', 300, 200, 600).px).toBe(300)
})

it('does not take up nonsense', () => {
  localStorage.setItem('tidemark.size.x', 'wide')
  expect(new Size('x', 300, 200, 600).px).toBe(300)
  localStorage.setItem('tidemark.size.x', '5')
  expect(new Size('x', 300, 200, 600).px).toBe(200)
})
