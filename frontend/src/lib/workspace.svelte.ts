import { problemOf } from '../api/client'
import { catalog as catalogNow, getWorkspace } from '../api/operations'
import type { Catalog, Problem, PullState, Workspace } from '../api/types'
import { events } from './events.svelte'

/** What is open, kept current. */
class Store {
  current = $state<Workspace | null>(null)
  problem = $state<Problem | null>(null)
  pulls = $state<PullState[]>([])
  #catalog: Promise<Catalog> | null = null

  constructor() {
    let due: ReturnType<typeof setTimeout> | undefined
    events.on((e) => {
      if (e.type === 'pull') {
        const { type: _, ...pull } = e
        this.pulls = [pull, ...this.pulls.filter((p) => p.id !== pull.id)].slice(0, 20)
        if (pull.state === 'running') return
      }
      // After a gap in the events nobody knows which pulls have ended meanwhile.
      if (e.type === 'files' && e.paths.length === 0) this.pulls = []
      if (e.type !== 'files' && e.type !== 'data' && e.type !== 'pull') return
      this.#catalog = null
      clearTimeout(due)
      due = setTimeout(() => void this.load(), 150)
    })
  }

  get running(): PullState[] {
    return this.pulls.filter((p) => p.state === 'running')
  }

  /** marks are the moments that charts of a dataset show, in milliseconds; without a name, of the only one. */
  marks(dataset: string | undefined): { watermark: number | null; seam: number | null } {
    const all = this.current?.datasets ?? []
    const d = all.find((d) => d.name === dataset) ?? (!dataset && all.length === 1 ? all[0] : undefined)
    const ms = (t: string | null | undefined): number | null => (t ? Date.parse(t) : null)
    return { watermark: ms(d?.watermark), seam: ms(d?.seam) }
  }

  async load(): Promise<void> {
    try {
      this.current = await getWorkspace({})
      this.problem = null
    } catch (e) {
      this.problem = problemOf(e)
    }
  }

  /** catalog is what completion offers; asked for once until something changes. */
  catalog(): Promise<Catalog> {
    this.#catalog ??= catalogNow({}).catch((e) => {
      this.#catalog = null
      throw e
    })
    return this.#catalog
  }
}

export const workspace = new Store()
