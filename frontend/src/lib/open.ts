import { problemOf } from '../api/client'
import { openDialog, openWorkspace } from '../api/operations'
import { visible } from './format'
import { toast } from './toast.svelte'
import { workspace } from './workspace.svelte'

/** open opens another workspace: in a window of its own, or it says how. */
export async function open(dir: string): Promise<void> {
  try {
    const { url, command } = await openWorkspace({ body: { dir } })
    if (url) window.open(url, '_blank', 'noopener')
    else if (workspace.current?.desktop) toast(`${visible(dir)} opens in a window of its own`, 'ok')
    else if (command) {
      await navigator.clipboard?.writeText(command).catch(() => {})
      toast(`Run in a terminal: ${command}`)
    }
  } catch (e) {
    toast(problemOf(e).message, 'alarm')
  }
}

/** chooseWorkspace lets the desktop's own dialog choose which to open. */
export async function chooseWorkspace(): Promise<void> {
  try {
    const { path } = await openDialog({ body: { what: 'workspace' } })
    if (path) await open(path)
  } catch (e) {
    toast(problemOf(e).message, 'alarm')
  }
}
