import type { Column } from '../../api/types'
import type { Kind } from './text'
import { setKey } from './yaml'

/** blank is the text that a new cell begins with; above is the query that a chart can draw, and the columns it gave. */
export function blank(kind: Kind, above: { name: string; columns: Column[] } | null): string {
  switch (kind) {
    case 'sql':
    case 'check':
      return ''
    case 'markdown':
      return 'Text'
    case 'chart':
      return above ? chartFor(above.name, above.columns) : 'data: \ntype: line'
    case 'rule':
      return ruleText
  }
}

function chartFor(data: string, columns: Column[]): string {
  const isNumber = (t: string) => /INT|DOUBLE|FLOAT|DECIMAL/.test(t)
  const x = columns.find((c) => /^(TIMESTAMP|DATE)/.test(c.type)) ?? columns.find((c) => !isNumber(c.type)) ?? columns[0]
  const y = columns.find((c) => c !== x && isNumber(c.type))
  const series = columns.find((c) => c !== x && c.type === 'VARCHAR')
  const type = x && /^(TIMESTAMP|DATE)/.test(x.type) ? 'line' : x ? 'bar' : 'line'
  let out = `data: ${data}\ntype: ${type}`
  if (x) out = setKey(out, 'x', x.name)
  if (y) out = setKey(out, 'y', y.name)
  if (series) out = setKey(out, 'series', series.name)
  return out
}

const ruleText = `rule: new_rule
dataset: app_logs
window: {tumbling: 1m}
measures:
  errors: count(upper(level) == "ERROR")
when: errors > 10
alarm: {datapoints: 3, of: 5, missing: not_breaching}`
