import type { Column } from '../../api/types'
import { plural } from '../../lib/format'
import { toast } from '../../lib/toast.svelte'
import { blank } from './blank'
import { freeName, insertRaw, moveCell, removeCell, replaceText, setKind, setName, ShapeError } from './changes'
import { Document, type Placed } from './document.svelte'
import { held, hold } from './drafts'
import { renamed } from './names'
import { rawOf } from './raw'
import { cut, eolOf, type Kind } from './text'
import { readChart, setKey } from './yaml'

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

/** What a person does to the cells of a notebook, and how they are looked at. */
export abstract class Editing extends Document {
  selected = $state(0)
  /** editing is the text cell that is open in an editor. */
  editing = $state(0)
  /** entering says that an editor is about to take the keys. */
  entering = false
  /** drafts are texts that would change other cells if they were taken in. */
  drafts = $state<Record<number, string>>({})
  looks = $state<Record<number, Look>>({})

  /** columnsOf are those that a cell gave when it was run. */
  protected abstract columnsOf(id: number): Column[]

  look(id: number): Look {
    return this.looks[id] ?? { collapsed: false, height: 260, view: 'table', yaml: false, form: false, measure: '' }
  }
  setLook(id: number, change: Partial<Look>): void {
    this.looks[id] = { ...this.look(id), ...change }
  }

  protected override recognized(here: Set<number>): void {
    if (!here.has(this.selected)) this.selected = this.cells[0]?.id ?? 0
  }

  get current(): Placed | undefined {
    return this.cell(this.selected)
  }

  /** edit takes in what was typed in a cell; what would change other cells waits as a draft. */
  edit(id: number, text: string): void {
    const c = this.cell(id)
    if (!c) return
    try {
      this.set(replaceText(this.disk.text, c.index, text), 'edit' + id)
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
    hold(this.file, this.cells.flatMap((c) => (this.drafts[c.id] === undefined ? [] : [{ index: c.index, was: c.text, text: this.drafts[c.id]! }])))
  }

  /** restore takes up drafts of before the page was loaded anew. */
  protected restore(): void {
    for (const h of held(this.file)) {
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
    this.set(src)
    return true
  }

  rename(id: number, name: string): string {
    const c = this.cell(id)!
    if (name === c.name) return ''
    if (name && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'Use letters, digits and underscores.'
    if (name && this.cells.some((o) => o.id !== id && o.name.toLowerCase() === name.toLowerCase())) return 'Another cell has this name.'
    const readers = c.name && name ? this.cells.filter((o) => o.index > c.index && this.#renamedIn(o, c.name, name) !== o.text) : []
    this.change((src) => {
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
    this.change((src) => cells.reduce((out, o) => replaceText(out, o.index, this.#renamedIn(o, old, name)), src))
  }

  retype(id: number, kind: Kind): void {
    const c = this.cell(id)
    if (!c || c.kind === kind) return
    const index = c.index
    if (this.change((src) => setKind(src, index, kind))) {
      const at = this.cells[Math.min(index, this.cells.length - 1)]
      if (at) this.selected = at.id
    }
  }

  /** add puts a new cell before index at and gives its id. */
  add(kind: Kind, at: number): number {
    const above = this.cells.slice(0, at).reverse().find((c) => c.kind === 'sql' && c.name)
    const text = blank(kind, above ? { name: above.name, columns: this.columnsOf(above.id) } : null)
    const name = kind === 'sql' ? freeName(this.cells, 'cell_1') : ''
    // Text beside text is one cell.
    const beside = kind === 'markdown' ? (this.cells[at - 1]?.kind === 'markdown' ? at - 1 : this.cells[at]?.kind === 'markdown' ? at : -1) : -1
    const before = new Set(this.cells.map((c) => c.id))
    if (!this.change((src) => insertRaw(src, at, rawOf(kind, text, name, eolOf(src))))) return 0
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
    if (this.change((src) => insertRaw(src, c.index + 1, rawOf(c.kind, c.text, name, eolOf(src))))) this.selected = this.cells[c.index + 1]?.id ?? this.selected
  }

  move(id: number, by: -1 | 1): void {
    const c = this.cell(id)
    if (c) this.change((src) => moveCell(src, c.index, by))
  }

  remove(id: number): void {
    const c = this.cell(id)
    if (!c) return
    if (!this.change((src) => removeCell(src, c.index))) return
    const after = this.disk.text
    this.selected = (this.cells[c.index] ?? this.cells.at(-1))?.id ?? 0
    if (this.editing === id) this.editing = 0
    toast('Cell deleted.', 'plain', () => {
      if (this.disk.text === after) this.undo()
      else this.change((src) => insertRaw(src, Math.min(c.index, cut(src).cells.length), c.raw))
    })
  }
}
