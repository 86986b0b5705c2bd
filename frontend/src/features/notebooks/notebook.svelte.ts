import { tick, untrack } from 'svelte'

import { problemOf } from '../../api/client'
import { runCell } from '../../api/operations'
import type { Column, Problem } from '../../api/types'
import type { Store } from './autosave.svelte'
import type { Placed } from './document.svelte'
import { browserStore } from './drafts'
import { Editing } from './editing.svelte'
import { dependents, graph, signature } from './names'
import { Run } from './run.svelte'
import { readChart } from './yaml'

/** Then says which cells run after one: those it made old, or all that read it and are not current. */
type Then = 'none' | 'stale' | 'all'

/** One notebook that is open: its cells, the values they are asked with, and what they gave. */
export class Notebook extends Editing {
  state = $state<'loading' | 'open' | 'failed'>('loading')
  problem = $state<Problem | null>(null)
  values = $state<Record<string, unknown>>({})
  range = $state<{ from: string; to: string } | null>(null)
  /** span is what $from and $to were in the last run. */
  span = $state<{ from: string; to: string } | null>(null)
  sequence = $state<{ done: number; of: number; note: string } | null>(null)
  autorun = $state(localStorage.getItem('tidemark.notebook.autorun') === '1')
  follow = $state(localStorage.getItem('tidemark.notebook.follow') === '1')
  /** #grown counts how often each dataset got new records since this was opened. */
  #grown = $state<Record<string, number>>({})
  #runs = new Map<number, Run>()
  #stopped = false

  constructor(file: string, store: Store = browserStore(file)) {
    super(file, store)
  }

  async open(): Promise<void> {
    if (this.state === 'open') return this.disk.changed()
    this.state = 'loading'
    try {
      await this.disk.open()
      this.read()
      await this.parse()
      this.restore()
      this.selected ||= this.cells[0]?.id ?? 0
      this.state = 'open'
    } catch (e) {
      this.problem = problemOf(e)
      this.state = 'failed'
    }
  }

  /** grew says that a dataset has other records than before; what read it is not current. */
  grew(dataset: string): void {
    const name = dataset.toLowerCase()
    this.#grown[name] = (this.#grown[name] ?? 0) + 1
  }

  /** given are the values of all parameters, defaults too, and of the time. */
  given = $derived.by(() => {
    const out: Record<string, unknown> = { from: this.range?.from ?? this.parsed?.time ?? '', to: this.range?.to ?? this.parsed?.time ?? '' }
    for (const p of this.params) out[p.name.toLowerCase()] = this.values[p.name] ?? p.default ?? null
    return out
  })
  uses = $derived(graph(this.cells))
  signatures = $derived(this.cells.map((_, i) => signature(this.cells, this.uses, i, this.given, this.#grown)))
  #nameList = $derived([...this.params.map((p) => '$' + p.name), '$from', '$to', ...this.cells.filter((c) => c.kind === 'sql' && c.name).map((c) => c.name)].join(' '))
  /** names are what SQL may mention beside tables; the same list until one changes. */
  names = $derived(this.#nameList.split(' '))

  run(id: number): Run {
    let run = this.#runs.get(id)
    if (!run) this.#runs.set(id, (run = untrack(() => new Run())))
    return run
  }
  /** source is the cell whose rows a cell shows: its own, or those that a chart draws. */
  source(cell: Placed): Placed | null {
    if (cell.kind !== 'chart') return cell
    const name = readChart(cell.text).data.toLowerCase()
    return this.cells.find((c) => c.name.toLowerCase() === name && (c.kind === 'sql' || c.kind === 'check')) ?? null
  }
  /** stale says that a cell has a result, and that it would be another one now. */
  stale(cell: Placed): boolean {
    const from = this.source(cell)
    if (!from) return false
    const run = this.run(from.id)
    return run.signature !== '' && !run.busy && run.signature !== this.signatures[from.index]
  }

  protected override columnsOf(id: number): Column[] {
    return this.run(id).result.state?.columns ?? []
  }
  protected override recognized(here: Set<number>): void {
    for (const [id, run] of this.#runs)
      if (!here.has(id) && run.busy) void run.stop()
    super.recognized(here)
  }

  body(): { params: Record<string, unknown>; from?: string; to?: string } {
    const params: Record<string, unknown> = {}
    for (const p of this.params) if (this.values[p.name] !== undefined) params[p.name] = this.values[p.name]
    return { params, ...(this.range ?? {}) }
  }

  /** runCell runs one cell to its end; whether it went well is the answer. */
  async runCell(id: number, then: Then = this.follow ? 'stale' : 'none'): Promise<boolean> {
    this.#stopped = false
    return this.#runOne(id, then)
  }

  async #runOne(id: number, then: Then): Promise<boolean> {
    const cell = this.cell(id)
    if (!cell || cell.kind === 'markdown') return true
    const from = this.source(cell)
    const run = this.run((from ?? cell).id)
    if (!from) {
      run.problem = {
        kind: 'invalid', op: '', message: 'the chart says no cell whose rows it draws', hint: 'choose the data of the chart; only sql cells with a name can be drawn', file: '', line: 0, column: 0,
      }
      return false
    }
    await run.go(from.line, this.signatures[from.index]!, async (signal) => {
      const reply = await runCell({ body: { file: this.file, text: this.disk.text, cell: from.index, ...this.body() } }, signal)
      this.span = { from: reply.from, to: reply.to }
      return reply
    })
    if (run.failed) return false
    if (from.kind === 'check' && (run.result.state?.rows ?? 0) > 0) return false
    if (then !== 'none') {
      const at = this.cell(from.id)
      for (const i of at ? dependents(this.uses, at.index) : []) {
        const next = this.cells[i]
        if (!next || next.kind === 'chart' || this.#stopped || !(then === 'all' ? this.run(next.id).signature !== this.signatures[i] : this.stale(next))) continue
        if (!(await this.#runOne(next.id, 'none'))) return false
      }
    }
    return true
  }

  /** runAll runs the cells in their order, and stops at the first that fails. */
  async runAll(which: (c: Placed) => boolean = () => true): Promise<void> {
    const list = this.cells.filter((c) => (c.kind === 'sql' || c.kind === 'check' || c.kind === 'rule') && which(c)).map((c) => c.id)
    this.#stopped = false
    this.sequence = { done: 0, of: list.length, note: '' }
    for (const id of list) {
      if (this.#stopped || !this.sequence) break
      const ok = await this.#runOne(id, 'none')
      const cell = this.cell(id)
      if (!ok && cell) {
        const left = list.length - this.sequence.done - 1
        const stopped = this.#stopped || this.run(id).failed?.kind === 'canceled'
        this.sequence = { ...this.sequence, note: `${stopped ? 'Stopped' : cell.kind === 'check' ? 'Stopped: a check found rows' : 'Stopped at a failure'}. ${left ? `${left} not run.` : ''}` }
        this.selected = id
        await tick()
        document.getElementById(`cell-${id}`)?.scrollIntoView({ block: 'nearest' })
        return
      }
      this.sequence = { ...this.sequence, done: this.sequence.done + 1 }
    }
    this.sequence = null
  }

  /** valuesChanged runs the cells that use what changed, if that is wished. */
  async valuesChanged(): Promise<void> {
    if (!this.autorun) return
    await tick()
    await this.runAll((c) => this.stale(c))
  }

  get busy(): boolean {
    return this.cells.some((c) => this.run(c.id).busy)
  }
  stop(): void {
    this.#stopped = true
    for (const run of this.#runs.values()) if (run.busy) void run.stop()
  }

  /** leave saves; close frees everything. */
  leave(): void {
    for (const id of Object.keys(this.drafts)) this.settle(Number(id))
    this.disk.close()
  }
  close(): void {
    this.leave()
    for (const run of this.#runs.values()) run.close()
    this.#runs.clear()
  }
}
