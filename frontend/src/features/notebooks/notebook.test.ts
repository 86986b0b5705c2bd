import { beforeEach, describe, expect, it, vi } from 'vitest'

import { Notebook } from './notebook.svelte'

vi.mock('../../api/operations', async (original) => ({
  ...(await original<object>()),
  parseNotebook: async () => ({ title: '', time: '', params: [], cells: [], problems: [] }),
}))

const src = '---\ntitle: T\n---\n\nWords.\n\n```sql one\nselect 1\n```\n\n```sql two\nselect * from one\n```\n\n```chart\ndata: two\ntype: bar\n```\n'
let nb: Notebook
let text = src
beforeEach(async () => {
  sessionStorage.clear()
  text = src
  nb = new Notebook('notebooks/t.md', {
    read: async () => ({ path: '', text, version: text }),
    write: async (t) => ((text = t), { version: t }),
    keep() {},
    kept: () => null,
  })
  await nb.open()
})
const at = (i: number) => nb.cells[i]!.id

describe('cells', () => {
  it('keep what they are through changes, undo and redo', () => {
    const ids = nb.cells.map((c) => c.id)
    nb.move(at(1), 1)
    expect(nb.cells.map((c) => c.id)).toEqual([ids[0], ids[2], ids[1], ids[3]])
    nb.undo()
    expect(nb.disk.text).toBe(src)
    expect(nb.cells.map((c) => c.id)).toEqual(ids)
    nb.redo()
    nb.undo()
    nb.remove(at(1))
    expect(nb.cells.length).toBe(3)
    nb.undo()
    expect(nb.disk.text).toBe(src)
    nb.duplicate(at(1))
    expect(nb.cells.map((c) => c.name)).toEqual(['', 'one', 'one_2', 'two', ''])
  })
  it('are renamed together with their charts', () => {
    expect(nb.rename(at(2), 'one')).toMatch(/another/i)
    expect(nb.rename(at(2), '2x')).toMatch(/letters/)
    expect(nb.rename(at(2), 'new')).toBe('')
    expect(nb.disk.text).toBe(src.replace('sql two', 'sql new').replace('data: two', 'data: new'))
  })
  it('join keystrokes of one cell into one step', () => {
    for (const t of ['select 1,', 'select 1, 2', 'select 1, 2, 3']) nb.edit(at(1), t)
    nb.undo()
    expect(nb.disk.text).toBe(src)
  })
})

describe('text with fences', () => {
  it('waits until it is left and closed', () => {
    const id = at(0)
    nb.edit(id, 'Words.\n\n```check\nselect 1')
    expect(nb.disk.text).toBe(src)
    expect(nb.settle(id)).toBe(false)
    expect(sessionStorage.getItem('tidemark.held.notebooks/t.md')).toContain('```check')
    nb.edit(id, 'Words.\n\n```check\nselect 1\n```\n\nMore.')
    expect(nb.cells.length).toBe(4)
    expect(nb.settle(id)).toBe(true)
    expect(nb.cells.map((c) => c.kind)).toEqual(['markdown', 'check', 'markdown', 'sql', 'sql', 'chart'])
    expect(nb.disk.text).toBe(src.replace('Words.', 'Words.\n\n```check\nselect 1\n```\n\nMore.'))
    expect(sessionStorage.getItem('tidemark.held.notebooks/t.md')).toBeNull()
  })
  it('is taken up again when the page is loaded anew', async () => {
    nb.edit(at(0), 'Words. ```\n```python')
    const again = new Notebook('notebooks/t.md', { read: async () => ({ path: '', text, version: text }), write: async () => ({ version: '' }), keep() {}, kept: () => null })
    await again.open()
    expect(again.drafts[again.cells[0]!.id]).toBe('Words. ```\n```python')
  })
  it('takes the cell away when nothing is left of it', () => {
    const id = at(0)
    nb.edit(id, '')
    expect(nb.cells.length).toBe(4)
    expect(nb.settle(id)).toBe(true)
    expect(nb.cells.length).toBe(3)
  })
})

it('keeps the runs of cells that another editor left alone', async () => {
  const run = nb.run(at(1))
  text = src.replace('Words.', 'Other words.\n\nAnd more.')
  await nb.disk.changed()
  expect(nb.cells[0]!.text).toBe('Other words.\n\nAnd more.')
  expect(nb.run(at(1))).toBe(run)
})
