import type { Filter } from '../../api/types'

/** Ops are what a filter can say, with the words for people. */
export const ops: { op: Filter['op']; words: string }[] = [
  { op: '=', words: 'is' },
  { op: '!=', words: 'is not' },
  { op: 'contains', words: 'contains' },
  { op: '!contains', words: 'does not contain' },
  { op: '<', words: 'is less than' },
  { op: '<=', words: 'is at most' },
  { op: '>', words: 'is more than' },
  { op: '>=', words: 'is at least' },
  { op: 'exists', words: 'has a value' },
  { op: '!exists', words: 'has no value' },
]

const opposites: Record<Filter['op'], Filter['op']> = {
  '=': '!=', '!=': '=', contains: '!contains', '!contains': 'contains', '<': '>=', '>=': '<', '>': '<=', '<=': '>', exists: '!exists', '!exists': 'exists',
}

/** negated says the opposite. */
export const negated = (f: Filter): Filter => ({ ...f, op: opposites[f.op] })

const needsValue = (op: Filter['op']): boolean => op !== 'exists' && op !== '!exists'

/**
 * write puts filters into the address as people read them:
 * level = "ERROR" AND body.status >= 500.
 */
export function write(filters: Filter[]): string {
  return filters.map((f) => `${f.path} ${f.op}${needsValue(f.op) ? ' ' + JSON.stringify(f.value ?? null) : ''}`).join(' AND ')
}

/** read is the opposite of write; what cannot be read is left out and told. */
export function read(text: string): { filters: Filter[]; wrong: string } {
  const filters: Filter[] = []
  let rest = text.trim()
  while (rest) {
    const m = /^((?:"(?:[^"]|"")*"|[^\s"])+)\s+(!?contains|!?exists|[<>!]=|[=<>])\s*/.exec(rest)
    if (!m) return { filters, wrong: rest }
    const f: Filter = { path: m[1]!, op: m[2] as Filter['op'] }
    rest = rest.slice(m[0].length)
    if (needsValue(f.op)) {
      const end = valueEnd(rest)
      try {
        f.value = JSON.parse(rest.slice(0, end))
      } catch {
        return { filters, wrong: `${f.path} ${f.op} ${rest}` }
      }
      rest = rest.slice(end).trim()
    }
    filters.push(f)
    if (!rest) break
    const and = /^AND\s+/.exec(rest)
    if (!and) return { filters, wrong: rest }
    rest = rest.slice(and[0].length)
  }
  return { filters, wrong: '' }
}

// A JSON value ends at the first space outside of texts and lists.
function valueEnd(s: string): number {
  let depth = 0
  let quoted = false
  for (let i = 0; i < s.length; i++) {
    const c = s[i]
    if (quoted) {
      if (c === '\\') i++
      else if (c === '"') quoted = false
    } else if (c === '"') quoted = true
    else if (c === '[') depth++
    else if (c === ']') depth--
    else if (c === ' ' && depth === 0) return i
  }
  return s.length
}

export const values = (f: Filter): unknown[] => (Array.isArray(f.value) ? f.value : [f.value ?? null])

const same = (a: unknown, b: unknown): boolean => String(a) === String(b) && (a === null) === (b === null)

/**
 * toggle takes one value of a path in (or, with not, out): another value of
 * the same path is added to those there are, and one that is there is removed.
 */
export function toggle(filters: Filter[], path: string, value: unknown, not: boolean): Filter[] {
  const op = not ? '!=' : '='
  const other = not ? '=' : '!='
  const out: Filter[] = []
  let done = false
  for (const f of filters) {
    if (f.path !== path || (f.op !== op && f.op !== other)) out.push(f)
    else if (f.op === other) {
      // A value cannot be wanted and unwanted.
      const left = values(f).filter((v) => !same(v, value))
      if (left.length) out.push(withValues(f, left))
    } else if (done) out.push(f)
    else {
      done = true
      const had = values(f)
      const left = had.filter((v) => !same(v, value))
      if (left.length === had.length) left.push(value)
      if (left.length) out.push(withValues(f, left))
    }
  }
  return done ? out : [...out, { path, op, value }]
}

const withValues = (f: Filter, list: unknown[]): Filter => ({ ...f, value: list.length === 1 ? list[0] : list })

/** state says whether a value is wanted, unwanted or neither. */
export function state(filters: Filter[], path: string, value: unknown): 'in' | 'out' | '' {
  for (const f of filters) {
    if (f.path !== path || (f.op !== '=' && f.op !== '!=')) continue
    if (values(f).some((v) => same(v, value))) return f.op === '=' ? 'in' : 'out'
  }
  return ''
}

/** valueText writes a filter's value for an input, a line for each of several. */
export const valueText = (f: Filter): string => (f.value === undefined ? '' : values(f).map((v) => (v === null ? '' : String(v))).join('\n'))

/** typed reads what was written into an input; several lines mean any of them. */
export function typed(text: string, type: string, op: Filter['op']): unknown {
  const lines = op === '=' || op === '!=' ? text.split('\n').filter((l, i, all) => l !== '' || all.length === 1) : [text]
  const list = lines.map((l) => {
    const number = /^(bigint|double)$/.test(type) && l.trim() !== '' ? Number(l) : NaN
    // Whole numbers that a number here would round stay text; the server reads them.
    if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return number
    if (type === 'bool' && /^(true|false)$/.test(l.trim())) return l.trim() === 'true'
    return l === '' && type !== 'varchar' ? null : l
  })
  return list.length === 1 ? list[0] : list
}

/** splitPaths reads a list of paths, in which names may be quoted. */
export function splitPaths(text: string): string[] {
  return (text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? []).map((s) => s.trim()).filter(Boolean)
}
export const joinPaths = (paths: string[]): string => paths.join(',')

/** words says a filter in words: level is ERROR or WARN. */
export function words(f: Filter): string {
  const how = ops.find((o) => o.op === f.op)?.words ?? f.op
  if (!needsValue(f.op)) return `${f.path} ${how}`
  const list = values(f).map((v) => (v === null ? 'empty' : v === '' ? '""' : String(v)))
  const shown = list.length > 4 ? [...list.slice(0, 3), `${list.length - 3} others`] : list
  return `${f.path} ${how} ${shown.join(' or ')}`
}
