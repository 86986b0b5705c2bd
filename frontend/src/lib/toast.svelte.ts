export interface Toast {
  id: number
  text: string
  tone: 'ok' | 'alarm' | 'plain'
  undo?: () => void
  /** action is what the button says. */
  action: string
}

let next = 1
export const toasts = $state<Toast[]>([])

/** toast shows a line for a while; with undo, a button that takes it back, or does what action says. */
export function toast(text: string, tone: Toast['tone'] = 'plain', undo?: () => void, action = 'Undo'): void {
  const id = next++
  toasts.push({ id, text, tone, undo, action })
  setTimeout(() => dismiss(id), undo ? 10_000 : tone === 'alarm' ? 9000 : 4500)
}

export function dismiss(id: number): void {
  const i = toasts.findIndex((t) => t.id === id)
  if (i >= 0) toasts.splice(i, 1)
}
