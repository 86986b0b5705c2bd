import { request } from '../api/client'
import { createQuery, deleteQuery, getQuery } from '../api/operations'
import type { QueryState } from '../api/types'

/** save hands a file to the browser. */
export function save(blob: Blob, name: string): void {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(blob)
  a.download = name
  document.body.append(a)
  a.click()
  a.remove()
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000)
}

export type ExportFormat = 'csv' | 'json' | 'parquet' | 'arrow' | 'markdown'
const endings: Record<ExportFormat, string> = { csv: 'csv', json: 'json', parquet: 'parquet', arrow: 'arrow', markdown: 'md' }

/** exportResult saves the whole result of a query that the server still keeps. */
export async function exportResult(id: string, format: ExportFormat, name: string): Promise<void> {
  const response = await request('GET', `/queries/${encodeURIComponent(id)}/export`, { query: { format }, accept: '*/*' })
  save(await response.blob(), `${name.replace(/[^\w.-]+/g, '-')}.${endings[format]}`)
}

/** exportQuery runs a query and saves all its rows; it gives the query's state at the end. */
export async function exportQuery(sql: string, params: Record<string, unknown>, format: ExportFormat, name: string): Promise<QueryState> {
  let state = await createQuery({ body: { sql, params } })
  try {
    while (state.state === 'running') state = await getQuery({ id: state.id, wait: 5 })
    if (!state.error) await exportResult(state.id, format, name)
    return state
  } finally {
    void deleteQuery({ id: state.id }).catch(() => {})
  }
}
