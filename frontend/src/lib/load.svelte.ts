import { onMount } from 'svelte'

import { aborted, problemOf } from '../api/client'
import type { Problem } from '../api/types'
import { events, type ServerEvent } from './events.svelte'

/** What a view asks the server for: the answer, or why there is none. */
export interface Loaded<T> {
  readonly value: T | null
  readonly problem: Problem | null
  /** busy is true while asked for; value is then the answer before. */
  readonly busy: boolean
  again(): void
}

/**
 * load asks for something now, whenever what ask reads changes, and when one
 * of the events says that it may be different. An answer that came too late
 * is dropped.
 */
export function load<T>(ask: (signal: AbortSignal) => Promise<T> | null, on: ServerEvent['type'][] = []): Loaded<T> {
  let value = $state.raw<T | null>(null)
  let problem = $state.raw<Problem | null>(null)
  let busy = $state(false)
  let turn = $state(0)

  $effect(() => {
    void turn
    const abort = new AbortController()
    const asked = ask(abort.signal)
    if (!asked) return
    busy = true
    asked
      .then((v) => {
        if (abort.signal.aborted) return
        value = v
        problem = null
      })
      .catch((e) => {
        if (!abort.signal.aborted && !aborted(e)) problem = problemOf(e)
      })
      .finally(() => {
        if (!abort.signal.aborted) busy = false
      })
    return () => abort.abort()
  })
  onMount(() => {
    let due: ReturnType<typeof setTimeout> | undefined
    const off = events.on((e) => {
      if (!on.includes(e.type) || (e.type === 'pull' && e.state === 'running')) return
      clearTimeout(due)
      due = setTimeout(() => turn++, 200)
    })
    return () => (clearTimeout(due), off())
  })
  return {
    get value() {
      return value
    },
    get problem() {
      return problem
    },
    get busy() {
      return busy
    },
    again: () => void turn++,
  }
}
