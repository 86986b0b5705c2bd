import { ApiError, request } from '../api/client'
import type { PullState, Tail } from '../api/types'

export type ServerEvent =
  | { type: 'hello'; version: string; started: string }
  | { type: 'alive' }
  | { type: 'files'; paths: string[] }
  | { type: 'data'; dataset: string }
  | ({ type: 'pull' } & PullState)
  | ({ type: 'tail' } & Tail)
  | { type: 'query'; id: string; rows: number; state: string }
  | { type: 'command'; name: string; path?: string }

type Listener = (e: ServerEvent) => void

/** The one stream of events that a page holds open. */
class Events {
  /** denied: another process answers, which does not know this page. */
  state = $state<'connecting' | 'open' | 'lost' | 'denied'>('connecting')
  #listeners = new Set<Listener>()
  #started = ''
  #abort: AbortController | null = null

  /** on calls back for every event, until the returned function is called. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async run(): Promise<void> {
    for (let wait = 250; ; wait = Math.min(wait * 2, 5000)) {
      try {
        await this.#once(() => (wait = 250))
        this.state = 'lost'
      } catch (e) {
        this.state = e instanceof ApiError && e.status === 401 ? 'denied' : 'lost'
      }
      await new Promise((r) => setTimeout(r, wait))
    }
  }

  async #once(opened: () => void) {
    this.#abort = new AbortController()
    const response = await request('GET', '/events', { accept: 'application/x-ndjson', signal: this.#abort.signal })
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    // A stream that says nothing for so long is gone.
    let silence = setTimeout(() => this.#abort?.abort(), 30_000)
    try {
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return
        clearTimeout(silence)
        silence = setTimeout(() => this.#abort?.abort(), 30_000)
        text += value
        const lines = text.split('\n')
        text = lines.pop()!
        for (const line of lines) if (line) this.#take(JSON.parse(line) as ServerEvent, opened)
      }
    } finally {
      clearTimeout(silence)
    }
  }

  #take(e: ServerEvent, opened: () => void) {
    if (e.type === 'hello') {
      opened()
      const again = this.#started !== '' && this.#started !== e.started
      this.#started = e.started
      const was = this.state
      this.state = 'open'
      // Another process, or a gap: what was seen may be old.
      if (again || was === 'lost' || was === 'denied') for (const l of this.#listeners) l({ type: 'files', paths: [] })
      return
    }
    for (const l of this.#listeners) l(e)
  }
}

export const events = new Events()
