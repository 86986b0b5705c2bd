import type { Incident, IncidentDetail } from '../../api/types'
import { instant, span } from '../../lib/format'

/** groupText writes a group: "service=cart". */
export const groupText = (key: Record<string, unknown>): string =>
  Object.keys(key)
    .sort()
    .map((k) => `${k}=${String(key[k])}`)
    .join(' ')

/** lasted says how long an incident was, or that it lasts. */
export function lasted(i: Pick<Incident, 'start' | 'end' | 'state'>): string {
  if (i.state === 'withdrawn') return 'withdrawn'
  if (!i.end) return 'still on'
  return span((Date.parse(i.end) - Date.parse(i.start)) / 1000)
}

/** next is the id that comes some places after another in a list; the ends hold. */
export function next(list: { id: string }[], id: string, by: number): string | null {
  if (list.length === 0) return null
  const at = list.findIndex((i) => i.id === id)
  if (at < 0) return list[by > 0 ? 0 : list.length - 1]!.id
  return list[Math.min(Math.max(at + by, 0), list.length - 1)]!.id
}

/** around is the stretch of time to look at an incident in: a third more on both sides. */
export function around(i: Pick<Incident, 'start' | 'end'>, now = Date.now()): string {
  const from = Date.parse(i.start)
  const to = i.end ? Date.parse(i.end) : Math.min(now, from + 3_600_000)
  const margin = Math.max((to - from) / 3, 600_000)
  return [from - margin, to + margin].map((ms) => new Date(ms).toISOString()).join('/')
}

/** matchOf reads "service=checkout, team=pay*"; a name without a value stands for any. */
export function matchOf(text: string): Record<string, string> {
  const out: Record<string, string> = {}
  for (const part of text.split(',').map((p) => p.trim())) {
    if (!part) continue
    const at = part.indexOf('=')
    if (at < 0) out[part] = '*'
    else out[part.slice(0, at).trim()] = part.slice(at + 1).trim()
  }
  return out
}

/** titleOf is the heading of a message. */
export const titleOf = (message: unknown): string => (message !== null && typeof message === 'object' && 'title' in message && typeof message.title === 'string' ? message.title : 'a notification')

/** ranTo says how far a runbook came. */
export function ranTo(r: { state: string; steps: number; cells: number; error: string }): string {
  switch (r.state) {
    case 'pending':
      return 'waits for its turn'
    case 'running':
      return `is running: ${r.steps} of ${r.cells} cells are done`
    case 'failed':
      return `failed: ${r.error}`
  }
  return 'ran to its end'
}

/** leftOut says what a run of a runbook did not see of an alarm that went on after it. */
export function leftOut(i: Pick<Incident, 'end' | 'state'>, run: { state: string; to: string }): string {
  if (run.state !== 'done' || i.state === 'withdrawn') return ''
  if (!i.end) return `, and saw what had come by ${instant(run.to)}`
  if (Date.parse(run.to) >= Date.parse(i.end)) return ''
  return `, and saw what had come by ${instant(run.to)}; the alarm lasted until ${instant(i.end)}`
}

/** reportAddress is where the report of an incident is read. */
export const reportAddress = (id: string, run = 0): string => `/incidents/${encodeURIComponent(id)}/report${run ? `?run=${run}` : ''}`

/** placeOf reads an address below /incidents: which incident, and whether its report. */
export function placeOf(rest: string): { id: string; report: boolean } {
  const [id = '', what] = rest.split('/')
  return { id, report: id !== '' && what === 'report' }
}

const words: Record<string, string> = {
  fired: 'went off', ended: 'ended', revised: 'corrected by late records', withdrawn: 'withdrawn', acknowledged: 'acknowledged',
  assigned: 'assigned', commented: 'comment', notified: 'told', runbook: 'runbook',
}

/** happened says what a line of the timeline is, in the words of the buttons, and what it adds. */
export function happened(e: Pick<IncidentDetail['timeline'][number], 'kind' | 'text'>): { what: string; text: string } {
  if (e.kind !== 'labelled') return { what: words[e.kind] ?? e.kind, text: e.text }
  return { what: e.text === 'true' ? 'It was right' : e.text === 'false' ? 'It was wrong' : 'Neither right nor wrong', text: '' }
}
