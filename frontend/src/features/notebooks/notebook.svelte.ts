import { tick, untrack } from 'svelte'

import { problemOf } from '../../api/client'
import { parseNotebook, runCell } from '../../api/operations'
import type { NotebookParam, ParsedNotebook, Problem, QueryState } from '../../api/types'
import { events } from '../../lib/events.svelte'
import { plural } from '../../lib/format'
import { toast } from '../../lib/toast.svelte'
import { Autosave, type Store } from './autosave.svelte'
import { browserStore } from './drafts'
import { dependents, graph, renamed, signature } from './names'
import { Run } from './run.svelte'
import { cut, eolOf, freeName, insertRaw, moveCell, rawOf, recognize, removeCell, replaceText, setKind, setName, ShapeError, type Cell, type Kind } from './text'
import { readChart, setKey } from './yaml'

export interface Placed extends Cell {
  id: number
  index: number
}

/** How a cell is looked at; none of it stands in the file. */
export interface Look {
  collapsed: boolean
  height: number
  view: 'table' | 'chart'
  yaml: boolean
  /** form is open where a chart is changed. */
  form: boolean
  measure: string
}

/** Then says which cells run after one: those it made old, or all that read it and are not current. */
type Then = 'none' | 'stale' | 'all'

interface Step {
  before: string
  after: string
  /** what groups keystrokes of one cell into one step. */
  what: string
  at: number
}

const heldKey = (file: string): string => 'tidemark.held.' + file
let nextId = 1

/** One notebook that is open: its text, what its cells gave, and how it is looked at. */
export class Notebook {
  readonly file: string
  readonly disk: Autosave
  state = $state<'loading' | 'open' | 'failed'>('loading')
  problem = $state<Problem | null>(null)
  parsed = $state<ParsedNotebook | null>(null)
  cells = $state.raw<Placed[]>([])
  head = $state('')
  selected = $state(0)
  /** editing is the text cell that is open in an editor. */
  editing = $state(0)
  /** entering says that an editor is about to take the keys. */
  entering = false
  /** drafts are texts that would change other cells if they were taken in. */
  drafts = $state<Record<number, string>>({})
  looks = $state<Record<number, Look>>({})
  values = $state<Record<string, unknown>>({})
  range = $state<{ from: string; to: string } | null>(null)
  /** span is what $from and $to were in the last run. */
  span = $state<{ from: string; to: string } | null>(null)
  sequence = $state<{ done: number; of: number; note: string } | null>(null)
  autorun = $state(localStorage.getItem('tidemark.notebook.autorun') === '1')
  follow = $state(localStorage.getItem('tidemark.notebook.follow') === '1')
  undoable = $state(0)
  redoable = $state(0)
  /** #grown counts how often each dataset got new records since this was opened. */
  #grown = $state<Record<string, number>>({})
  #runs = new Map<number, Run>()
  #undo: Step[] = []
  #redo: Step[] = []
  #parsing: ReturnType<typeof setTimeout> | undefined
  #parses = 0
  #stopped = false

  constructor(file: string, store: Store = browserStore(file)) {
    this.file = file
    this.disk = new Autosave(store, 800, () => this.#read('disk'))
  }

  async open(): Promise<void> {
    if (this.state === 'open') return this.disk.changed()
    this.state = 'loading'
    try {
      await this.disk.open()
      this.#read('')
      await this.parse()
      this.#restore()
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

  get title(): string {
    return this.parsed?.title || this.file.replace(/^notebooks\/|\.md$/g, '')
  }
  get params(): NotebookParam[] {
    return this.parsed?.params ?? []
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

  look(id: number): Look {
    return this.looks[id] ?? { collapsed: false, height: 260, view: 'table', yaml: false, form: false, measure: '' }
  }
  setLook(id: number, change: Partial<Look>): void {
    this.looks[id] = { ...this.look(id), ...change }
  }

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

  /** htmlOf is what the server made of a text; empty while it has not seen the newest. */
  htmlOf(cell: Placed): string {
    const p = this.parsed?.cells[cell.index]
    return p?.html && p.kind === 'markdown' && p.text.trim() === cell.text.trim() ? p.html : ''
  }

  problemsOf(cell: Placed): Problem[] {
    const until = this.cells[cell.index + 1]?.line ?? Infinity
    return (this.parsed?.problems ?? []).filter((p) => p.line >= cell.line - 1 && p.line < until - 1)
  }
  /** loose are the problems that stand in no cell. */
  loose = $derived.by(() => {
    const first = this.cells[0]?.line ?? Infinity
    return (this.parsed?.problems ?? []).filter((p) => p.line < first - 1 || !this.cells.length)
  })

  // Text.

  #read(from: '' | 'disk') {
    const c = cut(this.disk.text)
    const ids = recognize(this.cells, c.cells, () => nextId++)
    this.head = c.head
    const were = new Map(this.cells.map((x) => [x.id, x]))
    // A cell that is as it was stays the same object, so that nothing of it is drawn again.
    this.cells = c.cells.map((x, index) => {
      const was = were.get(ids[index]!)
      return was && was.raw === x.raw && was.line === x.line && was.index === index ? was : { ...x, id: ids[index]!, index }
    })
    const here = new Set(ids)
    for (const [id, run] of this.#runs)
      if (!here.has(id) && run.busy) void run.stop()
    if (!here.has(this.selected)) this.selected = this.cells[0]?.id ?? 0
    if (from === 'disk') {
      this.#step({ before: '', after: '', what: '', at: 0 }, true)
      this.parseSoon(0)
    }
  }

  #step(s: Step, forget = false) {
    if (forget) this.#undo = []
    else {
      const last = this.#undo.at(-1)
      if (last && s.what && last.what === s.what && s.at - last.at < 2000) {
        last.after = s.after
        last.at = s.at
      } else this.#undo.push(s)
      if (this.#undo.length > 200) this.#undo.shift()
    }
    this.#redo = []
    this.undoable = this.#undo.length
    this.redoable = 0
  }

  #set(text: string, what = ''): boolean {
    if (text === this.disk.text) return false
    this.#step({ before: this.disk.text, after: text, what, at: performance.now() })
    this.disk.edit(text)
    this.#read('')
    this.parseSoon()
    return true
  }

  /** change does something to the text; a text that it would break is left alone. */
  #change(make: (src: string) => string, what = ''): boolean {
    try {
      return this.#set(make(this.disk.text), what)
    } catch (e) {
      if (!(e instanceof ShapeError)) throw e
      toast(`Not done: ${e.message}.`, 'alarm')
      return false
    }
  }

  parseSoon(after = 250): void {
    clearTimeout(this.#parsing)
    this.#parsing = setTimeout(() => void this.parse(), after)
  }

  async parse(): Promise<void> {
    const turn = ++this.#parses
    try {
      const parsed = await parseNotebook({ body: { file: this.file, text: this.disk.text } })
      if (turn !== this.#parses) return
      // While the front matter is being written, what it said before holds.
      const headBroken = parsed.problems.some((p) => p.line > 0 && p.line <= this.head.split('\n').length)
      this.parsed = headBroken && this.parsed ? { ...parsed, title: this.parsed.title, time: this.parsed.time, params: this.parsed.params } : parsed
    } catch (e) {
      if (turn !== this.#parses) return
      if (!this.parsed) throw e
      this.parsed = { ...this.parsed, problems: [problemOf(e)] }
    }
  }

  cell(id: number): Placed | undefined {
    return this.cells.find((c) => c.id === id)
  }
  get current(): Placed | undefined {
    return this.cell(this.selected)
  }

  /** edit takes in what was typed in a cell; what would change other cells waits as a draft. */
  edit(id: number, text: string): void {
    const c = this.cell(id)
    if (!c) return
    try {
      this.#set(replaceText(this.disk.text, c.index, text), 'edit' + id)
      if (this.drafts[id] !== undefined) this.#hold(id)
    } catch (e) {
      if (!(e instanceof ShapeError)) throw e
      this.#hold(id, text)
    }
  }

  /** #hold keeps a draft, in the browser too, or lets it go. */
  #hold(id: number, text?: string) {
    if (text === undefined) delete this.drafts[id]
    else this.drafts[id] = text
    const list = this.cells.flatMap((c) => (this.drafts[c.id] === undefined ? [] : [{ index: c.index, was: c.text, text: this.drafts[c.id]! }]))
    try {
      if (list.length) sessionStorage.setItem(heldKey(this.file), JSON.stringify(list))
      else sessionStorage.removeItem(heldKey(this.file))
    } catch {
      // There is no room for it.
    }
  }

  /** #restore takes up drafts of before the page was loaded anew. */
  #restore() {
    let list: { index: number; was: string; text: string }[] = []
    try {
      list = JSON.parse(sessionStorage.getItem(heldKey(this.file)) ?? '[]') as typeof list
    } catch {
      return
    }
    for (const h of list) {
      const texts = this.cells.filter((c) => c.kind === 'markdown' && this.drafts[c.id] === undefined)
      const c = texts.find((x) => x.index === h.index && x.text === h.was) ?? texts.find((x) => x.text === h.was) ?? texts[0]
      if (!c) continue
      this.drafts[c.id] = h.text
      this.editing = c.id
    }
  }

  /** settle ends the editing of a text cell: a draft becomes the cells that it says. */
  settle(id: number): boolean {
    const draft = this.drafts[id]
    const c = this.cell(id)
    if (draft === undefined || !c) return true
    if (draft.trim() === '') {
      this.#hold(id)
      this.remove(id)
      return true
    }
    const all = cut(this.disk.text)
    const inner = cut('\n' + draft)
    const eol = eolOf(this.disk.text)
    const raws = all.cells.map((x) => x.raw)
    raws[c.index] = draft.split('\n').join(eol)
    const src = all.head + raws.map((r, i) => all.seps[i] + r).join('') + all.seps.at(-1)
    const after = cut(src).cells
    const rest = all.cells.length - c.index - 1
    // The cells below must still be there.
    const safe =
      after.length === c.index + inner.cells.length + rest &&
      all.cells.every((x, i) => i === c.index || (i < c.index ? after[i]!.raw === x.raw : after[after.length - (all.cells.length - i)]!.raw === x.raw))
    if (!safe) return false
    this.#hold(id)
    this.#set(src)
    return true
  }

  rename(id: number, name: string): string {
    const c = this.cell(id)!
    if (name === c.name) return ''
    if (name && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'Use letters, digits and underscores.'
    if (name && this.cells.some((o) => o.id !== id && o.name.toLowerCase() === name.toLowerCase())) return 'Another cell has this name.'
    const readers = c.name && name ? this.cells.filter((o) => o.index > c.index && this.#renamedIn(o, c.name, name) !== o.text) : []
    this.#change((src) => {
      let out = setName(src, c.index, name)
      // Charts follow their data.
      if (c.name && name) this.cells.forEach((o) => o.kind === 'chart' && readChart(o.text).data.toLowerCase() === c.name.toLowerCase() && (out = replaceText(out, o.index, setKey(o.text, 'data', name))))
      return out
    })
    const old = c.name
    if (readers.length) {
      const ids = readers.map((o) => o.id)
      toast(`${plural(readers.length, 'cell')} below still ${readers.length === 1 ? 'reads' : 'read'} ${old}.`, 'plain', () => this.#renameIn(ids, old, name), `Read ${name} instead`)
    }
    return ''
  }

  #renamedIn(c: Placed, old: string, name: string): string {
    return c.kind === 'sql' || c.kind === 'check' ? renamed(c.text, old, name) : c.text
  }

  /** #renameIn lets cells read a cell by its new name, as one step. */
  #renameIn(ids: number[], old: string, name: string) {
    const cells = ids.flatMap((id) => this.cell(id) ?? [])
    this.#change((src) => cells.reduce((out, o) => replaceText(out, o.index, this.#renamedIn(o, old, name)), src))
  }

  retype(id: number, kind: Kind): void {
    const c = this.cell(id)
    if (!c || c.kind === kind) return
    const index = c.index
    if (this.#change((src) => setKind(src, index, kind))) {
      const at = this.cells[Math.min(index, this.cells.length - 1)]
      if (at) this.selected = at.id
    }
  }

  /** add puts a new cell before index at and gives its id. */
  add(kind: Kind, at: number): number {
    const above = this.cells.slice(0, at).reverse().find((c) => c.kind === 'sql' && c.name)
    const text: Record<Kind, string> = {
      sql: '',
      markdown: 'Text',
      check: '',
      chart: above ? chartFor(above.name, this.run(above.id).result.state) : 'data: \ntype: line',
      rule: ruleText,
    }
    const name = kind === 'sql' ? freeName(this.cells, 'cell_1') : ''
    // Text beside text is one cell.
    const beside = kind === 'markdown' ? (this.cells[at - 1]?.kind === 'markdown' ? at - 1 : this.cells[at]?.kind === 'markdown' ? at : -1) : -1
    const before = new Set(this.cells.map((c) => c.id))
    if (!this.#change((src) => insertRaw(src, at, rawOf(kind, text[kind], name, eolOf(src))))) return 0
    const made = beside >= 0 ? this.cells[beside] : this.cells.find((c) => !before.has(c.id)) ?? this.cells[at]
    if (!made) return 0
    this.selected = made.id
    if (kind === 'chart') this.setLook(made.id, { form: true })
    return made.id
  }

  duplicate(id: number): void {
    const c = this.cell(id)
    if (!c) return
    const name = c.name ? freeName(this.cells, c.name) : ''
    if (this.#change((src) => insertRaw(src, c.index + 1, rawOf(c.kind, c.text, name, eolOf(src))))) this.selected = this.cells[c.index + 1]?.id ?? this.selected
  }

  move(id: number, by: -1 | 1): void {
    const c = this.cell(id)
    if (c) this.#change((src) => moveCell(src, c.index, by))
  }

  remove(id: number): void {
    const c = this.cell(id)
    if (!c) return
    if (!this.#change((src) => removeCell(src, c.index))) return
    const after = this.disk.text
    this.selected = (this.cells[c.index] ?? this.cells.at(-1))?.id ?? 0
    if (this.editing === id) this.editing = 0
    toast('Cell deleted.', 'plain', () => {
      if (this.disk.text === after) this.undo()
      else this.#change((src) => insertRaw(src, Math.min(c.index, cut(src).cells.length), c.raw))
    })
  }

  undo(): void {
    const s = this.#undo.pop()
    if (!s) return
    this.#redo.push(s)
    this.#jump(s.before)
  }
  redo(): void {
    const s = this.#redo.pop()
    if (!s) return
    this.#undo.push(s)
    this.#jump(s.after)
  }
  /** bring puts a whole text back, as one step. */
  bring(text: string): void {
    this.#set(text)
  }
  #jump(text: string) {
    this.undoable = this.#undo.length
    this.redoable = this.#redo.length
    this.disk.edit(text)
    this.#read('')
    this.parseSoon()
  }

  /** setHead replaces the front matter. */
  setHead(head: string): void {
    const c = cut(this.disk.text)
    const eol = eolOf(this.disk.text)
    const text = head.split('\n').join(eol)
    const rest = this.disk.text.slice(c.head.length)
    this.#set(text + (c.head === '' && text ? eol + eol : '') + (text === '' ? rest.replace(/^(\r?\n)+/, '') : rest), 'head')
  }

  // Running.

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

function chartFor(data: string, state: QueryState | null): string {
  const columns = state?.columns ?? []
  const isNumber = (t: string) => /INT|DOUBLE|FLOAT|DECIMAL/.test(t)
  const x = columns.find((c) => /^(TIMESTAMP|DATE)/.test(c.type)) ?? columns.find((c) => !isNumber(c.type)) ?? columns[0]
  const y = columns.find((c) => c !== x && isNumber(c.type))
  const series = columns.find((c) => c !== x && c.type === 'VARCHAR')
  const type = x && /^(TIMESTAMP|DATE)/.test(x.type) ? 'line' : x ? 'bar' : 'line'
  let out = `data: ${data}\ntype: ${type}`
  if (x) out = setKey(out, 'x', x.name)
  if (y) out = setKey(out, 'y', y.name)
  if (series) out = setKey(out, 'series', series.name)
  return out
}

const ruleText = `rule: new_rule
dataset: app_logs
window: {tumbling: 1m}
measures:
  errors: count(upper(level) == "ERROR")
when: errors > 10
alarm: {datapoints: 3, of: 5, missing: not_breaching}`

// Notebooks that were open keep their results for a while.
// They live longer than the view that opened them, and so does what they derive.
const open: Notebook[] = []
const roots = new Map<Notebook, () => void>()

function drop(n: Notebook): void {
  n.close()
  roots.get(n)?.()
  roots.delete(n)
}

/** notebook gives the one of a file, as it was left if it was open before. */
export function notebook(file: string): Notebook {
  const known = open.find((o) => o.file === file && o.state !== 'failed')
  if (known) {
    open.splice(open.indexOf(known), 1)
    open.push(known)
    return known
  }
  let made!: Notebook
  const end = $effect.root(() => {
    made = new Notebook(file)
    return events.on((e) => e.type === 'data' && made.grew(e.dataset))
  })
  roots.set(made, end)
  open.push(made)
  while (open.length > 3) drop(open.shift()!)
  return made
}

/** forget drops the notebook of a file that is gone. */
export function forget(file: string): void {
  const n = open.find((o) => o.file === file)
  if (!n) return
  open.splice(open.indexOf(n), 1)
  drop(n)
}
