// Rules and their time machine by mouse and by keyboard alone, on the sample workspace.
import assert from 'node:assert/strict'

import { eventually } from './harness.mjs'

export default async function ({ page, axe, api, go }) {
  const path = 'rules/checkout_error_rate.yaml'
  const original = (await api('GET', '/files?path=' + path)).text
  const threshold = page.getByRole('slider', { name: /^Threshold/ })
  const settled = () => page.waitForFunction(() => document.querySelector('.machine')?.getAttribute('aria-busy') === 'false' && document.querySelector('.machine .threshold'))
  const said = () => page.locator('.said').innerText()

  await go('/rules')
  await page.getByRole('heading', { name: 'Rules' }).waitFor()
  await page.getByText(/\d+ alarms? over all data/).waitFor()
  await axe('rules: list')

  // What it would have done.
  await page.getByRole('link', { name: 'checkout_error_rate' }).click()
  await settled()
  await eventually(said, 'Would have paged 1 time, 47 min in ALARM, 0 at night (22-06)')
  // The type stands behind each measure.
  const types = async () => (await page.locator('.cm-note').allInnerTexts()).join(' ')
  await eventually(types, 'bigint bigint double double')
  await axe('rules: time machine')

  // Groups by days, and a day's worst window in one click.
  await page.getByRole('tab', { name: 'Days' }).click()
  const worst = page.getByRole('region', { name: 'Days' }).getByRole('button', { name: /^checkout, 2026-01-09: highest error_rate/ })
  await worst.waitFor()
  await axe('rules: days')
  await worst.click()
  await page.getByRole('dialog').getByText('breaching', { exact: true }).waitFor()
  await page.keyboard.press('Escape')

  // What history says about the settings; one of them is tried by keys.
  await page.getByRole('tab', { name: 'Days' }).focus()
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight')
  await page.getByText(/other settings? on the same windows/).waitFor({ timeout: 60_000 })
  await axe('rules: advice')
  await page.getByRole('button', { name: 'Try 1 of 1', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => /^As the file says: 1 alarm/.test(document.querySelector('.compared')?.textContent ?? ''), undefined, { timeout: 60_000 })
  await page.getByRole('button', { name: 'Reset' }).click()
  await settled()
  await page.getByRole('tab', { name: /^Episodes/ }).click()

  // M, N and the window are dragged by their labels.
  for (const [label, by, want] of [['Breaching', 28, '5'], ['of the last', 28, '7'], ['Window', 28, '5m']]) {
    const words = await page.locator('.settings label.scrub').filter({ hasText: label }).boundingBox()
    await page.mouse.move(words.x + 6, words.y + 7)
    await page.mouse.down()
    await page.mouse.move(words.x + 6 + by, words.y + 7, { steps: 4 })
    await page.mouse.up()
    await eventually(() => page.getByLabel(label, { exact: true }).inputValue(), want)
  }
  await page.getByRole('button', { name: 'Reset' }).click()
  await settled()

  // In another system: the artefact, and the schema of what it reads.
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  const exported = page.getByRole('region', { name: 'Export' })
  await exported.getByText('tidemark:checkout_error_rate:breach').first().waitFor()
  assert.equal(await exported.getByText('The schema of its records').count(), 0) // counters have none
  await exported.getByLabel('Target').selectOption('flink')
  await exported.getByText('flink cannot hold this rule.').waitFor() // plugins have no place there
  await exported.getByLabel('transformed before').check()
  await exported.getByText('CREATE TABLE').first().waitFor()
  await exported.getByText('app_logs.avsc', { exact: true }).click()
  const schema = exported.getByLabel('The schema app_logs.avsc')
  await eventually(async () => JSON.parse((await schema.innerText()) || '{}').type, 'record')
  await axe('rules: export')
  const file = page.waitForEvent('download')
  await exported.getByRole('button', { name: 'Download app_logs.avsc' }).click()
  assert.equal((await file).suggestedFilename(), 'app_logs.avsc')
  await eventually(() => exported.locator('.schemas details').count(), 3)
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  await settled()

  // By mouse: drag the threshold up; it fires differently, and nothing is written.
  const box = await threshold.boundingBox()
  await page.mouse.move(box.x + 200, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(box.x + 200, box.y - 50, { steps: 5 })
  await page.mouse.up()
  await settled()
  await eventually(() => page.locator('.compared').innerText(), /^As the file says: 1 alarm, 47 min/)
  assert.equal((await api('GET', '/files?path=' + path)).text, original)
  await page.getByRole('button', { name: 'Reset' }).click()
  await settled()
  await eventually(() => threshold.getAttribute('aria-valuenow'), '0.05')

  // An episode zooms, a window drills down to its records.
  await page.getByRole('button', { name: 'checkout', exact: true }).click()
  await page.waitForFunction(() => new URLSearchParams(location.search).has('t'))
  await settled()
  await page.locator('.strip').first().click()
  await page.getByRole('grid', { name: 'Records of the window' }).waitFor()
  await axe('rules: records')
  await page.keyboard.press('Escape')
  await page.goBack()
  await page.waitForFunction(() => !new URLSearchParams(location.search).has('t'))
  await settled()

  // By keys alone: move the threshold, fewer datapoints, write it, save it.
  await threshold.focus()
  await page.keyboard.press('ArrowUp')
  await page.waitForFunction(() => document.querySelector('.threshold')?.getAttribute('aria-valuenow') !== '0.05')
  await page.getByLabel('Breaching', { exact: true }).focus()
  await page.keyboard.press('ArrowDown')
  await settled()
  await page.getByRole('button', { name: 'Apply to the file' }).focus()
  await page.keyboard.press('Enter')

  // Before it is saved: what it would change, window by window, and against another rule.
  await page.locator('h1').first().click()
  await page.keyboard.press('c')
  const compared = page.getByRole('region', { name: 'Compare' })
  await compared.getByRole('tab', { name: /^Windows that differ/ }).waitFor({ timeout: 60_000 })
  await compared.getByRole('row', { name: /^Alarms 1 / }).waitFor()
  await axe('rules: compare')
  await compared.getByRole('tab', { name: /^In both|^Only in/ }).first().focus()
  await page.keyboard.press('End')
  await compared.getByText(/windows? are taken for something else/).waitFor()
  await axe('rules: compare, windows')
  await compared.getByRole('button', { name: /^2026-/ }).first().focus()
  await page.keyboard.press('Enter')
  await page.getByRole('grid', { name: 'Records of the window' }).waitFor({ timeout: 60_000 })
  await page.keyboard.press('Escape')
  const others = compared.getByRole('combobox', { name: /^The saved rule against/ })
  await others.selectOption({ index: 1 })
  await compared.getByRole('columnheader', { name: 'This rule' }).first().waitFor({ timeout: 60_000 })
  await compared.getByLabel('History of a deployed copy').setInputFiles({ name: 'alerts.json', mimeType: 'application/json', buffer: Buffer.from('{"status":"success","data":{"resultType":"matrix","result":[]}}') })
  await compared.getByRole('tab', { name: 'What it really did' }).waitFor({ timeout: 60_000 })
  await axe('rules: compare with a history')
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await settled()
  await page.keyboard.press('Control+s')
  await page.getByText('Saved ' + path).first().waitFor()
  const written = (await api('GET', '/files?path=' + path)).text
  const changed = written.split('\n').filter((l, i) => l !== original.split('\n')[i])
  assert.equal(changed.length, 2)
  assert.match(changed[0], /^when: error_rate > 0\.\d+ && requests > 30$/)
  assert.match(changed[1], /^alarm: \{datapoints: 2, of: 5, missing: not_breaching\}$/)

  // A mistake is shown where it is, and what was computed before is not passed off as current.
  const editor = page.getByRole('textbox', { name: 'YAML of ' + path })
  await editor.focus()
  await page.keyboard.press('Control+a')
  await editor.evaluate((e, text) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', text)
    e.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, written.replace('requests: count()', 'requests: count() * 1.5'))
  await eventually(types, 'double bigint double double')
  await page.keyboard.press('Control+End')
  await page.keyboard.type('bogus: 1')
  await page.getByText('unknown key bogus').first().waitFor()
  await page.getByText('What is below is of the last text without.').waitFor()
  await eventually(types, 'double bigint double double')
  await axe('rules: a mistake')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Discard' }).click()

  const now = await api('GET', '/files?path=' + path)
  await api('PUT', '/files', { path, text: original, version: now.version })

  // A new rule from a template runs at once; it can be deleted and put back.
  await go('/rules')
  await page.getByRole('button', { name: 'New rule' }).click()
  await page.getByRole('textbox', { name: 'Name' }).fill('Zu langsam')
  await page.getByLabel('It watches').selectOption('slow')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.waitForURL(/\/rules\/zu_langsam\.yaml/)
  await settled()
  await go('/rules')
  await page.getByRole('button', { name: 'Menu of zu_langsam' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByText('rules/zu_langsam.yaml is in the trash').waitFor()
  await page.getByRole('link', { name: 'zu_langsam' }).waitFor({ state: 'detached' })
}
