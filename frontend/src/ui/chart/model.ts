// What a chart over time is made of.

export interface Line {
  label: string
  /** token is a colour's custom property: --s1, --level-error. */
  token: string
  values: (number | null)[]
  kind: 'line' | 'area' | 'bar'
  dashed?: boolean
}
export interface Band {
  from: number
  to: number | null
  label: string
  tone?: 'alarm' | 'warn' | 'plain'
}
export interface Threshold {
  value: number
  label: string
  /** onmove makes it a line that can be moved; done is false while it is being dragged. */
  onmove?: (value: number, done: boolean) => void
}

/**
 * stack gives what is drawn for each line: its values, or, of stacked lines,
 * the sum of its own and those below, for n points.
 */
export function stack(lines: Line[], n: number, stacked: boolean): (number | null)[][] {
  if (!stacked) return lines.map((l) => l.values)
  const sum = new Array<number>(n).fill(0)
  return lines.map((l) =>
    l.values.map((v, i) => {
      sum[i]! += v ?? 0
      return v === null ? (sum[i] ? sum[i]! : null) : sum[i]!
    }),
  )
}

/** highest is the greatest of all values, -Infinity without any. */
export const highest = (values: (number | null)[][]): number =>
  values.reduce((m, v) => v.reduce<number>((n, x) => (x !== null && x > n ? x : n), m), -Infinity)

/** stepOf is a step that people would choose, about so many of which fit the span. */
export function stepOf(span: number, parts: number): number {
  const raw = span / parts
  const power = 10 ** Math.floor(Math.log10(raw))
  return ([1, 2, 5, 10].find((f) => f * power >= raw) ?? 10) * power
}

/** even rounds to a multiple of a step. */
export const even = (v: number, size: number): number => Number((Math.round(v / size) * size).toPrecision(12))
