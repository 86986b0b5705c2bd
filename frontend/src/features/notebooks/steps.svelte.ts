export interface Step {
  before: string
  after: string
  /** what groups keystrokes of one cell into one step. */
  what: string
  /** at is when it was made, in milliseconds. */
  at: number
}

/** What can be undone, and done again, of a text. */
export class Steps {
  undoable = $state(0)
  #undo: Step[] = []
  #redo: Step[] = []

  add(s: Step): void {
    const last = this.#undo.at(-1)
    if (last && s.what && last.what === s.what && s.at - last.at < 2000) {
      last.after = s.after
      last.at = s.at
    } else this.#undo.push(s)
    if (this.#undo.length > 200) this.#undo.shift()
    this.#redo = []
    this.undoable = this.#undo.length
  }

  /** forget says that the text is another one now, which no step leads to. */
  forget(): void {
    this.#undo = []
    this.#redo = []
    this.undoable = 0
  }

  /** back gives the text before the last step. */
  back(): string | undefined {
    const s = this.#undo.pop()
    if (s) this.#redo.push(s)
    this.undoable = this.#undo.length
    return s?.before
  }

  /** forward gives the text after the step that was undone last. */
  forward(): string | undefined {
    const s = this.#redo.pop()
    if (s) this.#undo.push(s)
    this.undoable = this.#undo.length
    return s?.after
  }
}
