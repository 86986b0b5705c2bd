import { readFile, writeFile } from '../../api/operations'
import type { Draft, Store } from './autosave.svelte'

const heldKey = (file: string): string => 'tidemark.held.' + file
const draftKey = (file: string): string => 'tidemark.draft.' + file

/** browserStore keeps a file with the server, and what is not saved yet in the tab. */
export function browserStore(file: string): Store {
  return {
    read: () => readFile({ path: file }),
    write: (text, version) => writeFile({ body: { path: file, text, version } }),
    keep(draft) {
      try {
        if (draft) sessionStorage.setItem(draftKey(file), JSON.stringify(draft))
        else sessionStorage.removeItem(draftKey(file))
      } catch {
        // There is no room for it; the file is saved all the same.
      }
    },
    kept() {
      try {
        return JSON.parse(sessionStorage.getItem(draftKey(file)) ?? 'null') as Draft | null
      } catch {
        return null
      }
    },
  }
}

/** Held is the text of a cell that would change other cells; index and was tell which cell it is. */
export interface Held {
  index: number
  was: string
  text: string
}

/** hold keeps such texts in the tab until the page is loaded anew; none lets those go that it has. */
export function hold(file: string, list: Held[]): void {
  try {
    if (list.length) sessionStorage.setItem(heldKey(file), JSON.stringify(list))
    else sessionStorage.removeItem(heldKey(file))
  } catch {
    // There is no room for it.
  }
}

/** held gives what hold has kept. */
export function held(file: string): Held[] {
  try {
    return JSON.parse(sessionStorage.getItem(heldKey(file)) ?? '[]') as Held[]
  } catch {
    return []
  }
}
