// Incidents, silences and notifications by mouse and by keys: a replay raises
// an alarm, which is looked after, silenced and told.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { eventually, program } from './harness.mjs'

const run = promisify(execFile)
const config = `name: watched
sources:
  archive: {type: file, path: "in/**/*.ndjson", dataset: requests}
  again: {type: replay, of: archive, speed: 36000, dataset: requests_live}
datasets:
  requests_live: {watermark: {lateness: 2m}}
channels:
  log: {type: file, path: alarms.ndjson, daily: "08:00 Europe/Berlin"}
  own: {type: file, path: failures.ndjson, failures: true, match: {team: nobody}}
`
const rule = `rule: errors
dataset: requests_live
group_by: [service]
window: {tumbling: 1m}
measures: {errors: 'count(level == "ERROR")'}
when: errors >= 2
alarm: {datapoints: 1, of: 1, missing: ignore}
severity: critical
notify: [log]
runbook: notebooks/errors.md
summary: "{{service}}: {{errors}} errors"
`
const book = `---
title: Errors of a service
params: {service: {type: text, default: nobody}}
time: 30m
---

\`\`\`sql messages
select service, count(*) as times, count(*) / 3 as share, $to as until
from requests_live where service = $service and level = 'ERROR' and event_time < $to group by all
\`\`\`

\`\`\`sql minutes
select i as minute from range(40) as r(i)
\`\`\`

\`\`\`check pool
select message from requests_live where service = $service and level = 'FATAL'
\`\`\`

<!-- if pool passes -->
Its pool is large enough.
<!-- else -->
Give it more connections.
<!-- end -->
`
const records = [
  ['14:00:10', 'cart', 'ERROR'],
  ['14:00:20', 'cart', 'ERROR'],
  ['14:01:10', 'mail', 'ERROR'],
  ['14:01:20', 'mail', 'ERROR'],
  ['14:09:00', 'cart', 'INFO'],
]

export const options = {
  async workspace(s) {
    const dir = join(s.dir, 'incidents')
    const day = join(dir, 'in/2026/01/09/14')
    for (const d of [day, join(dir, 'rules'), join(dir, 'notebooks')]) await mkdir(d, { recursive: true })
    await writeFile(join(dir, 'tidemark.yaml'), config)
    await writeFile(join(dir, 'rules/errors.yaml'), rule)
    await writeFile(join(dir, 'notebooks/errors.md'), book)
    await writeFile(join(day, 'a.ndjson'), records.map(([t, service, level]) => JSON.stringify({ time: `2026-01-09T${t}Z`, service, level }) + '\n').join(''))
    await run(program, ['-w', dir, 'trust'], { env: s.env })
    return dir
  },
}

export default async function ({ page, axe, api, go }) {
  await go('/incidents')
  await page.getByText('No incidents yet').waitFor()
  await axe('incidents: empty')

  await api('POST', '/tails', { sources: ['again'] })
  const rows = page.locator('tbody tr')
  await rows.filter({ hasText: 'service=cart' }).waitFor({ timeout: 60_000 })
  await rows.filter({ hasText: 'service=mail' }).waitFor({ timeout: 60_000 })
  await axe('incidents: list')

  // By keys alone: the newest is chosen, acknowledged and said to be right.
  await page.keyboard.press('j')
  const detail = page.getByRole('region', { name: 'Incident' })
  await detail.getByText('mail: 2 errors').waitFor()
  await page.keyboard.press('a')
  await detail.getByText('acknowledged').waitFor()
  await page.keyboard.press('y')
  await rows.filter({ hasText: 'service=mail' }).getByText('right', { exact: true }).waitFor()
  await detail.getByLabel('Comment').fill('the queue was full')
  await page.keyboard.press('Enter')
  await detail.getByText('the queue was full').waitFor()
  // The timeline says it as the button does.
  await detail.getByRole('listitem').filter({ hasText: 'It was right' }).waitFor()
  assert.equal(await detail.getByText('labelled').count(), 0)
  await axe('incidents: one')
  await page.emulateMedia({ colorScheme: 'dark' })
  await axe('incidents: one, dark')
  await page.emulateMedia({ colorScheme: 'light' })

  // The report of its runbook has the page for itself: all of it is there, and
  // nothing scrolls within it.
  await detail.getByText('ran to its end').first().waitFor()
  await detail.getByRole('link', { name: 'Read the report' }).click()
  const report = page.getByRole('region', { name: 'Report' })
  const sheet = page.frameLocator('iframe[title="Report of the runbook"]')
  await sheet.getByRole('heading', { name: 'Errors of a service' }).waitFor()
  const cell = (name) => sheet.getByRole('cell', { name, exact: true })
  await cell('mail').waitFor()
  const share = cell('0.667')
  await eventually(() => share.getAttribute('title'), '0.6666666666666666')
  // It saw all that had come, and not only what came before the alarm.
  await cell('2026-01-09 14:09:00Z').waitFor()
  await sheet.getByText('Its pool is large enough.').waitFor()
  await sheet.getByText('left out: the check pool passed').waitFor()
  const rest = sheet.getByRole('cell', { name: '39', exact: true })
  assert.equal(await rest.isVisible(), false)
  const height = () => page.locator('iframe').evaluate((f) => f.clientHeight)
  await page.waitForFunction(() => {
    const f = document.querySelector('iframe')
    return f?.contentDocument && f.clientHeight >= f.contentDocument.documentElement.scrollHeight
  })
  const folded = await height()
  await sheet.getByText('show all 40 rows').click()
  await rest.waitFor()
  await page.waitForFunction((h) => document.querySelector('iframe')?.clientHeight > h, folded)
  await axe('incidents: report')
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForFunction(() => document.querySelector('iframe')?.contentDocument?.documentElement.dataset.theme === 'dark')
  await axe('incidents: report, dark')
  await page.emulateMedia({ colorScheme: 'light' })
  const [file] = await Promise.all([page.waitForEvent('download'), report.getByRole('button', { name: 'Save' }).click()])
  assert.match(file.suggestedFilename(), /^errors-20260109T1402\.html$/)
  // Once more, by somebody: both runs are there to choose from.
  await report.getByRole('button', { name: 'Run it again' }).click()
  await report.getByRole('combobox').waitFor()
  await eventually(() => report.getByRole('combobox').locator('option').count(), 2)
  await page.locator('body').press('u')
  await detail.getByText('mail: 2 errors').waitFor()

  // Its group is silenced, which can be seen, ended and taken back.
  await detail.getByRole('button', { name: 'Silence for 2 h' }).click()
  await page.getByRole('button', { name: 'Silences', exact: true }).click()
  const silenced = page.getByRole('row').filter({ hasText: 'errors service=mail' })
  await silenced.waitFor()
  await axe('silences')
  await silenced.getByRole('button').click()
  await page.getByText('Nothing is silenced').waitFor()
  await eventually(() => api('GET', '/silences'), [])
  await page.getByRole('button', { name: 'Undo' }).click()
  await silenced.waitFor()

  // Another by keys alone.
  await page.keyboard.press('n')
  const dialog = page.getByRole('dialog', { name: 'New silence' })
  await dialog.getByLabel('Only where').fill('service=cart')
  await axe('silences: new')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'hidden' })
  await page.getByRole('row').filter({ hasText: 'service=cart' }).waitFor()

  // Who was told, and whether the channel works.
  await page.getByRole('link', { name: 'Notifications' }).click()
  await page.getByRole('row').filter({ hasText: 'sent' }).filter({ hasText: 'mail' }).waitFor()
  await axe('notifications')
  await page.getByRole('button', { name: 'Test log' }).click()
  await page.getByText('Sent to log').waitFor()
  await page.getByLabel('State').selectOption('dead')
  await page.getByText('None that was given up.').waitFor()

  // A link of a message opens in a tab of its own, with the token of this one; in a browser that knows none it says
  // what is missing, and goes on when the app is opened there.
  const link = '/incidents/' + (await api('GET', '/incidents')).incidents.find((i) => i.summary === 'mail: 2 errors').id
  const tab = await page.context().newPage()
  await tab.goto(new URL(link, page.url()).href)
  await tab.getByText('mail: 2 errors').first().waitFor()
  await tab.close()
  const other = await page.context().browser().newContext()
  const stranger = await other.newPage()
  await stranger.goto(new URL(link, page.url()).href)
  await stranger.getByText('a token is needed').waitFor()
  const opened = await other.newPage()
  await opened.goto(new URL('/#k=' + (await page.evaluate(() => sessionStorage.getItem('tidemark.token'))), page.url()).href)
  await stranger.getByText('mail: 2 errors').first().waitFor()
  await other.close()
}
