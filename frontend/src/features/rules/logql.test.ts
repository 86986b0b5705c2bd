import { parser } from '@grafana/lezer-logql'
import { expect, it } from 'vitest'
import { parse } from 'yaml'

// What is exported for Loki goes through the grammar of Loki's own editor. The
// artefacts are the golden files of the exporter.
const golden = import.meta.glob<string>('../../../../engine/export/testdata/{loki,grafana}*.golden', {
  query: '?raw',
  import: 'default',
  eager: true,
})

// queries lists the expressions of an artefact, with those that its templates
// ask while an alert is told.
function queries(x: unknown, key = ''): string[] {
  if (typeof x === 'string') {
    if (key === 'expr') return [x]
    return [...x.matchAll(/printf `([^`]*)`/g)].map((m) => (m[1] ?? '').replaceAll('%q', '"x"').replaceAll('%%', '%'))
  }
  if (Array.isArray(x)) return x.flatMap((y) => queries(y, key))
  return x && typeof x === 'object' ? Object.entries(x).flatMap(([k, v]) => queries(v, k)) : []
}

// The editor's grammar lacks a form that Loki has: an offset after an unwrapped
// range of a parsed line.
const withoutOffset = (expr: string) => expr.replaceAll(/(\| unwrap \w+ \| __error__="" \[\w+\]) offset \w+/g, '$1')

function faults(query: string): string[] {
  const out: string[] = []
  const expr = withoutOffset(query)
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) out.push(`${expr.slice(0, node.from)}▸${expr.slice(node.from, node.from + 40)}`)
    },
  })
  return out
}

const artefacts = Object.entries(golden)
  .map(([path, text]) => ({ file: path.split('/').pop() ?? path, text: text.split('\n---- PARITY.md')[0] ?? '' }))
  .filter(({ text }) => !text.startsWith('refused:'))

it('finds the artefacts', () => expect(artefacts.length).toBeGreaterThan(3))

it.each(artefacts)('$file is LogQL', ({ text }) => {
  const all = queries(parse(text))
  expect(all.length).toBeGreaterThan(0)
  for (const q of all) expect(faults(q)).toEqual([])
})

it('knows what is no LogQL', () => {
  expect(faults('sum(count_over_time({a="b"} [1m])) >= 3')).toEqual([])
  expect(faults('sum_over_time((count_over_time({a="b"} [1m]) > 1)[5m:1m])')).not.toEqual([])
})
