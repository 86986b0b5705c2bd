import { pairs, type Pair } from '../explore/compare'
import type { LensStep } from '../../api/types'

function columns(text: string): { name: string; value: unknown }[] | null {
  try {
    const v: unknown = JSON.parse(text)
    return v && typeof v === 'object' && !Array.isArray(v) ? Object.entries(v).map(([name, value]) => ({ name, value })) : null
  } catch {
    return null
  }
}

/** between lists the fields of a record before and after, or null where one is no JSON object. */
export function between(before: string, after: string): Pair[] | null {
  const [a, b] = [columns(before), columns(after)]
  return a && b ? pairs(a, b) : null
}

/** became says in a few words what a stage made of a record. */
export function became(s: LensStep): string {
  if (s.rejected) return 'rejected'
  if (s.in.length === 0) return 'not reached'
  if (s.out.length === 0) return 'dropped'
  if (s.out.length > s.in.length) return `split into ${s.out.length}`
  if (JSON.stringify(s.in) === JSON.stringify(s.out)) return 'as it was'
  const changed = s.out.reduce((n, o, i) => n + (between(s.in[i] ?? '{}', o)?.filter((p) => !p.same).length ?? 1), 0)
  return changed === 1 ? '1 field changed' : `${changed} fields changed`
}
