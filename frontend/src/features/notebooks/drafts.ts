import { readFile, writeFile } from '../../api/operations'
import type { Draft, Store } from './autosave.svelte'

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
