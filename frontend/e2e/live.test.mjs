// A replay in the live page by mouse and by keys: it is started, filtered,
// held, stepped and moved. Its archive is the sample's.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { eventually, program } from './harness.mjs'

const run = promisify(execFile)

export const options = {
  async workspace(s) {
    const dir = join(s.dir, 'live')
    await run(program, ['demo', dir, '--quiet', '--from', '2026-01-09T12:00:00Z', '--to', '2026-01-09T15:00:00Z'], { env: s.env })
    await run(program, ['-w', dir, 'trust'], { env: s.env })
    return dir
  },
}

export default async function ({ page, axe, go, api }) {
  await go('/live')
  await page.getByText('Nothing has arrived in live').waitFor()
  await axe('live: empty')

  // Started by key; records come, and the list follows them.
  await page.keyboard.press('s')
  await page.getByText('playing', { exact: true }).first().waitFor()
  const at = page.getByRole('textbox', { name: 'At' })
  await at.fill('2026-01-09 14:05:00')
  await page.getByRole('button', { name: 'Go there' }).click()
  await page.waitForFunction(() => document.querySelectorAll('.grid .tr').length > 10)
  await page.getByRole('cell', { name: 'replay' }).waitFor()
  await axe('live: playing')
  await page.emulateMedia({ colorScheme: 'dark' })
  await axe('live: playing, dark')
  await page.emulateMedia({ colorScheme: 'light' })

  // A paused play is stepped: one record more.
  await page.keyboard.press('p')
  await page.getByRole('button', { name: 'Resume' }).waitFor()
  const tail = async () => (await api('GET', '/tails'))[0]
  const stored = async () => (await tail()).counts.records
  // The first step takes along what was on its way: it is committed when the
  // place that the play came to is.
  const held = (await tail()).play.at
  await page.keyboard.press('n')
  const reached = await eventually(async () => (await tail()).play.at, (now) => now !== held)
  const committed = async () => (await api('POST', '/query', { sql: "select epoch_ms(max(last_arrival)) from tidemark.shards where dataset = 'live'" })).rows[0][0]
  await eventually(async () => Number(await committed()), Date.parse(reached))
  const before = await stored()
  await page.keyboard.press('n')
  await eventually(stored, before + 1)

  // Filters count what they find, and leave the rest out.
  const shown = () => page.locator('.status [role=status]').innerText()
  await page.keyboard.press('/')
  await page.keyboard.type('service:payments')
  await page.keyboard.press('Enter')
  const chip = page.locator('.chip')
  await chip.waitFor()
  await eventually(async () => (await shown()).startsWith((await chip.locator('b').innerText()) + ' of '), true)
  const services = () => page.locator('.grid .tr .td:nth-of-type(3)').allInnerTexts()
  await eventually(services, (all) => all.length > 0 && all.every((s) => s.trim() === 'payments'))
  await page.getByRole('button', { name: 'Turn into the opposite: service:payments' }).click()
  await page.getByText('without service:payments').waitFor()
  await axe('live: filtered')
  await page.getByRole('button', { name: 'Remove the filter: service:payments' }).click()
  await chip.waitFor({ state: 'detached' })

  // The list is held; what comes meanwhile is counted, and taken in by one key.
  await page.getByRole('grid').focus()
  await page.keyboard.press('f')
  await page.getByRole('button', { name: 'Follow', exact: true }).waitFor()
  await page.keyboard.press('p')
  await page.getByRole('button', { name: /^\+[\d,]+ new$/ }).waitFor()
  await page.keyboard.press('f')
  await page.getByRole('button', { name: 'Following' }).waitFor()

  // A record in full.
  await page.keyboard.press('k')
  await page.keyboard.press('Enter')
  const record = page.getByRole('complementary', { name: 'Record' })
  await record.getByText('Position').waitFor()
  await axe('live: a record')
  await page.keyboard.press('Escape')
  await record.waitFor({ state: 'detached' })

  await page.keyboard.press('s')
  await page.getByText('stopped', { exact: true }).waitFor()
  await eventually(async () => (await tail()).state, 'stopped')
}
