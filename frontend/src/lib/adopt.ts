import { json } from '../api/client'
import { adopt as adoptPath, openDialog } from '../api/operations'
import { events } from './events.svelte'
import { plural, visible } from './format'
import { router } from './router.svelte'
import { toast } from './toast.svelte'
import { refused } from './trust'
import { workspace } from './workspace.svelte'

interface Adopted {
  path: string
  kind: 'plugin' | 'data'
  dataset?: string
  plugin?: { name: string }
}

function told(a: Adopted) {
  if (a.kind === 'plugin') {
    toast(`Plugin ${visible(a.plugin?.name ?? a.path)} is in the workspace`, 'ok')
    router.go('/plugins')
  } else {
    toast(`Pulling ${visible(a.path)} into ${a.dataset}`, 'ok')
    router.go('/sources')
    if (a.dataset) follow(a.dataset)
  }
  void workspace.load()
}

/** follow offers the records of a dataset once they have come. */
function follow(dataset: string) {
  const off = events.on((e) => {
    if (e.type !== 'pull' || e.state === 'running') return
    // The source may be newer than the workspace that is known here.
    void workspace.load().then(() => {
      if (!e.sources.some((name) => workspace.current?.sources.find((s) => s.name === name)?.dataset === dataset)) return
      off()
      if (e.state !== 'done') return
      const aside = e.quarantined ? `, ${plural(e.quarantined, 'record')} set aside` : ''
      toast(`${plural(e.records, 'record')} came into ${dataset}${aside}`, 'ok', () => router.go('/explore?' + new URLSearchParams({ dataset })), 'Look at them')
    })
  })
  setTimeout(off, 3_600_000)
}

const send = async (f: File, folder = ''): Promise<Adopted> => json<Adopted>('POST', '/upload', { query: { name: f.name, folder }, raw: new Uint8Array(await f.arrayBuffer()) })

/** upload brings files of the browser into the workspace. */
export async function upload(files: Iterable<File>): Promise<void> {
  for (const f of files) {
    try {
      told(await send(f))
    } catch (e) {
      refused(visible(f.name), e)
    }
  }
}

/** uploadFolder brings the files of a folder into the workspace: they become one source. */
export async function uploadFolder(files: { folder: string; file: File }[]): Promise<void> {
  let kept = ''
  for (const { folder, file } of files) {
    try {
      kept = (await send(file, folder)).path
    } catch (e) {
      refused(visible(`${folder}/${file.name}`), e)
    }
  }
  if (kept) await adopt(kept.split('/', 2).join('/'))
}

/** adopt takes a file or folder of this machine into the workspace. */
export async function adopt(path: string): Promise<void> {
  try {
    told(await adoptPath({ body: { path } }))
  } catch (e) {
    refused(visible(path), e)
  }
}

/** ask lets the desktop's own dialog choose what to add. */
export async function ask(what: 'file' | 'folder' | 'plugin'): Promise<void> {
  try {
    const { path } = await openDialog({ body: { what } })
    if (path) await adopt(path)
  } catch (e) {
    refused('', e)
  }
}
