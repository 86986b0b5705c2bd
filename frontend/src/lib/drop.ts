import { upload, uploadFolder } from './adopt'
import { plural, visible } from './format'
import { toast } from './toast.svelte'
import { workspace } from './workspace.svelte'

/** most is how many files of a folder are brought in from a browser. */
const most = 2000

// A browser goes to what is dropped on a page that does not take it, and a
// window has no way back from there: so the page takes all but text.
const foreign = (e: DragEvent): boolean => {
  const types = e.dataTransfer?.types ?? []
  return types.includes('Files') || (types.includes('text/uri-list') && !(e.target as Element | null)?.closest?.('input, textarea, [contenteditable=true]'))
}

/** dragged lets what is dragged over the page be dropped anywhere on it. */
export function dragged(e: DragEvent): void {
  if (foreign(e)) e.preventDefault()
}

/** dropped brings what was dropped on the page into the workspace: files, folders, several at once. */
export function dropped(e: DragEvent): void {
  if (!foreign(e)) return
  e.preventDefault()
  // The window hands dropped files over by itself, with their paths.
  if (workspace.current?.desktop || !e.dataTransfer) return
  // They can be asked for only now, and read afterwards.
  const entries = [...e.dataTransfer.items].filter((i) => i.kind === 'file').map((i) => ({ entry: i.webkitGetAsEntry?.() ?? null, file: i.getAsFile() }))
  if (entries.length) void take(entries)
  else toast('Only files and folders can be added. An address is added as a source.', 'alarm')
}

async function take(all: { entry: FileSystemEntry | null; file: File | null }[]): Promise<void> {
  for (const { entry, file } of all) {
    if (entry?.isDirectory) await takeFolder(entry as FileSystemDirectoryEntry)
    else if (file) await upload([file])
  }
}

async function takeFolder(dir: FileSystemDirectoryEntry): Promise<void> {
  const name = visible(dir.name)
  try {
    const files = await within(dir, dir.name)
    if (files.length > most) toast(`${name} holds more than ${plural(most, 'file')}: add it as a source, by its path`, 'alarm')
    else if (files.length === 0) toast(`${name} holds no files`, 'alarm')
    else await uploadFolder(files)
  } catch (e) {
    toast(`${name} cannot be read: ${e instanceof Error ? e.message : e}`, 'alarm')
  }
}

/** within lists the files of a folder and of those in it, but for hidden ones. */
async function within(dir: FileSystemDirectoryEntry, folder: string, out: { folder: string; file: File }[] = []): Promise<{ folder: string; file: File }[]> {
  const reader = dir.createReader()
  // It gives a part at a time, and nothing at the end.
  for (let part; (part = await new Promise<FileSystemEntry[]>((ok, no) => reader.readEntries(ok, no))).length && out.length <= most; )
    for (const entry of part) {
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory) await within(entry as FileSystemDirectoryEntry, `${folder}/${entry.name}`, out)
      else out.push({ folder, file: await new Promise<File>((ok, no) => (entry as FileSystemFileEntry).file(ok, no)) })
    }
  return out
}
