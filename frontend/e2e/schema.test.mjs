// Schema and quarantine by mouse and by keys, on the sample workspace.
import assert from 'node:assert/strict'

import { eventually } from './harness.mjs'

export default async function ({ page, axe, go }) {
  const dialog = page.getByRole('dialog')

  await go('/schema')
  await page.getByRole('cell', { name: 'event_time' }).waitFor()
  await axe('schema: fields')

  // A search keeps what leads to what is found.
  await page.keyboard.press('/')
  await page.keyboard.type('tier')
  await page.waitForFunction(() => document.querySelectorAll('table.types tbody tr').length === 3)
  await eventually(() => page.locator('table.types tbody td:first-child').allInnerTexts(), ['body', 'user', 'tier'])
  await page.keyboard.press('Escape')

  // By keys through the views.
  await page.getByRole('tab', { name: /^Fields/ }).focus()
  await page.keyboard.press('ArrowRight')
  await page.getByRole('heading', { name: 'Version 1', exact: true }).waitFor()
  await axe('schema: versions')
  await page.keyboard.press('ArrowRight')
  await page.getByRole('tab', { name: /^Conflicts/, selected: true }).waitFor()
  await axe('schema: conflicts')
  await page.keyboard.press('ArrowRight')
  await page.getByText('CREATE TABLE').first().waitFor()
  await page.getByRole('button', { name: 'Avro' }).click()
  await page.getByText('"type": "record"').first().waitFor()
  await axe('schema: notations')

  // Another type for a field, which makes a version.
  await go('/schema')
  await page.getByRole('button', { name: 'Set type… of body.status' }).click()
  await dialog.getByRole('button', { name: 'varchar' }).click()
  await axe('schema: set a type')
  await dialog.getByRole('button', { name: 'Set the type', exact: true }).click()
  await dialog.waitFor({ state: 'detached' }).catch(() => {})
  await page.keyboard.press('2')
  await page.getByText('set by a person').waitFor()
  await eventually(() => page.locator('.versions > li').first().innerText(), /major[\s\S]*status[\s\S]*bigint[\s\S]*varchar/)

  // Deleting asks for the name.
  await page.getByRole('button', { name: 'Delete…' }).click()
  const sure = dialog.getByRole('button', { name: 'Delete for good' })
  await eventually(() => sure.isDisabled(), true)
  await dialog.getByRole('textbox').fill('app_logs')
  await eventually(() => sure.isEnabled(), true)
  await page.keyboard.press('Escape')

  await go('/quarantine')
  const entries = page.locator('button.open')
  // What was replayed comes back with another number: the list is asked for anew.
  const listed = () => page.locator('.list[aria-busy=false]').waitFor()
  await entries.first().waitFor()
  await listed()
  await axe('quarantine: entries')
  const all = await entries.count()
  await page.keyboard.press('j')
  const entry = page.getByRole('complementary', { name: 'Entry' })
  await entry.getByText('Position').waitFor()
  await page.keyboard.press('h')
  await entry.getByText(/^00000000 {2}/).waitFor()
  await axe('quarantine: bytes of an entry')

  // The mapping of its dataset, as tidemark.yaml has it.
  await entry.getByRole('button', { name: 'Edit the mapping and replay…' }).click()
  await dialog.getByLabel('Trace id').fill('trace')
  await axe('quarantine: edit the mapping')
  await dialog.getByRole('button', { name: 'Write and replay' }).click()
  await page.getByText(/entr(y|ies) replayed, 0 records stored/).waitFor()
  await page.getByRole('button', { name: 'Close', exact: true }).click()
  await listed()
  await page.keyboard.press('j')
  await entry.getByRole('button', { name: 'Edit the mapping and replay…' }).click()
  await eventually(() => dialog.getByLabel('Trace id').inputValue(), 'trace')
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await page.keyboard.press('Escape')
  await entry.waitFor({ state: 'detached' })

  // What cannot be read comes back; what is discarded is gone.
  await page.keyboard.press('r')
  await dialog.getByRole('button', { name: 'Replay', exact: true }).click()
  await page.getByText(new RegExp(`^${all} entries replayed, 0 records stored, \\d+ in quarantine again`)).waitFor()
  await listed()
  const again = await entries.count()
  await page.getByLabel('Mark all of this page').check()
  await page.getByRole('button', { name: `Discard ${again}…` }).click()
  await dialog.getByRole('button', { name: `Discard ${again} entries` }).click()
  await page.getByText('Quarantine is empty').waitFor()
  await axe('quarantine: empty')
}
