import { untrack } from 'svelte'

import { problemOf, request } from '../../api/client'
import type { Column, Problem } from '../../api/types'
import { events } from '../../lib/events.svelte'
import { decode, type Rows } from '../../lib/result.svelte'
import { millis } from '../../lib/value'
import { Whittled, type Arrived, type Chip } from './whittle'

/** kept is how many records a page keeps; those before are in the dataset. */
export const kept = 50_000
const page = 20_000
const perFrame = 4000
const before = 500

const columns: Column[] = [
  { name: 'event_time', type: 'TIMESTAMP WITH TIME ZONE' },
  { name: 'level', type: 'VARCHAR' },
  { name: 'service', type: 'VARCHAR' },
  { name: 'message', type: 'VARCHAR' },
]

/** nextFrame also comes where nobody looks. */
const nextFrame = (): Promise<unknown> => new Promise((r) => (document.hidden ? setTimeout(r, 0) : requestAnimationFrame(r)))

const text = (v: unknown): string | null => (v === null || v === undefined ? null : String(v))
const time = (v: unknown): number | null => (v === null || v === undefined ? null : millis(v))

/**
 * Feed is what arrives in a dataset: records after the last one it has, asked
 * for when the dataset changes, taken in a few each frame.
 */
export class Feed implements Rows {
  readonly columns = columns
  version = $state(0)
  problem = $state.raw<Problem | null>(null)
  /** paused: nothing is taken in; waiting are those that came since. */
  paused = $state(false)
  waiting = $state(0)
  /** ready: it was looked at for the first time. */
  ready = $state(false)
  /** seen are those that were taken in; skipped those that came while paused, beyond what is kept. */
  seen = $state(0)
  skipped = $state(0)
  /** perSecond is how many came in the last seconds. */
  perSecond = $state(0)
  readonly all = new Whittled(kept)
  #table: string
  #last: number | null = null
  #busy = false
  #dirty = false
  #closed = false
  #off: () => void
  #rates: { at: number; n: number }[] = []
  #tick: ReturnType<typeof setInterval>

  constructor(dataset: string, exists: boolean) {
    this.#table = '"' + dataset.replaceAll('"', '""') + '"'
    this.#off = events.on((e) => {
      if (e.type === 'data' && e.dataset === dataset) void this.#look()
    })
    this.#tick = setInterval(() => this.#rate(0), 1000)
    if (exists) void untrack(() => this.#look())
    else {
      this.#last = 0
      this.ready = true
    }
  }

  get count(): number {
    void this.version
    return this.all.count
  }
  want(): void {}
  cell(row: number, column: number): unknown {
    const r = this.all.row(row)
    return r && [r.event, r.level, r.service, r.message ?? r.body][column]
  }

  sift(chips: Chip[]): void {
    this.all.sift(chips)
    this.version++
  }

  pause(): void {
    this.paused = true
  }

  /** resume takes in what came since, as far as it would be kept. */
  resume(): void {
    this.paused = false
    void this.#look()
  }

  close(): void {
    this.#closed = true
    this.#off()
    clearInterval(this.#tick)
  }

  async #look(): Promise<void> {
    this.#dirty = true
    if (this.#busy) return
    this.#busy = true
    try {
      while (this.#dirty && !this.#closed) {
        this.#dirty = false
        if (this.paused) this.waiting = await this.#after()
        else await this.#catchUp()
      }
      this.problem = null
    } catch (e) {
      this.problem = problemOf(e)
    } finally {
      this.ready = true
      this.#busy = false
    }
  }

  /** after counts the records that have not been taken in. */
  async #after(): Promise<number> {
    const t = await this.#query(`SELECT count(*)::DOUBLE AS n FROM ${this.#table} WHERE _seq > ${this.#last ?? 0}`)
    return Number(t.getChild('n').at(0))
  }

  async #catchUp(): Promise<void> {
    this.#last ??= await this.#begin()
    if (this.waiting > kept) await this.#jump()
    this.waiting = 0
    for (let full = true; full && !this.paused && !this.#closed; ) {
      const records = await this.#read(this.#last)
      full = records.length === page
      for (let i = 0; i < records.length; i += perFrame) {
        if (i) await nextFrame()
        this.#take(records.slice(i, i + perFrame))
      }
    }
  }

  async #begin(): Promise<number> {
    const t = await this.#query(`SELECT coalesce(min(_seq) - 1, 0)::DOUBLE AS n FROM (SELECT _seq FROM ${this.#table} ORDER BY _seq DESC LIMIT ${before})`)
    return Number(t.getChild('n').at(0))
  }

  /** jump passes over what would not be kept anyway. */
  async #jump(): Promise<void> {
    const t = await this.#query(`SELECT min(_seq)::DOUBLE AS n FROM (SELECT _seq FROM ${this.#table} WHERE _seq > ${this.#last} ORDER BY _seq DESC LIMIT ${kept})`)
    const to = Number(t.getChild('n').at(0)) - 1
    const c = await this.#query(`SELECT count(*)::DOUBLE AS n FROM ${this.#table} WHERE _seq > ${this.#last} AND _seq <= ${to}`)
    this.skipped += Number(c.getChild('n').at(0))
    this.#last = to
  }

  #take(records: Arrived[]): void {
    if (!records.length || this.#closed) return
    this.#last = records.at(-1)!.seq
    this.all.push(records)
    this.seen += records.length
    this.#rate(records.length)
    this.version++
  }

  #rate(n: number): void {
    const now = performance.now()
    this.#rates.push({ at: now, n })
    while (this.#rates.length && this.#rates[0]!.at < now - 5000) this.#rates.shift()
    this.perSecond = this.#rates.reduce((sum, r) => sum + r.n, 0) / 5
  }

  async #read(after: number): Promise<Arrived[]> {
    const t = await this.#query(
      `SELECT _seq::DOUBLE AS seq, epoch_ms(event_time)::DOUBLE AS event, epoch_ms(arrival_time)::DOUBLE AS arrival, level, service, message, CAST(to_json(body) AS VARCHAR) AS body, _late AS late FROM ${this.#table} WHERE _seq > ${after} ORDER BY _seq LIMIT ${page}`,
    )
    const get = (name: string) => t.getChild(name)
    const [seq, event, arrival, level, service, message, body, late] = ['seq', 'event', 'arrival', 'level', 'service', 'message', 'body', 'late'].map(get)
    return Array.from({ length: t.numRows }, (_, i) => ({
      seq: Number(seq!.at(i)),
      event: time(event!.at(i)),
      arrival: time(arrival!.at(i)),
      level: text(level!.at(i)),
      service: text(service!.at(i)),
      message: text(message!.at(i)),
      body: text(body!.at(i)),
      late: late!.at(i) === true,
    }))
  }

  async #query(sql: string) {
    const response = await request('POST', '/query', { body: { sql, limit: page }, accept: 'application/vnd.apache.arrow.stream' })
    return decode(await response.arrayBuffer())
  }
}
