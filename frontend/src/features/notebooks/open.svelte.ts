import { events } from '../../lib/events.svelte'
import { Notebook } from './notebook.svelte'

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
