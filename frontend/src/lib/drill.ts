import type { Catalog, Filter } from '../api/types'
import { write } from '../features/explore/filters'

/** pathOf finds the column that a rule's key names: rules leave body away. */
function pathOf(name: string, columns: string[] | undefined): string | null {
  if (!columns) return name
  return [name, 'body.' + name].find((p) => columns.includes(p)) ?? null
}

/** recordsAddress is where the records of a group in a time are explored; where are filters that hold for all of them. */
export function recordsAddress(catalog: Catalog | null, dataset: string, key: Record<string, unknown>, from: string | number, to: string | number, where: Filter[] = []): string {
  const columns = catalog?.tables.find((t) => t.name === dataset)?.columns.map((c) => c.path)
  const filters = Object.entries(key).flatMap(([name, value]): Filter[] => {
    const path = pathOf(name, columns)
    if (path === null) return []
    return [value === null ? { path, op: '!exists' } : { path, op: '=', value }]
  })
  // What the group says already is not said twice.
  filters.push(...where.filter((w) => !(w.op !== '!=' && filters.some((f) => f.path === w.path && f.op === '='))))
  const query = new URLSearchParams({ dataset, t: `${new Date(from).toISOString()}/${new Date(to).toISOString()}` })
  if (filters.length) query.set('f', write(filters))
  return '/explore?' + query
}
