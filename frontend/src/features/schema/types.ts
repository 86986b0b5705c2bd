import type { PathType, SchemaChange } from '../../api/types'

/** kinds are the types that a person may give a path. */
export const kinds = ['varchar', 'bigint', 'hugeint', 'double', 'bool', 'timestamp', 'date', 'uuid', 'json', 'list(varchar)', 'list(bigint)', 'list(double)', 'map(varchar)']

/** parts cuts a path at its dots, which may stand in quotes. */
export function parts(path: string): string[] {
  return (path.match(/(?:"(?:[^"]|"")*"|[^."])+/g) ?? [path]).map((p) => (p.startsWith('"') && p.endsWith('"') ? p.slice(1, -1).replaceAll('""', '"') : p))
}

/** join writes the parts of a path; names that need it stand in quotes. */
export const join = (list: string[]): string => list.map((n) => (/^[A-Za-z_]\w*$/.test(n) ? n : '"' + n.replaceAll('"', '""') + '"')).join('.')

/** brief names a type without what is in it. */
export function brief(type: string): string {
  if (type.length <= 40) return type
  const kind = /^\w+/.exec(type)?.[0] ?? type
  return kind === 'struct' ? `struct of ${fields(type)} fields` : kind + '(…)'
}

// Fields at the first level of a struct.
function fields(type: string): number {
  let depth = 0
  let quoted = false
  let n = 1
  for (const c of type) {
    if (c === '"') quoted = !quoted
    else if (quoted) continue
    else if (c === '(') depth++
    else if (c === ')') depth--
    else if (c === ',' && depth === 1) n++
  }
  return n
}

/** said writes a change for people. */
export function said(c: SchemaChange): string {
  if (c.op === 'add') return 'added'
  if (c.from === 'unknown') return 'resolved'
  const widths = ['bigint', 'hugeint', 'decimal', 'double', 'varchar', 'json']
  const [a, b] = [c.from, c.to].map((t) => widths.findIndex((w) => t.startsWith(w)))
  return a! >= 0 && b! > a! ? 'widened' : 'changed'
}

export interface Row extends PathType {
  depth: number
  name: string
}

/** tree lists types with their depth; of a search, what is found and what it is in. */
export function tree(types: PathType[], search = ''): Row[] {
  const wanted = search.trim().toLowerCase()
  const rows: Row[] = []
  const there = new Set(types.map((t) => t.path))
  for (const t of types) {
    const p = parts(t.path)
    // The structs that a path is in get a row of their own before it.
    for (let i = 1; i < p.length; i++) {
      const above = join(p.slice(0, i))
      if (!there.has(above)) {
        there.add(above)
        rows.push({ path: above, type: 'struct', depth: i - 1, name: p[i - 1]! })
      }
    }
    rows.push({ path: t.path, type: t.type, depth: p.length - 1, name: p.at(-1)! })
  }
  if (!wanted) return rows
  const keep = new Set<string>()
  const above: Row[] = []
  for (const r of rows) {
    above.length = r.depth
    above[r.depth] = r
    if (r.path.toLowerCase().includes(wanted) || (r.type.length < 60 && r.type.includes(wanted))) for (const a of above) if (a) keep.add(a.path)
  }
  return rows.filter((r) => keep.has(r.path))
}

/** promotable lists paths below an object, from the members that a conflict of all of them has as examples. */
export function promotable(path: string, examples: string[]): string[] {
  const above = path === '*' ? '' : path.slice(0, -1)
  const names = examples.map((x) => /^"((?:[^"\\]|\\.)*)"/.exec(x)?.[0]).filter((x) => x !== undefined)
  const out = names.map((quoted) => {
    const name = JSON.parse(quoted) as string
    return above + (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : '"' + name.replaceAll('"', '""') + '"')
  })
  return [...new Set(out)]
}
