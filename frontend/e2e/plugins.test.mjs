// A plugin in a workspace from somebody else: looked at, allowed, set, tried beside another, and the lens.
import assert from 'node:assert/strict'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { eventually, root } from './harness.mjs'

const bundled = (name) => join(root, 'plugins', 'bundled', name + '.wasm')

export default async function ({ page, axe, api, go }) {
  const { dir } = await api('GET', '/workspace')
  const dialog = page.getByRole('dialog')
  await mkdir(join(dir, 'plugins'), { recursive: true })
  await writeFile(join(dir, 'plugins', 'sampler.yaml'), '# ours\nmemory: 64MB # enough\n')
  await copyFile(bundled('sample_by_key'), join(dir, 'plugins', 'sampler.wasm'))

  // Each kind says how it is used. Lookups are beside them, and tried by the keyboard.
  await writeFile(join(dir, 'places.csv'), 'code,place\neu,Frankfurt\n')
  await go('/plugins')
  await page.getByText('transforms: [log_template]', { exact: true }).waitFor({ timeout: 120_000 }) // the first look compiles them
  await page.getByRole('row', { name: /^keyvalue .*used/ }).waitFor()
  await page.getByText('SELECT parse_user_agent(').first().waitFor()
  await page.getByRole('row', { name: /^owners a file/ }).waitFor()
  const settings = join(dir, 'tidemark.yaml')
  const place = '  place_of: {table: places.csv, key: {code: region}, take: {place: place}}\n'
  await writeFile(settings, (await readFile(settings, 'utf8')).replace(/^lookups:\n/m, '$&' + place))
  await page.getByRole('row', { name: /^place_of/ }).waitFor()
  const trial = page.getByRole('form', { name: 'Try a lookup' })
  await trial.getByLabel('Try').selectOption('place_of')
  await trial.getByRole('textbox').fill('eu')
  await page.keyboard.press('Enter')
  await page.getByText('"Frankfurt"', { exact: true }).waitFor()
  await axe('plugins: lookups')

  // It waits until the file with its hash is allowed.
  await page.getByRole('button', { name: 'Look and allow…' }).click()
  await dialog.getByText('No other version of it has run here.').waitFor()
  await eventually(() => dialog.locator('.hash').innerText(), /^[0-9a-f]{64}$/)
  await axe('plugins: one that waits')
  await dialog.getByRole('button', { name: 'Allow this file' }).click()
  await dialog.getByRole('button', { name: 'Allow this file' }).waitFor({ state: 'detached' })
  await eventually(async () => (await api('GET', '/plugins/sampler')).state, 'ready')

  // Its settings are a form of its schema, checked, and written where the comments stay.
  const keep = dialog.getByLabel(/^keep/)
  await keep.fill('7')
  await dialog.getByRole('button', { name: 'Save settings' }).click()
  await eventually(() => dialog.getByRole('alert').innerText(), /config\.keep/)
  await keep.fill('0.5')
  await dialog.getByRole('button', { name: 'Save settings' }).click()
  await page.getByText('Saved plugins/sampler.yaml').first().waitFor()
  const text = await readFile(join(dir, 'plugins', 'sampler.yaml'), 'utf8')
  assert.match(text, /^# ours\nmemory: 64MB # enough\n/)
  assert.match(text, /keep: 0\.5/)

  // Another version runs beside it on the last records, and is switched to.
  await dialog.getByLabel('Records of').selectOption('app_logs')
  await api('PUT', '/files', { path: 'plugins/sampler.yaml', text: 'enabled: true\n', version: (await api('GET', '/files?path=plugins/sampler.yaml')).version })
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), dialog.getByRole('button', { name: 'Choose a new version…' }).click()])
  await chooser.setFiles(bundled('log_template'))
  await dialog.getByText(/^1,000 records of app_logs: [\d,]+ the same, [\d,]+ different$/).waitFor()
  await dialog.locator('details').first().click()
  await axe('plugins: two versions')
  await dialog.getByRole('button', { name: 'Switch to log_template.wasm' }).click()
  await page.getByText('sampler is the new version now').first().waitFor()
  assert.deepEqual(await readFile(join(dir, 'plugins', 'sampler.wasm')), await readFile(bundled('log_template')))
  await dialog.getByText('What changed since it last ran').waitFor()
  await page.keyboard.press('Escape')

  // The lens: records before and after each transform.
  await page.getByRole('link', { name: 'Open the lens' }).click()
  await page.getByText(/^100 records, the newest first/).waitFor()
  await page.getByRole('heading', { name: /^mask_pii/ }).waitFor()
  await axe('plugins: the lens')
  await page.keyboard.press('j')
  await page.locator('.record[aria-current="true"]').first().waitFor()
  await page.getByText('Try records of your own').click()
  await page.getByLabel('Records, one JSON object a line').fill('{"ts":"2026-01-09T12:00:00Z","msg":"from 10.1.2.3"}')
  await page.getByRole('button', { name: 'Run them' }).click()
  await page.getByText('1 field changed').first().waitFor()
  await page.getByRole('cell', { name: 'from [ip]' }).waitFor()
  await axe('plugins: records of one’s own')
}
