import type { DashboardItem, ItemData, ParsedDashboard } from '../../api/types'
import { visible } from '../../lib/format'

export const types = ['line', 'area', 'bar', 'heatmap', 'scatter', 'big_number', 'table'] as const
export const typeNames: Record<string, string> = { line: 'Line', area: 'Area', bar: 'Bars', heatmap: 'Heat map', scatter: 'Scatter', big_number: 'Big number', table: 'Table' }

export type Filters = Record<string, unknown[]>

/** filterText is a value of a filter as it is shown. */
export const filterText = (v: unknown): string => (v === null ? '(none)' : visible(typeof v === 'object' ? JSON.stringify(v) : String(v)))

/** Queue runs at most so many tasks at once, first come first served. */
export class Queue {
  #running = 0
  #waiting: (() => void)[] = []
  constructor(readonly limit: number) {}

  async run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running >= this.limit) await new Promise<void>((r) => this.#waiting.push(r))
    else this.#running++
    try {
      signal.throwIfAborted()
      return await task()
    } finally {
      // The place goes to who waits longest.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}

/** fileOf is the path of a dashboard or a rule in an address. */
export const fileOf = (rest: string, folder: string): string => (rest.startsWith(folder + '/') ? rest : `${folder}/${rest}`)
export const addressOf = (file: string, folder: string): string => `/${folder}/${encodeURIComponent(file.replace(new RegExp(`^${folder}/`), ''))}`

/** readFilters reads what the address says; what it does not understand is no filter. */
export function readFilters(text: string | null, paths: string[]): Filters {
  const out: Filters = {}
  if (!text) return out
  try {
    for (const [path, values] of Object.entries(JSON.parse(text) as Filters)) if (paths.includes(path) && Array.isArray(values) && values.length) out[path] = values
  } catch {
    // no filter
  }
  return out
}
export const writeFilters = (f: Filters): string | null => {
  const kept = Object.entries(f).filter(([, v]) => v.length)
  return kept.length ? JSON.stringify(Object.fromEntries(kept)) : null
}

/** conditions writes filters as Explore's address has them: level = "ERROR" AND service = ["a","b"]. */
export const conditions = (f: Filters): string =>
  Object.entries(f)
    .filter(([, v]) => v.length)
    .map(([path, v]) => `${path} = ${JSON.stringify(v.length === 1 ? v[0] : v)}`)
    .join(' AND ')

/** toggled adds a value to a filter or takes it away. */
export function toggled(f: Filters, path: string, value: unknown): Filters {
  const now = f[path] ?? []
  const same = (v: unknown) => v === value
  return { ...f, [path]: now.some(same) ? now.filter((v) => !same(v)) : [...now, value] }
}

/** filterOf is the filter that a column of a result stands for. */
export function filterOf(column: string, paths: string[]): string | undefined {
  return paths.find((p) => p === column) ?? paths.find((p) => p.split('.').at(-1) === column)
}

/** essence is what the rows of an item depend on, so that moving or renaming one asks for nothing again. */
export function essence(text: string, d: ParsedDashboard, item: DashboardItem): string {
  const lines = d.rows.flatMap((r) => r.items.map((i) => i.line)).sort((a, b) => a - b)
  const next = lines.find((l) => l > item.line) ?? Infinity
  const own = text
    .split('\n')
    .slice(item.line - 1, next - 1)
    .map((l) => l.trim())
    .filter((l) => l && !/^(- *)?(title|width|height|items):/.test(l) && !l.startsWith('#') && l !== '-')
    .map((l) => l.replace(/^- +/, ''))
    // A chart of a query is drawn as it likes of the same rows.
    .filter((l) => !item.sql || !/^(type|x|y|series):/.test(l))
  const type = item.measure && (item.type === 'big_number' ? 'big' : 'over')
  return JSON.stringify([own, type, d.dataset, item.sql, item.measure])
}

/** csv writes rows as RFC 4180 has them. */
export function csv(columns: { name: string }[], rows: unknown[][]): string {
  const cell = (v: unknown): string => {
    if (v === null || v === undefined) return ''
    const text = typeof v === 'object' ? JSON.stringify(v) : String(v)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [columns.map((c) => cell(c.name)), ...rows.map((r) => r.map(cell))].map((r) => r.join(',')).join('\r\n') + '\r\n'
}

/** widened is twice the range around its middle. */
export function widened(from: string, to: string): [number, number] {
  const [a, b] = [Date.parse(from), Date.parse(to)]
  return [a - (b - a) / 2, b + (b - a) / 2]
}

/** weight is the width of an item that shall take a part of its row, in halves. */
export function weight(part: number, others: number): number {
  const p = Math.min(0.9, Math.max(0.08, part))
  return Math.max(0.5, Math.round(((p * others) / (1 - p)) * 2) / 2)
}

export const overTime = (type: string): boolean => type === 'line' || type === 'area' || type === 'bar'

const name = (s: string): string => JSON.stringify(s)

/** template writes a new dashboard. */
export function template(kind: 'overview' | 'empty', title: string, dataset: string): string {
  const head = `title: ${name(title)}\ntime: 7d\ndataset: ${dataset}\nfilters: [service, level]\nrows:\n`
  if (kind === 'empty') return head + `  - height: 260\n    items:\n      - title: Records\n        type: line\n        measure: count()\n`
  return (
    head +
    `  - height: 110
    items:
      - title: Records
        type: big_number
        y: records
        measure: count()
      - title: Errors
        type: big_number
        y: errors
        measure: count(upper(level) == "ERROR")
      - title: Services
        type: big_number
        y: services
        measure: distinct(service)
  - height: 260
    items:
      - title: Records by service
        type: area
        y: records
        series: service
        measure: count()
        width: 2
      - title: Records by level
        type: bar
        x: level
        y: records
        measure: count()
  - height: 260
    items:
      - title: Errors by service
        type: line
        y: errors
        series: service
        measure: count(upper(level) == "ERROR")
  - height: 320
    items:
      - title: What the errors say
        type: table
        sql: |
          select service, regexp_replace(message, '[0-9]+', 'N', 'g') as message, count(*) as times
          from ${dataset}
          where upper(level) = 'ERROR'
          group by all
          order by times desc, message
          limit 20
`
  )
}

/**
 * asNotebook is a notebook with the query of a chart and, unless it is a table,
 * the chart; time is what the notebook opens with, from the dashboard's title.
 */
export function asNotebook(it: DashboardItem, data: ItemData | null, time: string, from: string): string {
  let sql = (it.sql ?? data?.sql ?? '').trimEnd()
  // The query of a measure has what was filtered as parameters; a notebook knows only its own.
  const params = it.sql ? [] : Object.entries(data?.params ?? {}).filter(([k]) => k !== 'from' && k !== 'to')
  for (const [k, v] of params) sql = sql.replaceAll(new RegExp(`\\$${k}\\b`, 'g'), typeof v === 'string' ? `'${v.replaceAll("'", "''")}'` : String(v))
  const y = it.y.length > 1 ? `[${it.y.join(', ')}]` : it.y[0]
  const chart = [`data: chart`, `type: ${it.type}`, it.x && `x: ${it.x}`, y && `y: ${y}`, it.series && `series: ${it.series}`].filter(Boolean).join('\n')
  const head = `---\ntitle: ${JSON.stringify(it.title || 'Chart')}\ntime: ${time}\n---\n\nFrom the dashboard ${from}.\n\n`
  return head + `\`\`\`sql chart\n${sql}\n\`\`\`\n` + (it.type === 'table' ? '' : `\n\`\`\`chart\n${chart}\n\`\`\`\n`)
}
