// What the time machine computes from a backtest. Plain functions: all of it
// is tested.
import type { Backtest, Datapoint, Episode } from '../../api/types'
import { clock, decimal, short } from '../../lib/format'
import type { Line } from '../../ui/TimeChart.svelte'

type Score = NonNullable<Backtest['score']>
type Arrived = NonNullable<Backtest['as_arrived']>

/** Limit is a number in `when` that a measure is compared with, and where it stands. */
export interface Limit {
  measure: string
  op: string
  value: number
  from: number
  to: number
}

interface Token {
  kind: 'name' | 'number' | 'op' | 'string' | 'other'
  text: string
  from: number
}

function tokens(text: string): Token[] {
  const out: Token[] = []
  const pattern = /("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|((?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-z_][\w.]*)|(==|!=|<=|>=|<|>)|(\S)/g
  for (const m of text.matchAll(pattern)) {
    const kind = m[1] !== undefined ? 'string' : m[2] !== undefined ? 'number' : m[3] !== undefined ? 'name' : m[4] !== undefined ? 'op' : 'other'
    out.push({ kind, text: m[0], from: m.index })
  }
  return out
}

const mirrored: Record<string, string> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=', '==': '==', '!=': '!=' }

/** limits finds the simple comparisons of a measure with a number: error_rate > 0.05, 30 < requests. */
export function limits(when: string, measures: string[]): Limit[] {
  const t = tokens(when)
  const out: Limit[] = []
  const joins = (k: Token | undefined): boolean => !k || /^(&|\||\(|\)|and|or|not|!|&&|\|\|)$/.test(k.text)
  t.forEach((op, i) => {
    if (op.kind !== 'op') return
    // left: [-] number | name ; right likewise
    const l = t[i - 1]
    const r = t[i + 1]
    if (!l || !r) return
    const minus = r.text === '-' && t[i + 2]?.kind === 'number'
    const number = minus ? t[i + 2]! : r
    if (l.kind === 'name' && measures.includes(l.text) && number.kind === 'number' && joins(t[i - 2]) && joins(t[i + (minus ? 3 : 2)])) {
      const to = number.from + number.text.length
      out.push({ measure: l.text, op: op.text, value: Number(when.slice(r.from, to).replaceAll(/[_\s]/g, '')), from: r.from, to })
    } else if (r.kind === 'name' && measures.includes(r.text) && l.kind === 'number' && joins(t[i + 2])) {
      const negative = t[i - 2]?.text === '-' && joins(t[i - 3])
      if (!negative && !joins(t[i - 2])) return
      const from = negative ? t[i - 2]!.from : l.from
      const to = l.from + l.text.length
      out.push({ measure: r.text, op: mirrored[op.text]!, value: Number(when.slice(from, to).replaceAll(/[_\s]/g, '')), from, to })
    }
  })
  return out
}

/** withLimit is `when` with the n-th limit at another value; everything else stays as it is written. */
export function withLimit(when: string, measures: string[], n: number, value: number): string {
  const l = limits(when, measures)[n]
  return l ? when.slice(0, l.from) + plainNumber(value) + when.slice(l.to) : when
}

/** plainNumber writes a number without exponent where it can. */
export const plainNumber = (v: number): string => (Math.abs(v) >= 1e-6 && Math.abs(v) < 1e15) || v === 0 ? String(Number(v.toPrecision(12))) : v.toExponential()

export interface Settings {
  when?: string
  datapoints?: number
  of?: number
  window?: string
  missing?: string
}
/** overrides is what a backtest takes as `set`. */
export function overrides(s: Settings): Record<string, string> {
  const out: Record<string, string> = {}
  if (s.when !== undefined) out.when = s.when
  if (s.datapoints !== undefined) out['alarm.datapoints'] = String(s.datapoints)
  if (s.of !== undefined) out['alarm.of'] = String(s.of)
  if (s.window !== undefined) out['window.tumbling'] = s.window
  if (s.missing !== undefined) out['alarm.missing'] = s.missing
  return out
}
/** settings are what overrides were made of. */
export function settings(set: Record<string, string>): Settings {
  const out: Settings = {}
  if (set.when !== undefined) out.when = set.when
  if (set['alarm.datapoints'] !== undefined) out.datapoints = Number(set['alarm.datapoints'])
  if (set['alarm.of'] !== undefined) out.of = Number(set['alarm.of'])
  if (set['window.tumbling'] !== undefined) out.window = set['window.tumbling']
  if (set['alarm.missing'] !== undefined) out.missing = set['alarm.missing']
  return out
}
/** sizes are the windows that dragging goes through. */
export const sizes = ['10s', '30s', '1m', '2m', '5m', '10m', '15m', '30m', '1h', '2h', '6h', '12h', '1d']

/** nearestSize is the place in sizes of the one that is nearest to a window. */
export function nearestSize(window: string): number {
  const seconds = (text: string): number => {
    const [, n, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text) ?? [undefined, '60', 's']
    return Number(n) * { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit as 's']
  }
  const off = sizes.map((s) => Math.abs(Math.log(seconds(s) / seconds(window))))
  return off.indexOf(Math.min(...off))
}

/** treatments are what a window without records can be taken for. */
export const treatments = ['missing', 'not_breaching', 'breaching', 'ignore'] as const

/** keyText writes a group: checkout, or service=checkout, region=eu. */
export function keyText(key: Record<string, unknown>): string {
  const all = Object.entries(key)
  const value = (v: unknown): string => (v === null ? 'none' : typeof v === 'object' ? JSON.stringify(v) : String(v))
  return all.length === 0 ? 'all' : all.length === 1 ? value(all[0]![1]) : all.map(([k, v]) => `${k.split('.').at(-1)}=${value(v)}`).join(', ')
}

export interface Group {
  name: string
  key: Record<string, unknown>
  /** tone is the number of its colour. */
  tone: number
  points: Datapoint[]
  breaching: number
  extreme: number
}
/** Drawing is the chosen groups on one row of times. */
export interface Drawing {
  x: number[]
  /** step is the length of a window in milliseconds; 0 when windows differ. */
  step: number
  groups: Group[]
  /** others are groups that are not drawn. */
  others: number
  othersBreaching: number
}

/** tones is how many colours there are for lines: --s1 and so on. */
const tones = 12

const numeric = (v: unknown): number | null => (typeof v === 'number' && Number.isFinite(v) ? v : null)

/** draw picks the groups to be drawn: those that breach, then those that come closest to it. */
export function draw(datapoints: Datapoint[], measure: string, low: boolean, most = 8): Drawing {
  const groups = new Map<string, Group>()
  for (const d of datapoints) {
    const name = keyText(d.key)
    let g = groups.get(name)
    if (!g) groups.set(name, (g = { name, key: d.key, tone: 0, points: [], breaching: 0, extreme: low ? Infinity : -Infinity }))
    g.points.push(d)
    if (d.breaching) g.breaching++
    const v = numeric(d.values[measure])
    if (v !== null) g.extreme = low ? Math.min(g.extreme, v) : Math.max(g.extreme, v)
  }
  const ranked = [...groups.values()].sort((a, b) => b.breaching - a.breaching || (low ? a.extreme - b.extreme : b.extreme - a.extreme) || a.name.localeCompare(b.name))
  const chosen = ranked.slice(0, most)
  const rest = ranked.slice(most)
  tint(chosen, [...groups.keys()])
  const stamps = new Set<number>()
  const lengths = new Map<number, number>()
  for (const g of chosen)
    for (const d of g.points) {
      const a = Date.parse(d.start)
      stamps.add(a)
      const length = Date.parse(d.end) - a
      lengths.set(length, (lengths.get(length) ?? 0) + 1)
    }
  const step = lengths.size === 1 ? [...lengths.keys()][0]! : 0
  let x = [...stamps].sort((a, b) => a - b)
  // Windows that nothing fell into are gaps, not straight lines.
  if (step > 0 && x.length > 1) {
    const filled = (x.at(-1)! - x[0]!) / step + 1
    if (filled <= 60_000 && filled !== x.length && Number.isInteger(filled)) x = Array.from({ length: filled }, (_, i) => x[0]! + i * step)
  }
  return { x, step, groups: chosen, others: rest.length, othersBreaching: rest.filter((g) => g.breaching > 0).length }
}

/** tint gives groups their colours by their names, so that they keep them when others breach. */
function tint(chosen: Group[], all: string[]) {
  const place = new Map(all.sort((a, b) => a.localeCompare(b)).map((name, i) => [name, i]))
  const taken = new Set<number>()
  for (const g of [...chosen].sort((a, b) => place.get(a.name)! - place.get(b.name)!)) {
    let tone = place.get(g.name)! % tones
    while (taken.has(tone) && taken.size < tones) tone = (tone + 1) % tones
    taken.add(tone)
    g.tone = tone + 1
  }
}

/** linesOf draws one measure of the chosen groups. */
export function linesOf(d: Drawing, measure: string): Line[] {
  const index = new Map(d.x.map((t, i) => [t, i]))
  return d.groups.map((g) => {
    const values = new Array<number | null>(d.x.length).fill(null)
    for (const p of g.points) {
      const at = index.get(Date.parse(p.start))
      if (at !== undefined) values[at] = numeric(p.values[measure])
    }
    return { label: g.name, token: `--s${g.tone}`, values, kind: 'line' }
  })
}

export type Mark = 'breaching' | 'not' | 'missing'
/** strip says for each of so many parts of the range how a group stands: breaching if any window in it does. */
export function strip(points: Datapoint[], from: number, to: number, parts: number): (Mark | null)[] {
  const out = new Array<Mark | null>(parts).fill(null)
  const rank = { missing: 0, not: 1, breaching: 2 }
  const per = (to - from) / parts
  for (const p of points) {
    const a = Date.parse(p.start)
    const b = Date.parse(p.end)
    if (b <= from || a >= to) continue
    const mark: Mark = p.breaching === null ? 'missing' : p.breaching ? 'breaching' : 'not'
    const first = Math.max(0, Math.floor((a - from) / per))
    const last = Math.min(parts - 1, Math.max(first, Math.ceil((b - from) / per) - 1))
    for (let i = first; i <= last; i++) if (out[i] === null || rank[mark] > rank[out[i]!]) out[i] = mark
  }
  return out
}

/** atNight says whether a time lies between 22:00 and 06:00 in the chosen zone. */
export function atNight(ms: number): boolean {
  const hour = Number(clock(ms).slice(0, 2))
  return hour >= 22 || hour < 6
}

export interface Outcome {
  pages: number
  /** seconds spent in alarm, all groups together. */
  seconds: number
  night: number
  open: number
}
/** outcome is what the people on call would have had of it. */
export function outcome(episodes: Episode[], end: number): Outcome {
  let seconds = 0
  let night = 0
  let open = 0
  for (const e of episodes) {
    const a = Date.parse(e.start)
    const b = e.end === null ? end : Date.parse(e.end)
    seconds += Math.max(0, (b - a) / 1000)
    if (atNight(a)) night++
    if (e.end === null) open++
  }
  return { pages: episodes.length, seconds, night, open }
}

/** length writes a length of time in words: 47 min, 3 h 5 min. */
export function length(s: number): string {
  const m = Math.round(s / 60)
  if (s < 60) return `${Math.round(s)} s`
  if (m < 60) return `${m} min`
  if (m < 2880) return `${Math.floor(m / 60)} h${m % 60 ? ` ${m % 60} min` : ''}`
  return `${decimal(Math.round(m / 144) / 10)} days`
}

/** sentence is the outcome in words. */
export function sentence(o: Outcome): string {
  if (o.pages === 0) return 'Would not have raised an alarm'
  return `Would have paged ${o.pages === 1 ? '1 time' : `${short(o.pages)} times`}, ${length(o.seconds)} in ALARM, ${o.night} at night (22-06)${o.open ? `, ${o.open} still on` : ''}`
}

/** scoreText says how the alarms stand against the incidents that the rule names. */
export function scoreText(s: Score): string {
  const percent = (v: number | null): string => (v === null ? 'not known' : `${Math.round(v * 100)} %`)
  const found = `${s.found} of ${s.incidents === 1 ? '1 incident' : `${s.incidents} incidents`} found`
  const delay = s.delay_seconds === null ? '' : ` after ${length(s.delay_seconds)}`
  const unjudged = s.unjudged ? ` ${s.unjudged === 1 ? '1 alarm is' : `${s.unjudged} alarms are`} not labelled.` : ''
  return `${found}${delay}, ${s.false === 1 ? '1 false alarm' : `${s.false} false alarms`}: precision ${percent(s.precision)}, recall ${percent(s.recall)}.${unjudged}`
}

/** arrivedText says what late records changed. */
export function arrivedText(a: Arrived): string {
  if (!a.watermark) return 'As it arrived: no window was done.'
  const windows = a.changes === 1 ? '1 window was shown as something else than it is' : `${short(a.changes)} windows were shown as something else than they are`
  const differ = a.gone.length || a.came.length ? `With all records ${a.gone.length} of these alarms would not have been, and ${a.came.length} others would.` : 'With all records the alarms are the same.'
  return `As it arrived: ${short(a.late)} records came late, ${short(a.dropped)} of them too late; ${windows}. ${differ}`
}

/** peakText writes the extremes of an episode: error_rate 0.475, requests 76. */
export const peakText = (peak: Record<string, unknown>): string => Object.entries(peak).map(([k, v]) => `${k} ${typeof v === 'number' ? decimal(v) : String(v)}`).join(', ')

/** Cell is a group on one day of the chosen zone: its worst window, and how many there are. */
export interface Cell {
  worst: Datapoint
  windows: number
  breaching: number
}
/** Days is groups by days: how each group did on each day. */
export interface Days {
  days: string[]
  groups: { name: string; cells: (Cell | null)[]; breaching: number }[]
}

/** daysOf sorts datapoints into days, which begin at midnight of the chosen zone; day writes a time's day. */
export function daysOf(points: Datapoint[], measure: string, low: boolean, day: (start: string) => string): Days {
  const groups = new Map<string, Map<string, Cell>>()
  const days = new Set<string>()
  const rank = (p: Datapoint): number => (p.breaching === null ? 0 : p.breaching ? 2 : 1)
  const worse = (a: Datapoint, b: Datapoint): boolean => {
    if (rank(a) !== rank(b)) return rank(a) > rank(b)
    const [x, y] = [numeric(a.values[measure]), numeric(b.values[measure])]
    return x !== null && (y === null || (low ? x < y : x > y))
  }
  for (const p of points) {
    const name = keyText(p.key)
    const d = day(p.start)
    days.add(d)
    if (!groups.has(name)) groups.set(name, new Map())
    const cells = groups.get(name)!
    const cell = cells.get(d)
    if (!cell) cells.set(d, { worst: p, windows: 1, breaching: p.breaching ? 1 : 0 })
    else {
      cell.windows++
      if (p.breaching) cell.breaching++
      if (worse(p, cell.worst)) cell.worst = p
    }
  }
  const sorted = [...days].sort()
  const rows = [...groups].map(([name, cells]) => ({ name, cells: sorted.map((d) => cells.get(d) ?? null), breaching: [...cells.values()].reduce((n, c) => n + c.breaching, 0) }))
  return { days: sorted, groups: rows.sort((a, b) => b.breaching - a.breaching || a.name.localeCompare(b.name, 'en', { numeric: true })) }
}

/** Difference is what a change of settings did. */
export interface Difference {
  gone: Episode[]
  came: Episode[]
  kept: number
}
/** compare tells episodes that overlap one of the same group from those that do not. */
export function compare(before: Backtest, now: Backtest): Difference {
  const overlaps = (a: Episode, b: Episode): boolean =>
    keyText(a.key) === keyText(b.key) && Date.parse(a.start) < (b.end === null ? Infinity : Date.parse(b.end)) && Date.parse(b.start) < (a.end === null ? Infinity : Date.parse(a.end))
  const gone = before.episodes.filter((e) => !now.episodes.some((n) => overlaps(e, n)))
  const came = now.episodes.filter((e) => !before.episodes.some((n) => overlaps(e, n)))
  return { gone, came, kept: now.episodes.length - came.length }
}

/** verdict is what a version of a rule takes a window for. */
export function verdict(j: { breaching: boolean | null } | null): string {
  if (!j) return 'no records'
  return j.breaching === null ? 'missing' : j.breaching ? 'breaching' : 'not breaching'
}

export type Kind = 'rate' | 'slow' | 'quiet' | 'absent' | 'slower' | 'unusual' | 'run'

/** kinds are the rules that can be begun with, in words. */
export const kinds: [Kind, string][] = [
  ['rate', 'Too many errors'],
  ['slow', 'Slow requests'],
  ['quiet', 'Silence: fewer records than there should be'],
  ['unusual', 'Far from what is usual'],
  ['absent', 'Something daily does not come'],
  ['slower', 'Jobs get slower week over week'],
  ['run', 'A job runs too long'],
]

/** template writes a new rule for a dataset. */
export function template(kind: Kind, name: string, dataset: string): string {
  const head = `rule: ${name}\ndataset: ${dataset}\n`
  if (kind === 'slow')
    return `# Requests take too long.\n${head}where: body.duration_ms != nil\ngroup_by: [service]\nwindow: {tumbling: 5m}\nmeasures:\n  requests: count()\n  p95: quantile(body.duration_ms, 0.95)\nwhen: p95 > 1000 && requests > 30\nalarm: {datapoints: 2, of: 3, missing: not_breaching}\nseverity: warning\nsummary: "{{service}}: p95 is {{p95}} ms over {{requests}} requests"\n`
  if (kind === 'quiet')
    return `# A service says less than it should.\n${head}group_by: [service]\nwindow: {tumbling: 5m}\nmeasures:\n  records: count()\nwhen: records < 10\nalarm: {datapoints: 3, of: 3, missing: breaching}\nseverity: warning\nsummary: "{{service}}: only {{records}} records"\n`
  if (kind === 'absent')
    return `# What comes every day has not come by six in the morning.\n${head}group_by: [service]\nexpect: {at_least: 1, within: 24h, by: "06:00 Europe/Berlin"}\nkeys: seen # or the list of those that must come\nseverity: critical\nsummary: "{{service}}: {{records}} records in the day before six"\n`
  if (kind === 'unusual')
    return `# Far more records than at this time of other days.\n${head}group_by: [service]\nwindow: {tumbling: 10m}\nmeasures:\n  records: count()\nwhen: records > 100 && records > 3 * baseline(records, 14d, 1d, 3)\nalarm: {datapoints: 2, of: 3, missing: not_breaching}\nseverity: warning\nsummary: "{{service}}: {{records}} records, {{baseline(records, 14d, 1d, 3)}} are usual"\n`
  if (kind === 'slower')
    return `# Jobs take a fifth longer than the week before. With fewer than five runs in\n# either week there is nothing to say: the alarm has insufficient data.\n${head}group_by: [{path: body.job, match: "*"}] # new jobs join by themselves\nwindow: {tumbling: 7d}\nmeasures:\n  runs: count()\n  seconds: avg(body.seconds)\nwhen: "runs >= 5 && previous(runs, 1) >= 5 ? seconds > 1.2 * previous(seconds, 1) : nil"\nseverity: warning\nsummary: "{{job}}: {{seconds}} s, {{previous(seconds, 1)}} s the week before"\n`
  if (kind === 'run')
    return `# A run is longer than was agreed, or twice as long as is usual.\n${head}group_by: [{path: body.job, match: "*"}]\nwindow: {tumbling: 1d}\nmeasures:\n  runs: count()\n  longest: max(body.seconds)\nwhen: longest > 3600 || longest > 2 * baseline(longest, 28d, 5)\nseverity: critical\nsummary: "{{job}}: a run took {{longest}} s"\n`
  return `# Too many records are errors.\n${head}group_by: [service]\nwindow: {tumbling: 1m}\nmeasures:\n  records: count()\n  errors: count(upper(level) == "ERROR")\n  error_rate: errors * 1.0 / records\nwhen: error_rate > 0.05 && records > 30\nalarm: {datapoints: 3, of: 5, missing: not_breaching}\nseverity: warning\nsummary: "{{service}}: {{percent(error_rate)}} errors over {{records}} records"\n`
}
