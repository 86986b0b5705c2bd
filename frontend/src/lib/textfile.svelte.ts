import { ApiError, problemOf } from '../api/client'
import { deleteFile, readFile, renameFile as rename, writeFile } from '../api/operations'
import type { FileText, Problem } from '../api/types'
import { events } from './events.svelte'
import { toast } from './toast.svelte'
import { workspace } from './workspace.svelte'

// What was typed and not saved outlives a look at another page.
const drafts = new Map<string, { text: string; version: string; saved: string }>()

/** TextFile is a file of the workspace as it is on disk and as it is being edited. */
export class TextFile {
  text = $state('')
  saved = $state('')
  version = $state('')
  loading = $state(true)
  saving = $state(false)
  problem = $state<Problem | null>(null)
  /** theirs is what somebody else wrote meanwhile. */
  theirs = $state<FileText | null>(null)

  constructor(readonly path: string) {}

  get dirty(): boolean {
    return this.text !== this.saved
  }

  async load(): Promise<void> {
    try {
      const file = await readFile({ path: this.path })
      const draft = drafts.get(this.path)
      drafts.delete(this.path)
      this.problem = null
      this.#take(file)
      if (draft && draft.text !== file.text) {
        this.text = draft.text
        if (draft.version !== file.version) {
          ;[this.saved, this.version, this.theirs] = [draft.saved, draft.version, file]
        }
      }
    } catch (e) {
      this.problem = problemOf(e)
    } finally {
      this.loading = false
    }
  }

  #take(file: FileText) {
    this.text = this.saved = file.text
    this.version = file.version
    this.theirs = null
  }

  /** save writes the text; false if somebody else wrote meanwhile or it failed. */
  async save(): Promise<boolean> {
    if (this.saving || !this.dirty) return !this.dirty
    this.saving = true
    const text = this.text
    try {
      const { version } = await writeFile({ body: { path: this.path, text, version: this.version } })
      this.saved = text
      this.version = version
      this.theirs = null
      toast(`Saved ${this.path}`, 'ok')
      return true
    } catch (e) {
      if (e instanceof ApiError && e.status === 409) await this.#compare()
      else toast(`Not saved: ${problemOf(e).message}`, 'alarm')
      return false
    } finally {
      this.saving = false
    }
  }

  async #compare() {
    try {
      const file = await readFile({ path: this.path })
      if (file.version === this.version) return
      if (!this.dirty || file.text === this.text) this.#take(file)
      else this.theirs = file
    } catch (e) {
      const p = problemOf(e)
      if (p.kind === 'not_found') this.theirs = { path: this.path, text: '', version: '' }
      else toast(p.message, 'alarm')
    }
  }

  async keepMine(): Promise<void> {
    if (!this.theirs) return
    this.version = this.theirs.version
    this.saved = this.theirs.text
    this.theirs = null
    await this.save()
  }

  takeTheirs(): void {
    if (!this.theirs) return
    if (this.theirs.version === '') this.problem = { kind: 'not_found', op: '', message: `${this.path} was deleted`, hint: '', file: '', line: 0, column: 0 }
    this.#take(this.theirs)
  }

  discard(): void {
    this.text = this.saved
  }

  /** watch follows changes on disk until the returned function is called. */
  watch(): () => void {
    const off = events.on((e) => {
      if (e.type === 'files' && (e.paths.length === 0 || e.paths.includes(this.path)) && !this.saving && !this.loading) void this.#compare()
    })
    const before = (e: BeforeUnloadEvent) => this.dirty && e.preventDefault()
    addEventListener('beforeunload', before)
    return () => {
      off()
      removeEventListener('beforeunload', before)
      if (!this.dirty) return
      drafts.set(this.path, { text: this.text, version: this.version, saved: this.saved })
      toast(`${this.path} has changes that are not saved. They wait here until the page is closed.`)
    }
  }
}

/** createFile writes a new file; a name that is taken gets a number. */
export async function createFile(folder: string, name: string, extension: string, text: string): Promise<string> {
  const joint = folder === 'notebooks' ? '-' : '_'
  const stem = slug(name, joint)
  for (let n = 1; ; n++) {
    const path = `${folder}/${stem}${n > 1 ? joint + n : ''}.${extension}`
    try {
      await writeFile({ body: { path, text, version: '' } })
      void workspace.load()
      return path
    } catch (e) {
      if (!(e instanceof ApiError && e.status === 409) || n > 50) throw e
    }
  }
}

/** slug is a name as a file name, its words joined by one character. */
export const slug = (name: string, joint = '_'): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g)
    ?.join(joint)
    .slice(0, 60) || 'untitled'

/** trashFile removes a file; a toast offers to put it back. */
export async function trashFile(path: string, then: () => void = () => {}): Promise<void> {
  try {
    const file = await readFile({ path })
    await deleteFile({ path, version: file.version })
    await workspace.load()
    then()
    toast(`${path} is in the trash`, 'plain', () => {
      writeFile({ body: { path, text: file.text, version: '' } }).then(
        () => workspace.load().then(then),
        (e) => toast(`Not put back: ${problemOf(e).message}`, 'alarm'),
      )
    })
  } catch (e) {
    toast(`Not deleted: ${problemOf(e).message}`, 'alarm')
  }
}

/** renameFile gives a file another name in its folder. */
export async function renameFile(path: string, to: string): Promise<void> {
  const file = await readFile({ path })
  await rename({ body: { path, to, version: file.version } })
  await workspace.load()
}
