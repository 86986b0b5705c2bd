import type { Parity, ParityStay } from '../../api/types'

/** Bar is a stay in alarm as a part of the time shown, in percent. */
export interface Bar {
  left: number
  width: number
  title: string
}

/** Lane is one group: what was in alarm here, and there. */
export interface Lane {
  name: string
  from: string
  to: string
  ours: Bar[]
  theirs: Bar[]
}

/** lanes lays out the stays of all groups that were in alarm anywhere over one
 * time: that of the comparison, or if it is not known, that of the stays. */
export function lanes(p: Parity): Lane[] {
  const all = [...p.ours, ...p.theirs]
  if (!all.length) return []
  const times = all.flatMap((s) => [s.start, s.end]).filter((t): t is string => !!t)
  const ends = [p.from, p.to, ...times].filter((t): t is string => !!t).map((t) => Date.parse(t))
  const [from, to] = [Math.min(...ends), Math.max(...ends)]
  const bar = (s: ParityStay): Bar => {
    const [a, b] = [Date.parse(s.start), s.end ? Date.parse(s.end) : to]
    const whole = Math.max(1, to - from)
    return { left: ((a - from) / whole) * 100, width: ((b - a) / whole) * 100, title: `${s.start} to ${s.end ?? 'now'}` }
  }
  const name = (s: ParityStay) =>
    Object.values(s.key)
      .map((v) => String(v ?? 'nil'))
      .join(', ')
  const names = [...new Set(all.map(name))].sort()
  return names.map((n) => ({
    name: n,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    ours: p.ours.filter((s) => name(s) === n).map(bar),
    theirs: p.theirs.filter((s) => name(s) === n).map(bar),
  }))
}
