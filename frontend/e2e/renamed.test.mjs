// A notebook that notices: a cell's new name is offered to those that read it,
// and new records make old what was counted before.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { eventually } from './harness.mjs'

const line = (i) => JSON.stringify({ ts: new Date(Date.UTC(2026, 0, 9, 12, 0, i)).toISOString(), level: 'INFO', message: 'order ' + i }) + '\n'
const text = `# Orders

\`\`\`sql errors
select count(*) as errors from orders
\`\`\`

\`\`\`sql more
select errors.errors + 1 as more from errors
\`\`\`

\`\`\`sql other
select 1 as a
\`\`\`
`
let data = ''

export const options = {
  async workspace(s) {
    const dir = join(s.dir, 'renamed')
    data = join(dir, 'data')
    for (const d of ['data', 'notebooks']) await mkdir(join(dir, d), { recursive: true })
    await writeFile(join(dir, 'tidemark.yaml'), 'name: renamed\nsources:\n  orders: {type: file, path: "data/*.ndjson", dataset: orders}\ndatasets:\n  orders: {event_time: ts}\n')
    await writeFile(join(data, 'a.ndjson'), [1, 2, 3].map(line).join(''))
    await writeFile(join(dir, 'notebooks', 'orders.md'), text)
    return dir
  },
}

export default async function ({ page, axe, api, go }) {
  await page.getByRole('button', { name: 'Trust it' }).last().click()
  await page.getByText('This workspace is trusted now').waitFor()
  const cell = (name) => page.getByRole('group', { name: 'SQL cell ' + name })
  const pulled = async (n) => {
    await api('POST', '/pulls', {})
    await page.waitForFunction(async (n) => {
      const r = await fetch('/api/v1/pulls', { headers: { Authorization: 'Bearer ' + sessionStorage.getItem('tidemark.token') } })
      const all = await r.json()
      return all.length === n && all.every((p) => p.state === 'done')
    }, n)
  }
  await pulled(1)
  await go('/notebooks/orders.md')
  const old = page.getByText('not current')
  // The page may hear of the pull's records only when it has counted; then they are counted once more.
  const run = () =>
    eventually(async () => {
      await page.getByRole('button', { name: 'Run all' }).click()
      for (const name of ['errors', 'more', 'other']) await cell(name).getByText('1 row', { exact: true }).waitFor()
      await page.waitForFunction(() => !document.querySelector('.out[aria-busy=true]'))
      return old.count()
    }, 0)
  await run()

  // New records: what counted them is old, what did not is not.
  await writeFile(join(data, 'b.ndjson'), [4, 5].map(line).join(''))
  await pulled(2)
  for (const name of ['errors', 'more']) await cell(name).getByText('not current').waitFor()
  assert.equal(await cell('other').getByText('not current').count(), 0)
  await axe('notebooks: data that grew')
  await run()

  // Another name: the cell below is offered it, and only its table changes.
  await cell('errors').getByLabel('Name of the cell').fill('counted')
  await page.keyboard.press('Enter')
  await page.getByText('1 cell below still reads errors.').waitFor()
  await axe('notebooks: a new name')
  await page.getByRole('button', { name: 'Read counted instead' }).click()
  await page.getByRole('status').filter({ hasText: /^Saved$/ }).waitFor()
  const file = await eventually(async () => (await api('GET', '/files?path=notebooks/orders.md')).text, /more from counted\n/)
  assert.match(file, /```sql counted\nselect count\(\*\) as errors from orders\n/)
  assert.match(file, /select counted\.errors \+ 1 as more from counted\n/)
  await cell('more').focus()
  await page.keyboard.press('Control+Enter')
  await cell('more').getByText('1 row', { exact: true }).waitFor()
}
