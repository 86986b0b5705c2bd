import { request } from '../../api/client'

/** save hands a file to the browser. */
export function save(blob: Blob, name: string): void {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(blob)
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 30_000)
}

export const resultFormats = { csv: 'csv', json: 'json', parquet: 'parquet', markdown: 'md' } as const

/** saveResult downloads the whole result of a query. */
export async function saveResult(id: string, format: keyof typeof resultFormats, name: string): Promise<void> {
  const response = await request('GET', `/queries/${id}/export`, { query: { format }, accept: '*/*' })
  save(await response.blob(), `${name || 'result'}.${resultFormats[format]}`)
}
