/** Which names and parameters a piece of SQL mentions. The rules are those of engine/notebook/sql.go. */
export interface Mentions {
  words: Set<string>
  params: Set<string>
}

const letter = /[A-Za-z_\u0080-\uffff]/
const digit = /[0-9]/

function quotedEnd(s: string, i: number, quote: string): number {
  for (i++; i < s.length; i++) {
    if (s[i] !== quote) continue
    if (s[i + 1] === quote) i++
    else return i + 1
  }
  return s.length
}

function blockEnd(s: string, i: number): number {
  let depth = 0
  for (; i < s.length; i++) {
    if (s.startsWith('/*', i)) {
      depth++
      i++
    } else if (s.startsWith('*/', i)) {
      depth--
      i++
      if (depth === 0) return i + 1
    }
  }
  return s.length
}

/** Token is a name, a parameter or a mark where it stands; end is behind it. */
interface Token {
  kind: 'word' | 'param' | 'mark'
  name: string
  start: number
  end: number
}

/** tokens lists names and parameters, in small letters, and the marks around them; strings and comments are left out. */
function* tokens(sql: string): Generator<Token> {
  for (let i = 0; i < sql.length; ) {
    const c = sql[i]!
    if (sql.startsWith('--', i)) {
      const n = sql.slice(i).search(/[\r\n]/)
      i = n < 0 ? sql.length : i + n
    } else if (sql.startsWith('/*', i)) i = blockEnd(sql, i)
    else if (c === "'") i = quotedEnd(sql, i, "'")
    else if ((c === 'e' || c === 'E') && sql[i + 1] === "'") {
      for (i += 2; i < sql.length && sql[i] !== "'"; i++) if (sql[i] === '\\') i++
      i++
    } else if (c === '"') {
      const end = quotedEnd(sql, i, '"')
      yield { kind: 'word', name: sql.slice(i + 1, end - 1).replaceAll('""', '"').toLowerCase(), start: i, end }
      i = end
    } else if (c === '$') {
      let end = i + 1
      while (end < sql.length && (letter.test(sql[end]!) || digit.test(sql[end]!))) end++
      if (sql[end] === '$' && (end === i + 1 || !digit.test(sql[i + 1]!))) {
        const mark = sql.slice(i, end + 1)
        const at = sql.indexOf(mark, end + 1)
        i = at < 0 ? sql.length : at + mark.length
      } else {
        if (end > i + 1) yield { kind: 'param', name: sql.slice(i + 1, end).toLowerCase(), start: i, end }
        i = end
      }
    } else if (letter.test(c)) {
      let end = i + 1
      while (end < sql.length && (letter.test(sql[end]!) || digit.test(sql[end]!) || sql[end] === '$')) end++
      yield { kind: 'word', name: sql.slice(i, end).toLowerCase(), start: i, end }
      i = end
    } else if (digit.test(c)) {
      while (i < sql.length && /[\w.]/.test(sql[i]!)) i++
    } else {
      if ('(),.'.includes(c)) yield { kind: 'mark', name: c, start: i, end: i + 1 }
      i++
    }
  }
}

/** mentions lists names and parameters, in small letters; strings and comments are left out. */
export function mentions(sql: string): Mentions {
  const out: Mentions = { words: new Set(), params: new Set() }
  for (const t of tokens(sql)) {
    if (t.kind === 'word') out.words.add(t.name)
    else if (t.kind === 'param') out.params.add(t.name)
  }
  return out
}

const beforeTable = new Set(['from', 'join', 'table', 'summarize', 'describe', 'pivot', 'unpivot'])
const afterTables = new Set(['where', 'group', 'order', 'limit', 'having', 'qualify', 'window', 'select', 'union', 'except', 'intersect', 'on', 'using', 'sample', 'offset'])

/**
 * renamed writes a table's new name where SQL reads the table: after FROM and
 * JOIN, in a list of tables, and before the dot of its columns. A column or an
 * alias of the same name stays.
 */
export function renamed(sql: string, from: string, to: string): string {
  const old = from.toLowerCase()
  const list = [...tokens(sql)]
  const places: Token[] = []
  // Whether the tables of a FROM are being listed, in each parenthesis that is open.
  const listing = [false]
  list.forEach((t, i) => {
    const [before, after] = [list[i - 1]?.name, list[i + 1]?.name]
    if (t.name === '(') listing.push(false)
    else if (t.name === ')') listing.length > 1 && listing.pop()
    if (t.kind !== 'word') return
    const first = before !== undefined && (beforeTable.has(before) || (before === ',' && listing.at(-1)))
    if (t.name === old && before !== '.' && (after === '.' || (first && after !== '('))) places.push(t)
    if (beforeTable.has(t.name)) listing[listing.length - 1] = true
    else if (afterTables.has(t.name)) listing[listing.length - 1] = false
  })
  return places.reduceRight((text, t) => text.slice(0, t.start) + to + text.slice(t.end), sql)
}

export interface Node {
  kind: string
  name: string
  text: string
}

export interface Uses {
  /** cells are those above that a cell reads, also through others. */
  cells: number[]
  params: Set<string>
  /** words are all that its SQL names, also through those cells: among them are the datasets. */
  words: Set<string>
}

const datasetOf = (text: string): string => /^dataset:[ \t]*["']?([^\s"'#]+)/m.exec(text)?.[1]?.toLowerCase() ?? ''
const dataOf = (text: string): string => /^data:[ \t]*["']?([A-Za-z_]\w*)/m.exec(text)?.[1]?.toLowerCase() ?? ''

/** graph says what each cell reads. A name means the cell of that name above; a chart may draw any. */
export function graph(cells: Node[]): Uses[] {
  const out: Uses[] = []
  const named = new Map<string, number>()
  const all = new Map<string, number>()
  cells.forEach((c, i) => c.name && (c.kind === 'sql' || c.kind === 'check') && all.set(c.name.toLowerCase(), i))
  const charts: number[] = []
  cells.forEach((c, i) => {
    const uses: Uses = { cells: [], params: new Set(), words: new Set() }
    out.push(uses)
    if (c.kind === 'rule') {
      uses.params = new Set(['from', 'to'])
      uses.words.add(datasetOf(c.text))
    } else if (c.kind === 'chart') charts.push(i)
    else if (c.kind === 'sql' || c.kind === 'check') {
      const m = mentions(c.text)
      uses.params = m.params
      uses.words = new Set(m.words)
      for (const w of m.words) {
        const j = named.get(w)
        if (j === undefined) continue
        take(uses, j, out[j]!)
      }
      if (c.name) named.set(c.name.toLowerCase(), i)
    }
  })
  for (const i of charts) {
    const j = all.get(dataOf(cells[i]!.text))
    if (j !== undefined) take(out[i]!, j, out[j]!)
  }
  for (const u of out) u.cells = [...new Set(u.cells)].sort((a, b) => a - b)
  return out
}

function take(uses: Uses, j: number, through: Uses) {
  uses.cells.push(j, ...through.cells)
  for (const p of through.params) uses.params.add(p)
  for (const w of through.words) uses.words.add(w)
}

/**
 * signature is the same as long as a cell would give the same: its text, what
 * it reads, the values it uses, and how often the datasets it names have grown.
 */
export function signature(cells: Node[], uses: Uses[], i: number, values: Record<string, unknown>, grown: Record<string, number> = {}): string {
  const u = uses[i]!
  const texts = [i, ...u.cells].map((k) => (cells[k]!.kind === 'chart' ? dataOf(cells[k]!.text) : cells[k]!.text))
  return JSON.stringify([texts, [...u.params].sort().map((p) => [p, values[p] ?? null]), [...u.words].filter((w) => grown[w]).sort().map((w) => [w, grown[w]])])
}

/** dependents are the cells that read cell i, in their order. */
export const dependents = (uses: Uses[], i: number): number[] => uses.flatMap((u, k) => (u.cells.includes(i) ? [k] : []))
