import { tableFromIPC, type Table } from '@uwdata/flechette'

import { aborted, problemOf, request } from '../api/client'
import { cancelQuery, createQuery, deleteQuery, getQuery } from '../api/operations'
import type { Column, Problem, QueryState } from '../api/types'

/** Rows is what a grid shows: how many there are, and cells once they came. */
export interface Rows {
  readonly columns: Column[]
  readonly count: number
  /** cell is undefined while its row is being fetched. */
  cell(row: number, column: number): unknown
  /** version changes when cells have come. */
  readonly version: number
  /** want says which rows are looked at. */
  want(first: number, last: number): void
}

const page = 500
const maxPages = 120

export const decode = (bytes: ArrayBuffer): Table => tableFromIPC(new Uint8Array(bytes), { useBigInt: true, useDecimalInt: true, useMap: true, useProxy: true })

/** Result is one query's result on the server; pages of it are fetched as they are looked at. */
export class Result implements Rows {
  state = $state<QueryState | null>(null)
  problem = $state<Problem | null>(null)
  busy = $state(false)
  version = $state(0)
  /** since is when the query was sent, for a running clock. */
  since = $state(0)
  #pages = new Map<number, Table | Promise<void>>()
  #abort: AbortController | null = null
  #gone = false

  get columns(): Column[] {
    return this.state?.columns ?? []
  }
  get count(): number {
    return this.state?.rows ?? 0
  }

  /** run sends a query in place of the one before, which is freed. */
  run(sql: string, params: Record<string, unknown> = {}, limit?: number): Promise<void> {
    return this.start((signal) => createQuery({ body: { sql, params, limit } }, signal))
  }

  /** start follows a query that another call begins. */
  async start(begin: (signal: AbortSignal) => Promise<QueryState>): Promise<void> {
    this.#abort?.abort()
    const abort = (this.#abort = new AbortController())
    this.busy = true
    this.problem = null
    this.since = performance.now()
    try {
      const state = await begin(abort.signal)
      if (abort.signal.aborted || this.#gone) return free(state.id)
      this.#take(state)
      await this.#follow(abort.signal)
    } catch (e) {
      if (abort !== this.#abort) return
      if (aborted(e)) this.problem = { ...problemOf(e), kind: 'canceled', message: 'stopped', op: 'query', hint: '' }
      else {
        this.#drop()
        this.state = null
        this.problem = problemOf(e)
      }
    } finally {
      if (abort === this.#abort) this.busy = false
    }
  }

  #take(state: QueryState) {
    this.#drop()
    this.state = state
    this.problem = state.error ?? null
    this.version++
  }

  #drop() {
    if (this.state) free(this.state.id)
    this.#pages.clear()
  }

  async #follow(signal: AbortSignal) {
    while (this.state && this.state.state === 'running' && !signal.aborted) {
      const next = await getQuery({ id: this.state.id, wait: 1 }, signal)
      if (signal.aborted || next.id !== this.state?.id) return
      // The last page may have been fetched when it was not full yet.
      const last = Math.floor(Math.max(0, this.state.rows - 1) / page)
      if (next.rows > this.state.rows) this.#pages.delete(last)
      this.state = next
      this.version++
    }
    if (this.state?.error) this.problem = this.state.error
  }

  /** stop ends the query; what came stays. */
  async stop(): Promise<void> {
    const id = this.state?.id
    if (this.state?.state !== 'running') return this.#abort?.abort()
    if (!id) return
    try {
      await cancelQuery({ id })
    } catch {
      // It cannot be ended without being freed.
      this.#abort?.abort()
      free(id)
      if (this.state?.id !== id) return
      this.state = { ...this.state, state: 'canceled', complete: true }
      this.busy = false
    }
  }

  want(first: number, last: number): void {
    if (!this.state) return
    for (let p = Math.floor(first / page); p <= Math.floor(last / page); p++) if (!this.#pages.has(p)) this.#pages.set(p, this.#fetch(p, this.state.id))
  }

  async #fetch(p: number, id: string) {
    try {
      const response = await request('GET', `/queries/${id}/rows`, {
        query: { offset: p * page, limit: page },
        accept: 'application/vnd.apache.arrow.stream',
      })
      const table = decode(await response.arrayBuffer())
      if (this.state?.id !== id) return
      this.#pages.delete(p)
      this.#pages.set(p, table)
      // The pages that were looked at longest ago go first.
      for (const key of this.#pages.keys()) {
        if (this.#pages.size <= maxPages) break
        this.#pages.delete(key)
      }
      this.version++
    } catch (e) {
      if (this.state?.id !== id) return
      this.#pages.delete(p)
      this.problem = problemOf(e)
    }
  }

  cell(row: number, column: number): unknown {
    void this.version
    const p = this.#pages.get(Math.floor(row / page))
    if (!p || p instanceof Promise) return undefined
    const at = row % page
    return at < p.numRows ? p.getChildAt(column).at(at) : undefined
  }

  /** table is the first rows as one table, for charts. */
  async table(limit = 50_000): Promise<Table> {
    const response = await request('GET', `/queries/${this.state!.id}/rows`, {
      query: { offset: 0, limit },
      accept: 'application/vnd.apache.arrow.stream',
    })
    return decode(await response.arrayBuffer())
  }

  /** close frees the result. */
  close(): void {
    this.#gone = true
    this.#abort?.abort()
    this.#drop()
    this.state = null
  }
}

function free(id: string): void {
  deleteQuery({ id }).catch(() => {})
}

/** listRows shows values that are here already. */
export function listRows(columns: Column[], rows: unknown[][]): Rows {
  return { columns, count: rows.length, version: 0, want() {}, cell: (r, c) => rows[r]?.[c] ?? null }
}
