import { problemOf } from '../../api/client'
import { deleteQuery, runCell, runModels, writeFile } from '../../api/operations'
import { router } from '../../lib/router.svelte'
import { toast } from '../../lib/toast.svelte'
import { plural } from '../../lib/format'

/** datasetName makes of a cell's name one that no cell has. */
export const datasetName = (cell: string): string => `${cell.replace(/\W+/g, '_').toLowerCase() || 'cell'}_data`

/** modelText is the file of a dataset that keeps the rows of a query. */
export const modelText = (sql: string, notebook: string): string => `-- ---\n-- refresh: on_change\n-- ---\n-- From ${notebook}.\n${sql.trim().replace(/;$/, '')}\n`

/**
 * keep makes a dataset of a cell: its query, with the cells that it reads in
 * it, becomes a file in models/, and is run.
 */
export async function keep(cell: { name: string; index: number }, body: Parameters<typeof runCell>[0]['body']): Promise<void> {
  const name = datasetName(cell.name)
  try {
    const { sql, query } = await runCell({ body: { ...body, cell: cell.index, limit: 1 } })
    if (query) deleteQuery({ id: query.id }).catch(() => {})
    const param = /\$[a-z_]\w*/i.exec(sql)
    if (param) return toast(`A dataset has no parameters: write a value in place of ${param[0]}`, 'alarm')
    await writeFile({ body: { path: `models/${name}.sql`, text: modelText(sql, body.file), version: '' } })
    const [ran] = await runModels({ body: { names: [name] } })
    toast(`${name} has ${plural(ran!.rows, 'row')}, and follows its data`, 'ok', () => router.go('/sources'), 'Show')
  } catch (e) {
    const p = problemOf(e)
    toast(p.hint ? `${p.message}: ${p.hint}` : p.message, 'alarm')
  }
}
