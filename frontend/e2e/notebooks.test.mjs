// Notebooks by mouse and by keyboard alone.
import assert from 'node:assert/strict'

import { eventually } from './harness.mjs'

export default async function ({ page, axe, api, go }) {
  const saved = () => page.getByRole('status').filter({ hasText: /^Saved$/ }).waitFor()
  const file = async (name) => (await api('GET', '/files?path=notebooks/' + name)).text

  // By mouse: a new notebook.
  await go('/notebooks')
  await page.getByRole('heading', { name: 'Notebooks' }).waitFor()
  await axe('notebooks: list')
  await page.getByRole('button', { name: 'New notebook' }).click()
  await page.getByLabel('Title').fill('Zürich: what failed')
  await axe('notebooks: new')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.waitForURL(/\/notebooks\/zurich-what-failed\.md/)
  await page.getByRole('button', { name: 'Run all' }).waitFor()
  await page.getByRole('button', { name: 'Run SQL cell first_look' }).click()
  await page.getByRole('grid', { name: 'Result of first_look' }).waitFor()
  await page.getByText('100 rows').waitFor()
  await axe('notebooks: a result')

  // Typing is saved, and nothing else in the file changes.
  const before = await file('zurich-what-failed.md')
  const sql = page.getByRole('textbox', { name: 'SQL cell first_look' })
  await sql.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.type('select 7 as a, $from as since')
  await page.getByText('not current').first().waitFor()
  await axe('notebooks: not current')
  await saved()
  await eventually(() => file('zurich-what-failed.md'), before.replace(/(```sql first_look\n)[\s\S]*?(\n```)/, '$1select 7 as a, $from as since$2'))

  // Columns are offered after the name that a table is given.
  await page.keyboard.press('Control+a')
  await page.keyboard.type('select a.serv from app_logs a')
  for (let i = 0; i < ' from app_logs a'.length; i++) await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Control+Space')
  await page.getByRole('option', { name: /^a\.service/ }).click()
  await eventually(() => sql.innerText(), /select a\.service from app_logs a/)

  // A failure is told at its place.
  await page.keyboard.press('Control+a')
  await page.keyboard.type('select\n  nonsense')
  await page.keyboard.press('Control+Enter')
  await page.locator('.failure').filter({ hasText: /nonsense/ }).waitFor()
  await page.locator('.cm-lintRange-error').waitFor()
  await axe('notebooks: a failure')

  // Another editor writes the file: taken silently, results stay.
  await page.keyboard.press('Control+a')
  await page.keyboard.type('select 8 as a')
  await page.keyboard.press('Control+Enter')
  await page.getByText('1 row', { exact: true }).waitFor()
  await saved()
  let disk = await api('GET', '/files?path=notebooks/zurich-what-failed.md')
  await api('PUT', '/files', { ...disk, text: disk.text.replace('What this notebook is about.', 'Written elsewhere.') })
  await page.getByText('Written elsewhere.').waitFor()
  await eventually(() => page.getByText('1 row', { exact: true }).count(), 1)

  // And while something is being typed: both are kept until one is chosen.
  await sql.click()
  await page.keyboard.press('End')
  disk = await api('GET', '/files?path=notebooks/zurich-what-failed.md')
  await page.keyboard.type(', 9 as mine')
  await api('PUT', '/files', { ...disk, text: disk.text.replace('Written elsewhere.', 'Once more.') })
  await page.getByText('Changed on disk.').waitFor()
  await page.getByRole('button', { name: 'Show differences' }).click()
  await page.locator('.diff .mine').first().waitFor()
  await axe('notebooks: differences')
  await page.locator('dialog').getByRole('button', { name: 'Keep mine' }).click()
  await saved()
  await eventually(() => file('zurich-what-failed.md'), /9 as mine/)
  assert.match(await file('zurich-what-failed.md'), /Written elsewhere/)

  // By keyboard alone: cells.
  await page.keyboard.press('Escape')
  await page.locator('.cell').last().focus()
  await page.keyboard.press('b')
  await page.getByRole('group', { name: 'SQL cell cell_1' }).waitFor()
  await page.keyboard.press('Enter')
  await page.locator('.cm-focused').waitFor()
  await page.keyboard.type('select a + 1 as b from first_look')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Shift+Enter')
  await page.getByRole('grid', { name: 'Result of cell_1' }).waitFor()
  // Below the last one there is a new one; it is deleted, brought back, deleted.
  await page.getByRole('group', { name: 'SQL cell cell_2' }).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('d')
  await page.keyboard.press('d')
  await page.getByRole('group', { name: 'SQL cell cell_2' }).waitFor({ state: 'detached' })
  await page.keyboard.press('Control+z')
  await page.getByRole('group', { name: 'SQL cell cell_2' }).waitFor()
  await page.keyboard.press('Control+Shift+z')
  await page.getByRole('group', { name: 'SQL cell cell_2' }).waitFor({ state: 'detached' })
  // The cell goes up, above what it reads, and down again.
  await page.keyboard.press('Alt+ArrowUp')
  await page.keyboard.press('Alt+ArrowDown')
  // A change above makes it old.
  await page.keyboard.press('k')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Control+End')
  await page.keyboard.type(' -- changed')
  await page.keyboard.press('Escape')
  await page.keyboard.press('j')
  await page.getByRole('group', { name: 'SQL cell cell_1' }).getByText('not current').waitFor()
  await page.keyboard.press('Control+Shift+Enter')
  await page.getByText('not current').first().waitFor({ state: 'detached' })
  await page.keyboard.press('?')
  await page.getByRole('heading', { name: 'Notebook', exact: true }).waitFor()
  await page.keyboard.press('Escape')
  await saved()

  // Text with a fence in it becomes a cell when it is left, not before.
  await page.locator('.cell').first().focus()
  await page.keyboard.press('Enter')
  await page.locator('.cell.markdown .cm-focused').waitFor()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('\n\n```check\nselect 1 where false')
  await page.getByText('This text has a fence').waitFor()
  assert.doesNotMatch(await file('zurich-what-failed.md'), /```check/)
  await page.keyboard.type('\n```')
  await page.keyboard.press('Escape')
  await page.getByRole('group', { name: /^Check cell/ }).waitFor()
  await page.getByRole('button', { name: /^Run Check cell/ }).click()
  await page.getByText('passed').waitFor()
  await saved()

  // The samples: everything runs, charts and rules are drawn.
  await go('/notebooks/incident.md')
  await page.getByRole('button', { name: 'Run all' }).click()
  await page.getByRole('button', { name: /^Stop/ }).first().waitFor({ state: 'detached', timeout: 120_000 })
  assert.equal(await page.getByText('Stopped').count(), 0)
  await page.locator('.cell.rule').last().scrollIntoViewIfNeeded()
  await page.locator('.cell.rule').getByText(/alarm/).first().waitFor()
  await axe('notebooks: the sample')

  // A value changes: what uses it is not current any more, and runs again when asked.
  await page.getByLabel('service').first().selectOption('payments')
  await page.waitForURL(/p\.service=payments/)
  await page.getByText(/^\d+ not current$/).waitFor()
  await page.getByRole('button', { name: 'Run them' }).click()
  await page.getByText(/^\d+ not current$/).waitFor({ state: 'detached', timeout: 60_000 })

  // A chart of a result, by its form.
  await go('/notebooks/zurich-what-failed.md')
  await page.getByRole('button', { name: 'Add Chart' }).last().click()
  await page.getByLabel('Type').selectOption('big_number')
  await page.getByRole('button', { name: /^Columns drawn/ }).click()
  await axe('notebooks: a chart')
  await page.keyboard.press('Escape')
  await saved()
  await eventually(() => file('zurich-what-failed.md'), /```chart\ndata: \w+\ntype: big_number/)

  // Links to files of the workspace lead there; one that leads nowhere says so, and so does the place.
  const linked = '# Links\n\n[rule](../rules/checkout_error_rate.yaml) [board](dashboards/checkout.yaml) [gone](gone.md)\n'
  await api('PUT', '/files', { path: 'notebooks/links.md', text: linked, version: '' })
  await go('/notebooks/links.md')
  await page.getByRole('link', { name: 'gone', exact: true }).and(page.locator('.dead')).waitFor()
  assert.equal(await page.locator('a.dead').count(), 1)
  await axe('notebooks: a dead link')
  await page.getByRole('link', { name: 'board', exact: true }).click()
  await page.waitForURL(/\/dashboards\/checkout\.yaml/)
  await page.locator('.slot').first().waitFor()
  await page.goBack()
  await page.getByRole('link', { name: 'rule', exact: true }).click()
  await page.getByRole('slider', { name: /^Threshold/ }).waitFor()
  await page.goBack()
  await page.getByRole('link', { name: 'gone', exact: true }).click()
  await page.getByText('There is no notebooks/gone.md').waitFor()
  await axe('notebooks: gone')

  // Away with it, and back.
  await go('/notebooks')
  await page.getByRole('button', { name: 'Zürich: what failed: more' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByText('is in the trash').waitFor()
  await page.getByRole('link', { name: /Zürich/ }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Undo' }).last().click()
  await page.getByRole('link', { name: /Zürich/ }).waitFor()
  const { version } = await api('GET', '/files?path=notebooks/zurich-what-failed.md')
  await api('DELETE', `/files?path=notebooks/zurich-what-failed.md&version=${encodeURIComponent(version)}`)
}
