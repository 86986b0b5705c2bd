// The shapes of the API under their short names.
export interface Problem {
  kind: 'invalid' | 'not_found' | 'conflict' | 'unavailable' | 'inexpressible' | 'canceled' | 'internal'
  op: string
  message: string
  hint: string
  file: string
  line: number
  column: number
  excerpt?: string
}
export interface DatasetSummary {
  name: string
  rows: number
  first_event_time: string | null
  last_event_time: string | null
  watermark: string | null
  columns: number
}
export interface SourceSummary {
  name: string
  type: string
  dataset: string
  location: string
}
export interface FileTitle {
  file: string
  title: string
}
export interface RuleSummary {
  name: string
  file: string
  dataset: string
  severity: string
  state: string
}
export interface Workspace {
  name: string
  dir: string
  version: string
  trusted: boolean
  desktop: boolean
  problems: Problem[]
  datasets: DatasetSummary[]
  sources: SourceSummary[]
  notebooks: FileTitle[]
  dashboards: FileTitle[]
  rules: RuleSummary[]
  plugins: number
  quarantined: number
}
export interface Recent {
  name: string
  dir: string
  opened_at: string
  exists: boolean
}
export interface Column {
  name: string
  type: string
}
export interface QueryState {
  id: string
  state: 'running' | 'done' | 'canceled' | 'failed' | 'stopped'
  columns: Column[]
  rows: number
  complete: boolean
  truncated: boolean
  limit: number
  seconds: number
  bytes: number
  error?: Problem
}
export interface Answer {
  columns: Column[]
  rows: unknown[][]
  truncated: boolean
  seconds: number
}
export interface FileText {
  path: string
  text: string
  version: string
}
export interface PullState {
  id: string
  state: 'running' | 'done' | 'failed' | 'canceled'
  source: string
  objects: number
  objects_total: number
  bytes: number
  bytes_total: number
  records: number
  quarantined: number
  failed: number
  started_at: string
  seconds: number
  eta_seconds: number | null
  result?: Record<string, number>
  error?: Problem
}
export interface DryRun {
  objects: number
  skipped: number
  bytes: number
  requests: number
  cost_usd: number
  basis: string
}
export interface SourceHealth {
  name: string
  type: string
  dataset: string
  location?: string
  state: string
  objects: number
  bytes: number
  pulled_at: string | null
  cause: string
  action: string
}
export interface SourceReport {
  name: string
  type: string
  dataset: string
  ok: boolean
  objects: number
  bytes: number
  newest?: string
  samples: { key: string; bytes: number; format: string; compression: string[]; error?: string }[]
  error?: string
  hint?: string
}
export interface PluginInfo {
  name: string
  kind: string
  version: string
  abi: string
  path: string
  sha256: string
  state: string
  calls: number
  records: number
  errors: number
  p99_ms: number
  problem?: string
}
export interface DatasetHealth {
  name: string
  state: string
  watermark: string | null
  last_event_time: string | null
  records_per_second: number | null
  lag_ms: number | null
  late: number
  quarantined: number
  rows: number
  cause: string
  action: string
}
export interface Health {
  datasets: DatasetHealth[]
  sources: SourceHealth[]
}
export interface Status {
  memory_bytes: number
  database_bytes: number
  cache_bytes: number
  cache_limit: number
  uptime_seconds: number
  queries_running: number
  queries_waiting: number
  pulls_running: number
  goroutines: number
}
export interface CatalogColumn {
  path: string
  name: string
  type: string
}
export interface Catalog {
  tables: { name: string; kind: 'dataset' | 'system' | 'all'; columns: CatalogColumn[] }[]
  functions: { name: string; signature: string; doc: string }[]
  keywords: string[]
}
export interface PathType {
  path: string
  type: string
}
export interface Dataset {
  name: string
  rows: number
  columns: PathType[]
  watermark: string | null
  first_event_time: string | null
  last_event_time: string | null
  untimed: number
  late: number
  quarantined: number
  segments: number
}
export interface SchemaChange {
  path: string
  op: string
  from: string
  to: string
}
export interface SchemaVersion {
  version: number
  created_at: string
  author: string
  major: boolean
  changes: SchemaChange[]
  rows?: number
}
export interface Schema {
  dataset: string
  versions: SchemaVersion[]
  types: PathType[]
}
export interface Conflict {
  path: string
  got: string
  want: string
  count: number
  examples: string[]
  sources: string[]
}
export interface QuarantineEntry {
  id: number
  dataset: string
  source: string
  position: string
  reason: string
  path: string
  want: string
  got: string
  at: string
  bytes: number
}
export interface QuarantineList {
  total: number
  entries: QuarantineEntry[]
  reasons: { reason: string; count: number }[]
}
export interface Filter {
  path: string
  op: '=' | '!=' | 'contains' | '!contains' | '<' | '<=' | '>' | '>=' | 'exists' | '!exists'
  value?: unknown
}
export interface Facet {
  path: string
  type: string
  distinct: number
  approximate?: boolean
  values: { value: unknown; count: number }[]
  more: boolean
}
export interface Explore {
  from: string
  to: string
  bucket_seconds: number
  histogram: { start: string; counts: Record<string, number> }[]
  levels: string[]
  total: number
  matched: number
  untimed: number
  late: number
  facets: Facet[]
  sql: string
  params: Record<string, unknown>
  watermark: string | null
  seconds: number
}
export interface RecordDetail {
  columns: { name: string; type: string; value: unknown }[]
}
export interface Statement {
  sql: string
  params: Record<string, unknown>
}
export interface ChartSpec {
  data?: string
  type: string
  x?: string
  y?: string | string[]
  series?: string
  title?: string
  height?: number
}
export interface NotebookCell {
  index: number
  kind: 'markdown' | 'sql' | 'chart' | 'rule' | 'check'
  name: string
  line: number
  end_line: number
  text: string
  html?: string
  chart?: ChartSpec
}
export interface NotebookParam {
  name: string
  type: string
  default: unknown
  options?: unknown[]
  options_sql?: string
}
export interface ParsedNotebook {
  title: string
  time: string
  params: NotebookParam[]
  cells: NotebookCell[]
  problems: Problem[]
}
export interface CellRun {
  sql: string
  query?: QueryState
  backtest?: Backtest
  chart?: ChartSpec
  from: string
  to: string
}
export interface Episode {
  key: Record<string, unknown>
  start: string
  end: string | null
  peak: Record<string, unknown>
  /** summary is the rule's sentence about the window that raised it. */
  summary?: string
}
export interface Transition {
  at: string
  key: Record<string, unknown>
  from: string
  to: string
  reason: string
}
export interface Datapoint {
  start: string
  end: string
  key: Record<string, unknown>
  values: Record<string, unknown>
  breaching: boolean | null
}
export interface Backtest {
  rule: string
  dataset: string
  from: string | null
  to: string | null
  windows: number
  records: number
  late: number
  overflows?: number
  episodes: Episode[]
  transitions: Transition[]
  datapoints?: Datapoint[]
  seconds: number
  measures: string[]
  watched: string[]
  group_by: string[]
  thresholds: { measure: string; op: string; value: unknown }[]
  sql: string
}
export interface RuleInfo extends RuleSummary {
  when: string
  alarm: string
  problems: Problem[]
}
export interface RuleCheck {
  problems: Problem[]
  rule?: string
  dataset?: string
  sql?: string
  measures: string[]
  watched: string[]
  group_by: string[]
  window?: string
  alarm?: string
}
export interface AlarmEpisode {
  rule: string
  file: string
  dataset: string
  key: Record<string, unknown>
  start: string
  end: string | null
  severity: string
  summary?: string
  description: string
  runbook?: string
}
export interface DashboardItem {
  title: string
  type: string
  x: string
  y: string[]
  series: string
  width: number
  sql?: string
  measure?: string
  line: number
}
export interface ParsedDashboard {
  title: string
  time: string
  refresh_seconds: number
  dataset: string
  filters: string[]
  from: string
  to: string
  rows: { height: number; items: DashboardItem[] }[]
  problems: Problem[]
}
export interface ItemData extends Answer {
  sql: string
  params: Record<string, unknown>
  unfiltered: string[]
  type: string
  x: string
  y: string[]
  series: string
}
export interface TimeRange {
  from: string
  to: string
}
