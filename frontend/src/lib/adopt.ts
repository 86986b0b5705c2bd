import { json, post, problemOf } from '../api/client'
import { router } from './router.svelte'
import { toast } from './toast.svelte'
import { workspace } from './workspace.svelte'

interface Adopted {
  path: string
  kind: 'plugin' | 'data'
  dataset?: string
  plugin?: { name: string }
}

function told(a: Adopted) {
  if (a.kind === 'plugin') {
    toast(`Plugin ${a.plugin?.name ?? a.path} is in the workspace`, 'ok')
    router.go('/plugins')
  } else {
    toast(`Pulling ${a.path} into ${a.dataset}`, 'ok')
    router.go('/sources')
  }
  void workspace.load()
}

/** upload brings files of the browser into the workspace. */
export async function upload(files: Iterable<File>): Promise<void> {
  for (const f of files) {
    try {
      told(await json<Adopted>('POST', '/upload', { query: { name: f.name }, raw: new Uint8Array(await f.arrayBuffer()) }))
    } catch (e) {
      toast(`${f.name}: ${problemOf(e).message}`, 'alarm')
    }
  }
}

/** adopt takes a file or folder of this machine into the workspace. */
export async function adopt(path: string): Promise<void> {
  try {
    told(await post<Adopted>('/adopt', { path }))
  } catch (e) {
    toast(`${path}: ${problemOf(e).message}`, 'alarm')
  }
}

/** ask lets the desktop's own dialog choose what to add. */
export async function ask(what: 'file' | 'folder' | 'plugin'): Promise<void> {
  try {
    const { path } = await post<{ path: string }>('/native/open', { what })
    if (path) await adopt(path)
  } catch (e) {
    toast(problemOf(e).message, 'alarm')
  }
}
