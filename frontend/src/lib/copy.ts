import { toast } from './toast.svelte'

/** copy puts a text on the clipboard and says so. */
export async function copy(text: string, what = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    toast(what, 'ok')
  } catch {
    // Without permission: the old way.
    const area = document.createElement('textarea')
    area.value = text
    document.body.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    toast(done ? what : 'The browser does not let this page copy', done ? 'ok' : 'alarm')
  }
}
