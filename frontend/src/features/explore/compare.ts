/** Pair is one field of two records; undefined where a record has no such field. */
export interface Pair {
  path: string
  a: unknown
  b: unknown
  same: boolean
}

interface Value {
  name: string
  type?: string
  value: unknown
}

const quoted = (key: string): string => (/^[A-Za-z_]\w*$/.test(key) ? key : '"' + key.replaceAll('"', '""') + '"')

function leaves(path: string, v: unknown, out: Map<string, unknown>): void {
  if (v === null || v === undefined) return
  const inner = typeof v === 'object' && !Array.isArray(v) ? Object.entries(v) : []
  if (!inner.length) out.set(path, v)
  for (const [key, x] of inner) leaves(`${path}.${quoted(key)}`, x, out)
}

/** flat lists the values of a record by their paths; what is null is left out, and lists are one value. */
export function flat(columns: Value[]): Map<string, unknown> {
  const out = new Map<string, unknown>()
  for (const c of columns) leaves(quoted(c.name), c.value, out)
  return out
}

/** times are the fields of a record that are instants, and shown as such. */
export const times = (columns: Value[]): Set<string> => new Set(columns.filter((c) => c.type?.startsWith('TIMESTAMP')).map((c) => quoted(c.name)))

/** pairs puts two records side by side: the fields of the first in its order, then those of the second alone. */
export function pairs(a: Value[], b: Value[]): Pair[] {
  const [left, right] = [flat(a), flat(b)]
  return [...new Set([...left.keys(), ...right.keys()])].map((path) => {
    const [x, y] = [left.get(path), right.get(path)]
    return { path, a: x, b: y, same: JSON.stringify(x) === JSON.stringify(y) }
  })
}
