import { aborted, problemOf } from '../../api/client'
import type { Backtest, CellRun, Column, Problem } from '../../api/types'
import { Result } from '../../lib/result.svelte'

/** What one cell gave, and how it was asked. */
export class Run {
  result = new Result()
  backtest = $state<Backtest | null>(null)
  problem = $state<Problem | null>(null)
  busy = $state(false)
  since = $state(0)
  /** signature is that of what was run; empty before the first run. */
  signature = $state('')
  /** line is where the cell stood in the file, for the places of problems. */
  line = $state(1)
  /** table is the beginning of the result, for charts. */
  table = $state<{ columns: Column[]; rows: unknown[][]; id: string } | null>(null)
  #abort: AbortController | null = null

  get failed(): Problem | null {
    return this.problem ?? this.result.problem
  }
  get shown(): boolean {
    return this.result.state !== null || this.backtest !== null
  }

  async go(line: number, signature: string, ask: (signal: AbortSignal) => Promise<CellRun>): Promise<void> {
    this.#abort?.abort()
    const abort = (this.#abort = new AbortController())
    this.busy = true
    this.since = performance.now()
    this.problem = null
    this.line = line
    this.signature = signature
    try {
      let other = false
      await this.result.start(async (signal) => {
        abort.signal.addEventListener('abort', () => void this.result.stop())
        signal.addEventListener('abort', () => abort.abort())
        const reply = await ask(signal)
        if (abort === this.#abort) this.backtest = reply.backtest ?? null
        if (!reply.query) {
          other = true
          throw new DOMException('no rows', 'AbortError')
        }
        return reply.query
      })
      if (other && abort === this.#abort) this.result.problem = null
    } catch (e) {
      if (abort === this.#abort && !aborted(e)) this.problem = problemOf(e)
    } finally {
      if (abort === this.#abort) this.busy = false
    }
  }

  async stop(): Promise<void> {
    await this.result.stop()
  }

  /** draw fetches what a chart needs. */
  async draw(): Promise<void> {
    const s = this.result.state
    if (!s || !s.complete || this.table?.id === s.id) return
    try {
      const t = await this.result.table()
      const rows = Array.from({ length: t.numRows }, (_, r) => s.columns.map((_, c) => t.getChildAt(c).at(r) as unknown))
      if (this.result.state?.id === s.id) this.table = { columns: s.columns, rows, id: s.id }
    } catch (e) {
      if (this.result.state?.id === s.id) this.result.problem = problemOf(e)
    }
  }

  close(): void {
    this.#abort?.abort()
    this.result.close()
  }
}
