import { expect, it } from 'vitest'

import { readChart, setKey } from './yaml'

it('reads charts', () => {
  expect(readChart('data: a\ntype: bar\nx: time\ny: [n, "odd, name", \'it\'\'s\']\nseries: s # why\n')).toMatchObject({ data: 'a', type: 'bar', x: 'time', y: ['n', 'odd, name', "it's"], series: 's' })
  expect(readChart('y:\n  - a\n  - b\ndata: c')).toMatchObject({ data: 'c', type: 'line', y: ['a', 'b'] })
  expect(readChart('')).toMatchObject({ data: '', y: [] })
  expect(readChart('data: [')).toBeTruthy()
})

it('changes one key and keeps the rest', () => {
  const text = '# what it shows\ndata: a\ny:\n  - n\n  - m\ntype: line # for now\n\n'
  expect(setKey(text, 'type', 'bar')).toBe('# what it shows\ndata: a\ny:\n  - n\n  - m\ntype: bar # for now\n\n')
  expect(setKey(text, 'y', ['k'])).toBe('# what it shows\ndata: a\ny: k\ntype: line # for now\n\n')
  expect(setKey(text, 'y', ['k', 'odd: name'])).toContain('y: [k, "odd: name"]')
  expect(setKey(text, 'x', 'time')).toBe('# what it shows\ndata: a\ny:\n  - n\n  - m\ntype: line # for now\nx: time\n\n')
  expect(setKey(text, 'type', '')).toBe('# what it shows\ndata: a\ny:\n  - n\n  - m\n\n')
  for (const v of ['true', 'a: b', '- x', '#5', '"q"', 'ä', '1', 'no'])
    expect(readChart(setKey('data: a', 'x', v)).x).toBe(v)
})
