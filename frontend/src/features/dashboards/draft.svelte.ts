import { tick as rendered } from 'svelte'

import type { DashboardItem, ParsedDashboard } from '../../api/types'
import type { TextFile } from '../../lib/textfile.svelte'
import { toast } from '../../lib/toast.svelte'
import { workspace } from '../../lib/workspace.svelte'

type Yaml = typeof import('../../lib/yamledit')
/** Place is the row of an item and its position in it, from 0. */
export type Place = [number, number]
export type Direction = 'left' | 'right' | 'up' | 'down'

/** What a draft needs to know of the board it belongs to. */
interface Board {
  readonly parsed: ParsedDashboard | null
  read(text: string): Promise<void>
  /** broken is called when the YAML has to be mended by hand first. */
  broken(): void
}

const most = 199 // steps back that are kept
const together = 1500 // ms in which edits of one kind are one step

const fresh = (): Record<string, unknown> => ({ title: 'Records', type: 'line', measure: 'count()' })
const overTime = (dataset: string): string => `select time_bucket(interval '1 hour', event_time) as time, count(*) as records\nfrom ${dataset}\ngroup by all\norder by time\n`

/** Draft edits the text of a dashboard: each change keeps comments and order, and can be taken back. */
export class Draft {
  chosen = $state<Place | null>(null)
  past = $state.raw<string[]>([])
  #yaml: Yaml | null = null
  #last = { kind: '', at: 0 }

  constructor(
    readonly file: TextFile,
    readonly board: Board,
  ) {}

  get item(): DashboardItem | undefined {
    return this.chosen ? this.board.parsed?.rows[this.chosen[0]]?.items[this.chosen[1]] : undefined
  }

  async load(): Promise<Yaml> {
    return (this.#yaml ??= await import('../../lib/yamledit'))
  }

  /** written reads what the text says of the chosen item, without what is filled in for it. */
  written(text: string): { where: string; dataset: string } {
    const value = this.chosen && (this.#yaml?.read(text, ['rows', this.chosen[0], 'items', this.chosen[1]]) as { where?: string; dataset?: string } | undefined)
    return { where: value?.where ?? '', dataset: value?.dataset ?? '' }
  }

  /** write makes the new text the draft; edits of one kind in a row are one step back. */
  write(text: string, kind: string): void {
    if (text === this.file.text) return
    const now = Date.now()
    if (kind === '' || kind !== this.#last.kind || now - this.#last.at > together) this.past = [...this.past.slice(-most), this.file.text]
    this.#last = { kind, at: now }
    this.file.text = text
  }

  undo(): void {
    const text = this.past.at(-1)
    if (text === undefined) return
    this.past = this.past.slice(0, -1)
    this.#last = { kind: '', at: 0 }
    this.file.text = text
    this.chosen = null
    void this.board.read(text)
  }

  /** change edits the text; what cannot be edited that way is told. */
  async change(fn: (y: Yaml, text: string) => string, kind = ''): Promise<void> {
    const yaml = await this.load()
    try {
      this.write(fn(yaml, this.file.text), kind)
      await this.board.read(this.file.text)
    } catch (e) {
      toast(`The YAML has to be mended first: ${e instanceof Error ? e.message.split('\n')[0] : e}`, 'alarm')
      this.board.broken()
    }
  }

  /** set changes a key of the whole dashboard; undefined removes it. */
  set(key: string, value: unknown): void {
    void this.change((y, t) => y.set(t, [key], value), key)
  }

  setKey(key: string, value: unknown): void {
    const at = this.chosen
    if (at) void this.change((y, t) => y.set(t, ['rows', at[0], 'items', at[1], key], value), `${at.join()} ${key}`)
  }

  setHeight(height: number): void {
    const at = this.chosen
    if (at) void this.change((y, t) => y.set(t, ['rows', at[0], 'height'], height), 'height')
  }

  setWidth([r, i]: Place, width: number, kind = ''): Promise<void> {
    return this.change((y, t) => y.set(t, ['rows', r, 'items', i, 'width'], width), kind)
  }

  /** setKind makes the chosen chart draw a query, or a measure. */
  setKind(kind: 'sql' | 'measure'): void {
    const at = this.chosen
    if (!at) return
    const key = (name: string) => ['rows', at[0], 'items', at[1], name]
    const [begin, gone]: [Record<string, string>, string[]] =
      kind === 'measure' ? [{ measure: 'count()' }, ['sql', 'x']] : [{ sql: overTime(this.board.parsed?.dataset || 'app_logs') }, ['measure', 'where', 'series', 'y']]
    void this.change((y, t) => {
      const out = Object.entries(begin).reduce((text, [k, v]) => y.set(text, key(k), v), t)
      return gone.reduce((text, k) => y.set(text, key(k), undefined), out)
    })
  }

  /** place moves an item to a row and a position, counted with the item still there. */
  async place([fr, fi]: Place, [tr, to]: Place, newRow = false): Promise<void> {
    const parsed = this.board.parsed
    if (!parsed) return
    const ti = !newRow && fr === tr && to > fi ? to - 1 : to
    if (!newRow && fr === tr && ti === fi) return
    const alone = parsed.rows[fr]!.items.length === 1
    if (newRow && alone && (tr === fr || tr === fr + 1)) return
    await this.change((y, t) => {
      if (newRow) {
        const out = y.add(t, ['rows'], tr, { height: parsed.rows[fr]!.height, items: [y.read(t, ['rows', fr, 'items', fi])] })
        const gone = tr <= fr ? fr + 1 : fr
        return y.remove(out, alone ? ['rows', gone] : ['rows', gone, 'items', fi])
      }
      const out = y.move(t, ['rows', fr, 'items', fi], ['rows', tr, 'items', ti])
      return alone ? y.remove(out, ['rows', fr]) : out
    })
    this.chosen = [alone && tr > fr ? tr - 1 : tr, newRow ? 0 : ti]
    await rendered()
    document.getElementById(`item-${this.chosen.join('-')}`)?.focus()
  }

  /** shift moves the chosen item one place; at the edge it gets a row of its own. */
  shift(by: Direction): void {
    const rows = this.board.parsed?.rows
    if (!this.chosen || !rows) return
    const [r, i] = this.chosen
    const [side, row] = { left: [i - 1, r], right: [i + 2, r], up: [i, r - 1], down: [i, r + 1] }[by] as Place
    if (row === r) {
      if (by === 'left' ? i > 0 : i < rows[r]!.items.length - 1) void this.place(this.chosen, [r, side])
    } else if (rows[row]) void this.place(this.chosen, [row, Math.min(i, rows[row].items.length)])
    else void this.place(this.chosen, [Math.max(row, 0), 0], true)
  }

  /** add puts a new chart at the end of a row, or of the board. */
  async add(row: number | null): Promise<void> {
    const rows = this.board.parsed?.rows ?? []
    const at: Place = row === null ? [rows.length, 0] : [row, rows[row]!.items.length]
    await this.change((y, t) => (row === null ? y.add(t, ['rows'], at[0], { height: 260, items: [fresh()] }) : y.add(t, ['rows', row, 'items'], at[1], fresh())))
    this.chosen = at
  }

  remove(): void {
    const { chosen, item } = this
    if (!chosen || !item) return
    const [r, i] = chosen
    const alone = this.board.parsed!.rows[r]!.items.length === 1
    this.chosen = null
    void this.change((y, t) => y.remove(t, alone ? ['rows', r] : ['rows', r, 'items', i]))
    toast(`${item.title || 'The chart'} was removed`, 'plain', () => this.undo())
  }

  async duplicate(): Promise<void> {
    if (!this.chosen) return
    const [r, i] = this.chosen
    await this.change((y, t) => y.add(t, ['rows', r, 'items'], i + 1, y.read(t, ['rows', r, 'items', i])))
    this.chosen = [r, i + 1]
  }

  async save(): Promise<boolean> {
    const ok = await this.file.save()
    if (ok) {
      this.past = []
      void workspace.load()
    }
    return ok
  }

  discard(): void {
    const [draft, steps] = [this.file.text, this.past]
    this.file.discard()
    this.chosen = null
    this.past = []
    void this.board.read(this.file.text)
    toast('The changes are discarded', 'plain', () => {
      this.file.text = draft
      this.past = steps
    })
  }

  takeTheirs(): void {
    this.file.takeTheirs()
    this.past = []
  }
}
