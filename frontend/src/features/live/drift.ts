import type { Arrived } from './whittle'

/** Mark is where the watermark stood when something arrived; in milliseconds. */
export interface Mark {
  x: number
  y: number
}

type Column = (number | null)[]

export interface Drift {
  /** In seconds: arrival, the line of no delay, events on time, late ones, the watermark. */
  series: [number[], Column, Column, Column, Column]
  x: [number, number]
  y: [number, number]
  count: number
  late: number
  /** outside are records whose event time lies beyond y; they stand at its edge. */
  outside: number
}

/** driftOf draws the records that arrived in the last milliseconds before the newest. */
export function driftOf(records: Arrived[], marks: Mark[], last: number): Drift {
  let to = -Infinity
  for (const r of records) if (r.arrival !== null && r.arrival > to) to = r.arrival
  if (to === -Infinity) return { series: [[], [], [], [], []], x: [0, 1], y: [0, 1], count: 0, late: 0, outside: 0 }
  const from = to - last
  const [low, high] = [from - last, to + last * 0.25]
  const out: Drift = { series: [[], [], [], [], []], x: [from / 1000, to / 1000], y: [low / 1000, high / 1000], count: 0, late: 0, outside: 0 }
  const points: { x: number; y: number; late: boolean }[] = []
  for (const r of records) {
    if (r.arrival === null || r.event === null || r.arrival < from) continue
    points.push({ x: r.arrival, y: Math.min(high, Math.max(low, r.event)), late: r.late })
    out.count++
    if (r.late) out.late++
    if (r.event < low || r.event > high) out.outside++
  }
  const stood = marks.filter((m) => m.x >= from && m.x <= to)
  const before = marks.filter((m) => m.x < from).at(-1)
  if (before) stood.unshift({ x: from, y: before.y })
  if (stood.length) stood.push({ x: to, y: stood.at(-1)!.y })
  const rows = [...points.map((p) => ({ x: p.x, at: p.late ? 3 : 2, y: p.y })), ...stood.map((m) => ({ x: m.x, at: 4, y: Math.max(low, m.y) })), { x: from, at: 1, y: from }, { x: to, at: 1, y: to }]
  rows.sort((a, b) => a.x - b.x)
  for (const r of rows) {
    out.series[0].push(r.x / 1000)
    for (const [i, column] of (out.series.slice(1) as Column[]).entries()) column.push(i + 1 === r.at ? r.y / 1000 : null)
  }
  return out
}
