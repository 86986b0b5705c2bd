// SQL that would never end is ended: by the button, by keys, and by leaving.
// The program says what it did, and is free for the next query.
import assert from 'node:assert/strict'

const endless = 'select count(*) from range(1000000000) a, range(1000000) b'
const billion = 'select * from range(1000000000)'
const text = `# Endless

\`\`\`sql never
${endless}
\`\`\`

\`\`\`sql many
${billion}
\`\`\`

\`\`\`sql one
select 1 as a
\`\`\`
`

export default async function ({ page, axe, api, go }) {
  await api('PUT', '/files', { path: 'notebooks/endless.md', text, version: '' })
  await go('/notebooks/endless.md')
  const cell = (name) => page.getByRole('group', { name: 'SQL cell ' + name })
  const queries = async () => (await api('GET', '/status')).queries_running
  const idle = () =>
    page.waitForFunction(async () => {
      const r = await fetch('/api/v1/status', { headers: { Authorization: 'Bearer ' + sessionStorage.getItem('tidemark.token') } })
      return (await r.json()).queries_running === 0
    })
  const running = async () => {
    await cell('never').getByText('running').waitFor()
    while ((await queries()) === 0) await page.evaluate(() => new Promise(requestAnimationFrame))
  }
  const ended = async (how) => {
    await cell('never').getByText('Stopped before the first row.').waitFor()
    await idle()
    // It has stopped on the machine too: the next answer comes at once.
    assert.equal((await api('POST', '/query', { sql: 'select 41 + 1' })).rows[0][0], 42, how)
  }

  // By the button.
  await page.getByRole('button', { name: 'Run SQL cell never' }).click()
  await running()
  await axe('notebooks: running')
  await cell('never').getByRole('button', { name: 'Stop', exact: true }).click()
  await ended('button')
  await axe('notebooks: stopped')

  // By keys: in the cell, Escape twice; from the editor, Escape leaves it first.
  await cell('never').focus()
  await page.keyboard.press('Control+Enter')
  await running()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await ended('keys')

  // Run all stops there, and says what it left out.
  await page.getByRole('button', { name: 'Run all' }).click()
  await running()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await ended('run all')
  await page.getByText('Stopped. 2 not run.').waitFor()

  // A page that goes away takes its query along.
  await cell('never').focus()
  await page.keyboard.press('Control+Enter')
  await running()
  await page.reload()
  await page.getByRole('navigation', { name: 'Pages' }).waitFor()
  await idle()

  // A billion rows: what is kept is counted, and that there is more is said.
  await page.getByRole('button', { name: 'Run SQL cell many' }).click()
  await cell('many').getByText('The result has more rows: the first 5,000,000 are kept.').waitFor({ timeout: 120_000 })
  await cell('many').getByText('5,000,000 rows', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Run SQL cell one' }).click()
  await cell('one').getByText('1 row', { exact: true }).waitFor()
}
