import type { Action } from 'svelte/action'

/** Scrubbed is a value that can be dragged: from gives it when a drag begins, to takes what it is dragged to. */
export interface Scrubbed {
  from: () => number
  to: (value: number) => void
}

/** pixels is how far one step is. */
export const pixels = 14

/** scrub lets the value of a field be dragged by the words of its label: to the right is more. */
export const scrub: Action<HTMLElement, Scrubbed> = (label, given) => {
  let value = given
  let drag: { x: number; began: number; last: number } | null = null
  const down = (e: PointerEvent) => {
    if (e.button !== 0 || e.target !== label) return
    const began = value.from()
    drag = { x: e.clientX, began, last: began }
    e.preventDefault()
    label.setPointerCapture?.(e.pointerId)
  }
  const move = (e: PointerEvent) => {
    if (!drag) return
    const to = drag.began + Math.round((e.clientX - drag.x) / pixels)
    if (to === drag.last) return
    drag.last = to
    value.to(to)
  }
  const up = () => (drag = null)
  label.classList.add('scrub')
  label.addEventListener('pointerdown', down)
  label.addEventListener('pointermove', move)
  label.addEventListener('pointerup', up)
  label.addEventListener('pointercancel', up)
  return {
    update: (next) => (value = next),
    destroy() {
      label.removeEventListener('pointerdown', down)
      label.removeEventListener('pointermove', move)
      label.removeEventListener('pointerup', up)
      label.removeEventListener('pointercancel', up)
    },
  }
}
