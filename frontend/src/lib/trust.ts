import { problemOf } from '../api/client'
import { trustWorkspace } from '../api/operations'
import type { Problem } from '../api/types'
import { toast } from './toast.svelte'
import { workspace } from './workspace.svelte'

/** trust takes the open workspace for one's own: its sources may be reached and its plugins run. */
export async function trust(): Promise<void> {
  try {
    workspace.current = await trustWorkspace({})
    toast('This workspace is trusted now', 'ok')
  } catch (e) {
    toast(problemOf(e).message, 'alarm')
  }
}

/** untrusted reports whether trusting the workspace would let what failed go on. */
export const untrusted = (p: Problem): boolean => p.kind === 'conflict' && workspace.current?.trusted === false && /is not trusted$/.test(p.message)

/** refused shows why something failed, with the button that helps when it is for want of trust. */
export function refused(what: string, e: unknown): void {
  const p = problemOf(e)
  toast(what ? `${what}: ${p.message}` : p.message, 'alarm', untrusted(p) ? () => void trust() : undefined, 'Trust it')
}
