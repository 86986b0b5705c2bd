import type { CatalogColumn, Explore } from '../../api/types'

/** Columns that a list of records always has; the last two are not shown. */
export const defaults = ['event_time', 'level', 'service', 'message']
export const marks = ['_seq', '_late']

/** withColumn adds a column: before the message when that stands last, for it is the widest. */
export const withColumn = (chosen: string[], path: string): string[] => (chosen.at(-1) === 'message' ? [...chosen.slice(0, -1), path, 'message'] : [...chosen, path])

/** cellMax is how much of a text a list fetches; the record itself has all. */
export const cellMax = 1000

const ident = (s: string): string => '"' + s.replaceAll('"', '""') + '"'
const nested = (type: string): boolean => /^(struct|map|list|json)/.test(type)

/** item writes a column of a list: long texts are cut, and say so. */
export function item(c: Pick<CatalogColumn, 'path' | 'sql' | 'type'>, whole = false): string {
  const name = c.sql === c.path && /^[a-z_][a-z0-9_]*$/i.test(c.path) ? '' : ' AS ' + ident(c.path)
  if (whole || !(c.type === 'varchar' || nested(c.type))) return c.sql + name
  const text = c.type === 'varchar' ? c.sql : `to_json(${c.sql})::VARCHAR`
  return `if(strlen(${text}) > ${cellMax * 4}, left(${text}, ${cellMax}) || ' … (' || strlen(${text}) || ' bytes)', ${text}) AS ${ident(c.path)}`
}

/** select gives the query of the server other columns. */
export function select(sql: string, items: string[]): string {
  return sql.replace(/^SELECT [\s\S]*?\nFROM /, () => 'SELECT ' + items.join(', ') + '\nFROM ')
}

/** Part is the beginning of a list, found without sorting all that matches. */
export interface Part {
  sql: string
  params: Record<string, unknown>
}

/** ordered turns the query to the oldest first; without limit it is all that matches. */
export function ordered(e: Pick<Explore, 'sql' | 'params' | 'matched' | 'histogram' | 'bucket_seconds'>, oldest: boolean, limit = 0): Part {
  let sql = e.sql
  const params = { ...e.params }
  if (limit && e.matched > limit) {
    const bound = edge(e, oldest, limit)
    if (bound) {
      let name = 'edge'
      while (name in params) name += '_'
      params[name] = bound
      const condition = `event_time ${oldest ? '<' : '>='} $${name}::TIMESTAMPTZ`
      const order = sql.lastIndexOf('\nORDER BY ')
      sql = sql.slice(0, order) + (sql.includes('\nWHERE ') ? '\n  AND ' : '\nWHERE ') + condition + sql.slice(order)
    }
  }
  if (oldest) sql = sql.replace(/\nORDER BY event_time DESC NULLS LAST, _seq DESC/, '\nORDER BY event_time NULLS LAST, _seq')
  if (limit) sql += `\nLIMIT ${limit}`
  return { sql, params }
}

// The time that at least limit records lie beyond, by the histogram.
function edge(e: Pick<Explore, 'histogram' | 'bucket_seconds'>, oldest: boolean, limit: number): string | null {
  const all = oldest ? e.histogram : [...e.histogram].reverse()
  let n = 0
  for (const b of all.slice(0, -1)) {
    for (const c of Object.values(b.counts)) n += c
    if (n >= limit) return oldest ? new Date(new Date(b.start).getTime() + e.bucket_seconds * 1000).toISOString() : b.start
  }
  return null
}

const literal = (v: unknown): string => (typeof v === 'string' ? JSON.stringify(v) : String(v))

/** notebook writes a query as a notebook whose parameters are the query's. */
export function notebook(dataset: string, sql: string, params: Record<string, unknown>, time: string, bucket = 3600): string {
  const bound = Object.entries(params).filter(([k]) => k !== 'from' && k !== 'to')
  const head = [`title: ${JSON.stringify('Explore ' + dataset)}`]
  if (bound.length) {
    head.push('params:')
    for (const [k, v] of bound) head.push(`  ${k}: {type: ${typeof v === 'number' ? 'number' : typeof v === 'boolean' ? 'boolean' : 'text'}, default: ${literal(v)}}`)
  }
  if (time) head.push(`time: ${time}`)
  // A LIMIT keeps the cell quick; whoever wants all removes it.
  const rows = /\nLIMIT \d+$/.test(sql) ? sql : sql + '\nLIMIT 10000'
  let text = `---\n${head.join('\n')}\n---\n\nRecords of \`${dataset}\`, as Explore showed them.\n\n\`\`\`sql records\n${rows}\n\`\`\`\n`
  const from = /\nFROM ([\s\S]*?)\nORDER BY /.exec(sql)
  if (from)
    text += `\n\`\`\`sql over_time\nSELECT time_bucket(INTERVAL '${bucket} seconds', event_time) AS time, coalesce(level, 'none') AS level, count(*) AS records\nFROM ${from[1]}\nGROUP BY ALL\nORDER BY time, level\n\`\`\`\n\n\`\`\`chart\ndata: over_time\ntype: bar\nx: time\ny: records\nseries: level\n\`\`\`\n`
  return text
}
