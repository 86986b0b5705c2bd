import { ApiError, problemOf } from '../../api/client'
import type { FileText, Problem } from '../../api/types'

/** Where a file is read and written; sessionStorage and the server, or a test's own. */
export interface Store {
  read(): Promise<FileText>
  write(text: string, version: string): Promise<{ version: string }>
  keep(draft: Draft | null): void
  kept(): Draft | null
}

export interface Draft {
  text: string
  version: string
}

export type SaveState = 'saved' | 'unsaved' | 'saving' | 'failed' | 'conflict'

/**
 * A file that is edited here and perhaps elsewhere. Text that is not saved is
 * also kept in the browser, and nothing that was typed is replaced unasked.
 */
export class Autosave {
  text = $state('')
  version = $state('')
  state = $state<SaveState>('saved')
  problem = $state<Problem | null>(null)
  theirs = $state<FileText | null>(null)
  #base = ''
  #timer: ReturnType<typeof setTimeout> | undefined
  #writing: Promise<void> | null = null
  #checking = false

  constructor(
    private readonly store: Store,
    private readonly delay = 800,
    /** replaced is called when text came from somewhere else. */
    private readonly replaced: () => void = () => {},
  ) {}

  get dirty(): boolean {
    return this.text !== this.#base
  }

  /** open reads the file, and takes up what was not saved the last time. */
  async open(): Promise<void> {
    const disk = await this.store.read()
    const draft = this.store.kept()
    this.#base = disk.text
    this.version = disk.version
    this.text = disk.text
    if (draft && draft.text !== disk.text) {
      this.text = draft.text
      if (draft.version === disk.version) this.#due()
      else {
        this.theirs = disk
        this.state = 'conflict'
      }
    } else this.store.keep(null)
  }

  edit(text: string): void {
    if (text === this.text) return
    this.text = text
    this.store.keep(this.dirty || this.state === 'conflict' ? { text, version: this.version } : null)
    if (this.state !== 'conflict') this.#due()
  }

  #due() {
    if (this.state !== 'saving') this.state = this.dirty ? 'unsaved' : 'saved'
    clearTimeout(this.#timer)
    if (this.dirty) this.#timer = setTimeout(() => void this.save(), this.delay)
  }

  /** save writes now. */
  async save(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#writing) await this.#writing
    if (!this.dirty || this.state === 'conflict') return
    this.#writing = this.#write().finally(() => (this.#writing = null))
    await this.#writing
  }

  async #write() {
    const text = this.text
    this.state = 'saving'
    try {
      const { version } = await this.store.write(text, this.version)
      this.version = version
      this.#base = text
      this.problem = null
      this.state = 'saved'
      this.store.keep(this.dirty ? { text: this.text, version } : null)
      if (this.dirty) this.#due()
    } catch (e) {
      if (e instanceof ApiError && (e.status === 409 || e.problem.kind === 'conflict')) {
        this.state = 'unsaved'
        await this.#differs()
      } else {
        this.problem = problemOf(e)
        this.state = 'failed'
        clearTimeout(this.#timer)
        this.#timer = setTimeout(() => void this.save(), 5000)
      }
    }
  }

  async #differs() {
    try {
      const disk = await this.store.read()
      if (disk.version === this.version) return this.#due()
      this.#take(disk)
    } catch (e) {
      const p = problemOf(e)
      // It was deleted: what is here is written as a new file if that is wished.
      if (p.kind === 'not_found') this.#take({ path: '', text: '', version: '' })
      else {
        this.problem = p
        this.state = 'failed'
      }
    }
  }

  /** changed looks what is in the file after it changed on disk. */
  async changed(): Promise<void> {
    if (this.#checking) return
    this.#checking = true
    try {
      if (this.#writing) await this.#writing
      await this.#differs()
    } finally {
      this.#checking = false
    }
  }

  #take(disk: FileText) {
    if (disk.text === this.text && disk.version) {
      // The same text was written elsewhere.
      this.#base = disk.text
      this.version = disk.version
      this.theirs = null
      this.state = 'saved'
      this.store.keep(null)
    } else if (!this.dirty && this.state !== 'conflict' && disk.version) {
      this.#base = this.text = disk.text
      this.version = disk.version
      this.state = 'saved'
      this.replaced()
    } else {
      clearTimeout(this.#timer)
      this.theirs = disk
      this.state = 'conflict'
      this.store.keep({ text: this.text, version: this.version })
    }
  }

  /** keepMine writes what is here over what is there. */
  async keepMine(): Promise<void> {
    if (!this.theirs) return
    this.version = this.theirs.version
    this.#base = this.theirs.version ? this.theirs.text : this.text + '\0'
    this.theirs = null
    this.state = 'unsaved'
    await this.save()
  }

  /** takeTheirs gives up what is here; the text that it was is returned. */
  takeTheirs(): string {
    const mine = this.text
    if (!this.theirs) return mine
    this.#base = this.text = this.theirs.text
    this.version = this.theirs.version
    this.theirs = null
    this.state = 'saved'
    this.store.keep(null)
    this.replaced()
    return mine
  }

  /** close saves what is not saved; the draft stays if that fails. */
  close(): void {
    clearTimeout(this.#timer)
    if (this.dirty && this.state !== 'conflict') void this.save().finally(() => clearTimeout(this.#timer))
  }
}
