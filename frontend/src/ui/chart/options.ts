import uPlot from 'uplot'

import { colour } from '../../lib/colour'
import { clock, dayName, offsetMs } from '../../lib/format'
import type { Line } from './model'

export interface Drawing {
  /** lines are in the order in which they are drawn, for so many points. */
  lines: Line[]
  points: number
  width: number
  height: number
  stacked: boolean
  compact: boolean
  dark: boolean
  gutter?: number
  /** sync names the charts that share a crosshair. */
  sync?: string
  /** range is that of the time, in milliseconds. */
  range: [number, number]
  /** limits are values that the axis has to reach; frozen is what it has to be. */
  limits: () => number[]
  frozen: () => [number, number] | null
  zoom: boolean
  format: (v: number) => string
  behind: (u: uPlot) => void
  front: (u: uPlot) => void
  moved: (u: uPlot) => void
  /** chosen is called with a range that was dragged over, in milliseconds. */
  chosen: (from: number, to: number) => void
}

const font = '11px "IBM Plex Sans"'

/** optionsOf says to uPlot how a chart over time is drawn. */
export function optionsOf(d: Drawing): uPlot.Options {
  const { sync } = d
  return {
    width: d.width,
    height: d.height,
    padding: [d.compact ? 4 : 10, d.compact ? 18 : 26, 0, d.compact ? 4 : 0],
    legend: { show: false },
    // The axis' own marks fall on round times of the chosen zone.
    tzDate: (ts: number) => new Date((ts + offsetMs(ts * 1000) / 1000) * 1000 + new Date(ts * 1000).getTimezoneOffset() * 60_000),
    cursor: {
      drag: { x: d.zoom, y: false, setScale: false },
      y: false,
      points: { show: !d.stacked, size: 6 },
      ...(sync ? { sync: { key: sync, setSeries: false, filters: { pub: (type: string) => type === 'mousemove' || type === 'mouseleave' } } } : {}),
    },
    scales: {
      x: { time: true, range: () => [d.range[0] / 1000, d.range[1] / 1000] },
      y: { range: (_u, min, max) => d.frozen() ?? reach(min, max, d.limits()) },
    },
    series: [{}, ...seriesOf(d)],
    axes: [timeAxis(d), valueAxis(d)],
    hooks: {
      drawClear: [d.behind],
      draw: [d.front],
      setCursor: [d.moved],
      setSelect: [(u) => select(u, d.chosen)],
    },
  }
}

// reach is an axis from 0, or below, to a little over all there is.
function reach(min: number | null, max: number | null, limits: number[]): [number, number] {
  const top = Math.max(max ?? 1, ...limits)
  const bottom = Math.min(0, min ?? 0, ...limits)
  return [bottom, top === bottom ? bottom + 1 : top + (top - bottom) * 0.06]
}

function select(u: uPlot, chosen: (from: number, to: number) => void) {
  if (u.select.width < 4) return
  const a = u.posToVal(u.select.left, 'x') * 1000
  const b = u.posToVal(u.select.left + u.select.width, 'x') * 1000
  u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false)
  chosen(a, b)
}

function seriesOf(d: Drawing): uPlot.Series[] {
  const bars = uPlot.paths.bars!({ size: [1, Infinity], align: 1, gap: d.lines.length && d.points > d.width / 3 ? 0 : 1 })
  return d.lines.map((l) => {
    const stroke = colour(l.token, d.dark)
    const bar = l.kind === 'bar'
    return {
      label: l.label,
      stroke: bar ? undefined : stroke,
      width: bar ? 0 : 1.5,
      fill: l.kind === 'line' ? undefined : bar || d.stacked ? stroke : stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.18)'),
      paths: bar ? bars : undefined,
      dash: l.dashed ? [4, 4] : undefined,
      points: { show: !bar && d.points < 40, size: 5 },
      spanGaps: false,
    }
  })
}

function timeAxis({ dark, compact, range: [from, to] }: Drawing): uPlot.Axis {
  const grid = colour('--line', dark)
  return {
    stroke: colour('--text-3', dark),
    font,
    grid: { stroke: grid, width: 1, show: !compact },
    ticks: { stroke: grid, width: 1, size: 4 },
    size: compact ? 24 : 42,
    space: 70,
    values: (_u, splits, _i, _s, increment) => {
      let day = ''
      return splits.map((s) => {
        const ms = s * 1000
        const name = dayName(ms)
        if (increment >= 86400) return name
        const text = clock(ms, increment < 60)
        // There is one line only: the day stands where it begins.
        if (compact) return /^00:00(:00)?$/.test(text) && to - from > 86_400_000 ? name : text
        if (day === name) return text
        day = name
        return `${text}\n${name}`
      })
    },
  }
}

function valueAxis({ dark, compact, gutter, format }: Drawing): uPlot.Axis {
  return {
    stroke: colour('--text-3', dark),
    font,
    grid: { stroke: colour('--line', dark), width: 1 },
    ticks: { show: false },
    size: gutter ?? (compact ? 40 : 52),
    space: 34,
    values: (_u, splits) => splits.map((v) => (v === null ? '' : format(v))),
  }
}
