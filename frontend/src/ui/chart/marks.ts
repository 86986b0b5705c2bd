import type uPlot from 'uplot'

import { colour } from '../../lib/colour'
import type { Band, Threshold } from './model'

/** drawBands draws stretches of time behind the lines. */
export function drawBands(u: uPlot, bands: Band[], dark: boolean): void {
  const { ctx, bbox } = u
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  for (const b of bands) {
    const a = u.valToPos(b.from / 1000, 'x', true)
    const z = b.to === null ? bbox.left + bbox.width : u.valToPos(b.to / 1000, 'x', true)
    const tone = colour(b.tone === 'warn' ? '--warn' : b.tone === 'plain' ? '--text-3' : '--alarm', dark)
    ctx.globalAlpha = 0.14
    ctx.fillStyle = tone
    ctx.fillRect(a, bbox.top, Math.max(2, z - a), bbox.height)
    ctx.globalAlpha = 1
    ctx.fillRect(a, bbox.top, Math.max(2, z - a), 3 * devicePixelRatio)
  }
  ctx.restore()
}

export interface Marks {
  thresholds: Threshold[]
  watermark: number | null
  seam: number | null
}

/** drawMarks draws thresholds, the watermark and the seam over the lines. */
export function drawMarks(u: uPlot, marks: Marks, dark: boolean): void {
  const { ctx } = u
  ctx.save()
  ctx.lineWidth = devicePixelRatio * 1.25
  ctx.font = `${11 * devicePixelRatio}px "IBM Plex Sans"`
  for (const t of marks.thresholds) drawThreshold(u, t, dark)
  if (marks.watermark !== null) drawWatermark(u, marks.watermark, dark)
  if (marks.seam !== null) drawSeam(u, marks.seam, dark)
  ctx.restore()
}

function drawThreshold(u: uPlot, t: Threshold, dark: boolean) {
  const { ctx, bbox } = u
  const y = Math.round(u.valToPos(t.value, 'y', true))
  ctx.strokeStyle = ctx.fillStyle = colour('--alarm', dark)
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.textAlign = 'right'
  ctx.fillText(t.label, bbox.left + bbox.width - 4, y - 4)
}

// The watermark is drawn as what the product is named for: a tide mark.
function drawWatermark(u: uPlot, watermark: number, dark: boolean) {
  const at = u.valToPos(watermark / 1000, 'x', true)
  if (!within(u, at)) return
  u.ctx.strokeStyle = colour('--mark', dark)
  u.ctx.setLineDash([1.5 * devicePixelRatio, 4 * devicePixelRatio])
  u.ctx.lineCap = 'round'
  upright(u, at)
}

// The seam: to the left is what archives brought, to the right what streams did.
function drawSeam(u: uPlot, seam: number, dark: boolean) {
  const { ctx, bbox } = u
  const at = u.valToPos(seam / 1000, 'x', true)
  if (!within(u, at)) return
  ctx.strokeStyle = ctx.fillStyle = colour('--text-3', dark)
  ctx.setLineDash([])
  ctx.lineWidth = devicePixelRatio
  upright(u, at)
  ctx.textAlign = 'center'
  const room = 36 * devicePixelRatio
  ctx.fillText('archive | live', Math.min(Math.max(at, bbox.left + room), bbox.left + bbox.width - room), bbox.top + 10 * devicePixelRatio)
}

const within = ({ bbox }: uPlot, at: number) => at >= bbox.left && at <= bbox.left + bbox.width

function upright({ ctx, bbox }: uPlot, at: number) {
  ctx.beginPath()
  ctx.moveTo(at, bbox.top)
  ctx.lineTo(at, bbox.top + bbox.height)
  ctx.stroke()
}
