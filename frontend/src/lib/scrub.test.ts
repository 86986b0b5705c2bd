import { expect, test } from 'vitest'

import { pixels, scrub } from './scrub'

test('a value follows the pointer in steps, and only from the words of the label', () => {
  const label = document.createElement('label')
  const input = label.appendChild(document.createElement('input'))
  let value = 3
  const seen: number[] = []
  const action = scrub(label, { from: () => value, to: (v) => seen.push((value = v)) })
  const at = (type: string, x: number, on: Element = label) => on.dispatchEvent(new MouseEvent(type, { clientX: x, bubbles: true }))
  at('pointermove', 500)
  at('pointerdown', 100)
  at('pointermove', 100 + pixels / 4)
  at('pointermove', 100 + 2 * pixels)
  at('pointermove', 100 - pixels)
  at('pointerup', 0)
  at('pointermove', 900)
  at('pointerdown', 0, input)
  at('pointermove', 900)
  expect(seen).toEqual([5, 2])
  if (action) action.destroy?.()
})
