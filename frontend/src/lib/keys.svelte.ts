/** A command: what the palette lists and keys start. */
export interface Command {
  id: string
  title: string
  group: string
  /** "mod+k", "g e" (one after the other), "?" */
  keys?: string
  run: () => void
  /** hidden commands work by key and stand in no list. */
  hidden?: boolean
  /** when says whether the keys count now; without it they always do. */
  when?: () => boolean
}

class Commands {
  #sets = $state<Command[][]>([])

  /** add registers commands until the returned function is called. */
  add(commands: Command[]): () => void {
    this.#sets.push(commands)
    const set = this.#sets.at(-1)!
    return () => {
      const i = this.#sets.indexOf(set)
      if (i >= 0) this.#sets.splice(i, 1)
    }
  }

  /** all lists them; of equal ids the newest counts. */
  get all(): Command[] {
    const byId = new Map<string, Command>()
    for (const set of this.#sets) for (const c of set) byId.set(c.id, c)
    return [...byId.values()]
  }
}

export const commands = new Commands()

const mac = /Mac|iPhone/.test(navigator.platform)

/** shown writes keys for people: Ctrl K, g then e. */
export function shown(keys: string): string[] {
  return keys
    .split(' ')
    .map((k) =>
      k
        .split('+')
        .map((p) => ({ mod: mac ? '⌘' : 'Ctrl', shift: '⇧', alt: mac ? '⌥' : 'Alt', enter: '↵', escape: 'Esc', arrowup: '↑', arrowdown: '↓' })[p] ?? (p.length === 1 ? p.toUpperCase() : p))
        .join(' '),
    )
}

const typing = (t: EventTarget | null): boolean =>
  t instanceof HTMLElement && (t.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName))

function name(e: KeyboardEvent): string {
  let s = ''
  if (e.ctrlKey || e.metaKey) s += 'mod+'
  if (e.altKey) s += 'alt+'
  const key = e.key.toLowerCase()
  if (e.shiftKey && key.length > 1) s += 'shift+'
  else if (e.shiftKey && s !== '') s += 'shift+'
  return s + (key === ' ' ? 'space' : key)
}

let pending = ''
let pendingUntil = 0

/** onKey starts the command of a key; keys without a modifier are left to who is typing. */
export function onKey(e: KeyboardEvent): void {
  if (e.defaultPrevented || ['Control', 'Shift', 'Alt', 'Meta'].includes(e.key)) return
  const pressed = name(e)
  const plain = !pressed.startsWith('mod+') && !pressed.startsWith('alt+')
  if (plain && (typing(e.target) || document.querySelector('dialog[open]'))) return
  const now = performance.now()
  const sequence = now < pendingUntil ? `${pending} ${pressed}` : pressed
  const all = commands.all.filter((c) => c.keys && (c.when?.() ?? true))
  const hit = all.find((c) => c.keys === sequence) ?? all.find((c) => c.keys === pressed)
  if (hit) {
    e.preventDefault()
    pendingUntil = 0
    hit.run()
    return
  }
  pending = pressed
  pendingUntil = all.some((c) => c.keys?.startsWith(pressed + ' ')) ? now + 1200 : 0
}
