import { expect, it } from 'vitest'

import { datasetName, modelText } from './keep'

it('names a dataset after its cell, as SQL can have it', () => {
  expect(datasetName('Errors')).toBe('errors_data')
  expect(datasetName('by hour!')).toBe('by_hour__data')
  expect(datasetName('')).toBe('cell_data')
})

it('writes a file that says when it is refreshed', () => {
  expect(modelText('SELECT 1;\n', 'notebooks/a.md')).toBe('-- ---\n-- refresh: on_change\n-- ---\n-- From notebooks/a.md.\nSELECT 1\n')
})
