import type { Column, Explore, Problem } from '../../api/types'
import { Result, type Rows } from '../../lib/result.svelte'
import { ordered, select, type Part } from './compose'

/** first is how many records are fetched before somebody looks further. */
const first = 10_000

/**
 * Records is the list of all that matches. The beginning comes at once; the
 * whole is sorted by the server when somebody looks beyond it.
 */
export class Records implements Rows {
  head = new Result()
  whole = $state<Result | null>(null)
  #explored = $state.raw<Explore | null>(null)
  #part: Part = { sql: '', params: {} }
  #turn = 0

  /** show lists what an exploration found; what was listed before stays until it comes. */
  async show(e: Explore, items: string[], oldest: boolean): Promise<void> {
    const turn = ++this.#turn
    const part = ordered(e, oldest, e.matched > first ? first : 0)
    await this.head.run(select(part.sql, items), part.params)
    if (turn !== this.#turn) return
    this.whole?.close()
    this.whole = null
    this.#explored = e
    const all = ordered(e, oldest)
    this.#part = { sql: select(all.sql, items), params: all.params }
  }

  /** list runs another query in place of a list. */
  async list(part: Part): Promise<void> {
    const turn = ++this.#turn
    await this.head.run(part.sql, part.params)
    if (turn !== this.#turn) return
    this.whole?.close()
    this.whole = null
    this.#explored = null
  }

  get columns(): Column[] {
    return this.head.columns
  }
  get count(): number {
    const { head, whole } = this
    if (whole?.state?.complete) return whole.count
    const matched = this.#explored?.matched ?? 0
    // Records may have come since they were counted.
    return head.state?.complete && matched <= first ? head.count : Math.max(matched, head.count)
  }
  get version(): number {
    return this.head.version + (this.whole?.version ?? 0)
  }
  get busy(): boolean {
    return this.head.busy
  }
  get sorting(): boolean {
    return !!this.whole?.busy
  }
  get truncated(): boolean {
    return !!this.whole?.state?.truncated
  }
  get problem(): Problem | null {
    return this.head.problem ?? this.whole?.problem ?? null
  }

  want(from: number, to: number): void {
    const here = this.head.count
    if (from < here) this.head.want(from, Math.min(to, here - 1))
    if (to < here || !this.#explored || here >= this.#explored.matched) return
    if (!this.whole) {
      this.whole = new Result()
      void this.whole.run(this.#part.sql, this.#part.params)
    }
    const came = this.whole.count
    if (from < came) this.whole.want(Math.max(from, here), Math.min(to, came - 1))
  }

  cell(row: number, column: number): unknown {
    return row < this.head.count ? this.head.cell(row, column) : this.whole?.cell(row, column)
  }

  /** named is a cell by its column's name. */
  named(row: number, column: string): unknown {
    const at = this.columns.findIndex((c) => c.name === column)
    return at < 0 ? undefined : this.cell(row, at)
  }

  close(): void {
    this.#turn++
    this.head.close()
    this.whole?.close()
  }
}
