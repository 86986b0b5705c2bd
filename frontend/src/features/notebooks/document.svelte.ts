import { problemOf } from '../../api/client'
import { parseNotebook } from '../../api/operations'
import type { NotebookParam, ParsedNotebook, Problem } from '../../api/types'
import { toast } from '../../lib/toast.svelte'
import { Autosave, type Store } from './autosave.svelte'
import { ShapeError } from './changes'
import { recognize } from './identity'
import { Steps } from './steps.svelte'
import { cut, eolOf, type Cell } from './text'

export interface Placed extends Cell {
  id: number
  index: number
}

let nextId = 1

/** The text of a notebook: its cells, each known by its id whatever happens around it, and what the server makes of it. */
export class Document {
  readonly file: string
  readonly disk: Autosave
  parsed = $state<ParsedNotebook | null>(null)
  cells = $state.raw<Placed[]>([])
  head = $state('')
  #steps = new Steps()
  #parsing: ReturnType<typeof setTimeout> | undefined
  #parses = 0

  constructor(file: string, store: Store) {
    this.file = file
    this.disk = new Autosave(store, 800, () => this.#replaced())
  }

  get title(): string {
    return this.parsed?.title || this.file.replace(/^notebooks\/|\.md$/g, '')
  }
  get params(): NotebookParam[] {
    return this.parsed?.params ?? []
  }
  get undoable(): number {
    return this.#steps.undoable
  }
  cell(id: number): Placed | undefined {
    return this.cells.find((c) => c.id === id)
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

  /** read cuts what is in the file into cells, and finds those of before among them. */
  protected read(): void {
    const c = cut(this.disk.text)
    const ids = recognize(this.cells, c.cells, () => nextId++)
    this.head = c.head
    const were = new Map(this.cells.map((x) => [x.id, x]))
    // A cell that is as it was stays the same object, so that nothing of it is drawn again.
    this.cells = c.cells.map((x, index) => {
      const was = were.get(ids[index]!)
      return was && was.raw === x.raw && was.line === x.line && was.index === index ? was : { ...x, id: ids[index]!, index }
    })
    this.recognized(new Set(ids))
  }

  /** recognized tells which cells there are from now on. */
  protected recognized(_here: Set<number>): void {}

  #replaced() {
    this.read()
    this.#steps.forget()
    this.parseSoon(0)
  }

  /** set puts a text in place of what is there; steps of the same what, one soon after another, are undone as one. */
  protected set(text: string, what = ''): boolean {
    if (text === this.disk.text) return false
    this.#steps.add({ before: this.disk.text, after: text, what, at: performance.now() })
    this.disk.edit(text)
    this.read()
    this.parseSoon()
    return true
  }

  /** change does something to the text; a text that it would break is left alone. */
  protected change(make: (src: string) => string, what = ''): boolean {
    try {
      return this.set(make(this.disk.text), what)
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

  undo(): void {
    this.#jump(this.#steps.back())
  }
  redo(): void {
    this.#jump(this.#steps.forward())
  }
  /** bring puts a whole text back, as one step. */
  bring(text: string): void {
    this.set(text)
  }
  #jump(text: string | undefined) {
    if (text === undefined) return
    this.disk.edit(text)
    this.read()
    this.parseSoon()
  }

  /** setHead replaces the front matter. */
  setHead(head: string): void {
    const c = cut(this.disk.text)
    const eol = eolOf(this.disk.text)
    const text = head.split('\n').join(eol)
    const rest = this.disk.text.slice(c.head.length)
    this.set(text + (c.head === '' && text ? eol + eol : '') + (text === '' ? rest.replace(/^(\r?\n)+/, '') : rest), 'head')
  }
}
