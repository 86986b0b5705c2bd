import { weight } from './board'
import type { Draft, Place } from './draft.svelte'

/** edge is the part of a chart's height at which a drop makes a new row. */
const edge = 0.14

/** Drag moves and widens charts with the mouse. */
export class Drag {
  from = $state<Place | null>(null)
  /** target is where a drop would put it: in a row before a position, or in a new row. */
  target = $state<{ row: number; at: number; fresh: boolean } | null>(null)
  stretching = $state<{ row: number; at: number; width: number } | null>(null)

  constructor(readonly draft: Draft) {}

  start(e: DragEvent, at: Place, title: string): void {
    this.from = at
    e.dataTransfer?.setData('text/plain', title)
  }

  over(e: DragEvent, r: number, i: number): void {
    if (!this.from) return
    e.preventDefault()
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect()
    const y = (e.clientY - box.top) / box.height
    if (y < edge) this.target = { row: r, at: 0, fresh: true }
    else if (y > 1 - edge) this.target = { row: r + 1, at: 0, fresh: true }
    else this.target = { row: r, at: e.clientX - box.left > box.width / 2 ? i + 1 : i, fresh: false }
  }

  drop(e: DragEvent): void {
    e.preventDefault()
    if (this.from && this.target) void this.draft.place(this.from, [this.target.row, this.target.at], this.target.fresh)
    this.end()
  }

  end(): void {
    this.from = this.target = null
  }

  /** stretch follows the right edge of a chart until it is let go. */
  stretch(e: PointerEvent, r: number, i: number): void {
    e.preventDefault()
    e.stopPropagation()
    const handle = e.currentTarget as HTMLElement
    const box = handle.closest<HTMLElement>('.boardrow')!.getBoundingClientRect()
    const own = handle.closest<HTMLElement>('.slot')!.getBoundingClientRect()
    const items = this.draft.board.parsed!.rows[r]!.items
    const others = items.reduce((s, it, n) => (n === i ? s : s + it.width), 0)
    handle.setPointerCapture(e.pointerId)
    this.draft.chosen = [r, i]
    const move = (m: PointerEvent) => (this.stretching = { row: r, at: i, width: weight((m.clientX - own.left) / box.width, others) })
    handle.addEventListener('pointermove', move)
    const over = () => {
      handle.removeEventListener('pointermove', move)
      void this.#stretched([r, i], items[i]!.width)
    }
    handle.addEventListener('lostpointercapture', over, { once: true })
  }

  async #stretched(at: Place, was: number): Promise<void> {
    const s = this.stretching
    if (s && s.width !== was) await this.draft.setWidth(at, s.width)
    this.stretching = null
  }

  /** widthOf is the width of a chart while it is pulled, else its own. */
  widthOf(width: number, r: number, i: number): number {
    return this.stretching?.row === r && this.stretching.at === i ? this.stretching.width : width
  }
}
