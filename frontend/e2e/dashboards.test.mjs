// Dashboards by mouse and by keyboard alone, on the sample workspace.
import assert from 'node:assert/strict'

import { eventually } from './harness.mjs'

export default async function ({ page, axe, api, go }) {
  const text = async (name) => (await api('GET', '/files?path=dashboards/' + name)).text
  const param = (name) => page.evaluate((n) => new URLSearchParams(location.search).get(n), name)
  const titles = () => page.locator('.slot h2').allTextContents()
  const drawn = () => page.waitForFunction(() => document.querySelectorAll('.slot').length > 0 && !document.querySelector('.item[aria-busy=true]'))

  // By mouse: a new dashboard from a template.
  await go('/dashboards')
  await page.getByRole('heading', { name: 'Dashboards' }).waitFor()
  await axe('dashboards: list')
  await page.getByRole('button', { name: 'New dashboard' }).click()
  await page.getByLabel('Title').fill('Für den Test')
  await axe('dashboards: new')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.waitForURL(/\/dashboards\/fur_den_test\.yaml/)
  await drawn()
  await eventually(async () => (await titles()).slice(0, 3), ['Records', 'Errors', 'Services'])
  await axe('dashboards: charts')

  // Drag on a chart zooms all of it; Back returns.
  const plot = page.locator('.plot .u-over').first()
  const box = await plot.boundingBox()
  await page.mouse.move(box.x + box.width * 0.3, box.y + 40)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 4 })
  await page.mouse.up()
  await page.waitForFunction(() => new URLSearchParams(location.search).has('t'))
  await drawn()
  await page.goBack()
  await page.waitForFunction(() => !new URLSearchParams(location.search).has('t'))

  // A click on a bar filters; Escape takes it away.
  await drawn()
  await page.getByRole('button', { name: 'ERROR', exact: true }).click()
  await page.waitForFunction(() => new URLSearchParams(location.search).get('f') === '{"level":["ERROR"]}')
  await drawn()
  await page.getByRole('button', { name: /level = ERROR/ }).waitFor()
  await axe('dashboards: filtered')
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => !new URLSearchParams(location.search).has('f'))

  // Editing keeps the comments of the file and its order.
  const before = (await text('fur_den_test.yaml')).replace('Für den Test', 'Für die Probe')
  await api('PUT', '/files', { path: 'dashboards/fur_den_test.yaml', text: '# Ours.\n' + before, version: (await api('GET', '/files?path=dashboards/fur_den_test.yaml')).version })
  await page.getByRole('heading', { name: 'Für die Probe', level: 1 }).waitFor()
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  await page.locator('#item-1-0 h2').click()
  await page.getByLabel('Title').fill('By service')
  await page.locator('#item-1-0 h2', { hasText: 'By service' }).waitFor()
  await axe('dashboards: editing')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved dashboards/fur_den_test.yaml').first().waitFor()
  await eventually(() => text('fur_den_test.yaml'), '# Ours.\n' + before.replace('title: Records by service', 'title: By service'))

  // Two who edit at once: nothing is lost unasked.
  await page.getByLabel('Title').fill('Mine')
  await page.getByText('not saved', { exact: true }).waitFor()
  const disk = await api('GET', '/files?path=dashboards/fur_den_test.yaml')
  await api('PUT', '/files', { path: disk.path, text: disk.text.replace('By service', 'Theirs'), version: disk.version })
  await page.getByRole('button', { name: 'Take theirs' }).click()
  await page.locator('#item-1-0 h2', { hasText: 'Theirs' }).waitFor()
  await page.getByRole('button', { name: 'Done' }).click()

  // By keys alone: edit, move, widen, remove, take back, save; filter and zoom.
  await page.evaluate(() => document.activeElement?.blur())
  await page.keyboard.press('e')
  await page.locator('#item-0-0').focus()
  await page.keyboard.press('Alt+ArrowRight')
  await page.waitForFunction(() => document.querySelectorAll('.slot h2')[0]?.textContent === 'Errors')
  await page.locator('#item-0-1').focus()
  const width = () => page.locator('#item-0-1').evaluate((e) => e.clientWidth)
  const narrow = await width()
  await page.keyboard.press('Shift+Alt+ArrowRight')
  await eventually(width, (w) => w > narrow)
  await page.keyboard.press('Delete')
  await page.waitForFunction(() => !document.querySelectorAll('.slot h2')[1]?.textContent?.startsWith('Records'))
  await page.locator('#item-0-0').focus()
  await page.keyboard.press('Control+z')
  await page.waitForFunction(() => document.querySelectorAll('.slot h2')[1]?.textContent === 'Records')
  await page.keyboard.press('Control+s')
  await page.waitForFunction(() => ![...document.querySelectorAll('.tag')].some((t) => t.textContent === 'not saved'))
  await eventually(() => text('fur_den_test.yaml'), /title: Errors[\s\S]*title: Records\n[\s\S]*width: 1\.5/)
  await page.evaluate(() => document.activeElement?.blur())
  await page.keyboard.press('e')

  await page.getByRole('button', { name: /^Filter by service/ }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('option').first().waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => new URLSearchParams(location.search).has('f'))
  await page.keyboard.press('Escape')
  await page.evaluate(() => document.activeElement?.blur())
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => !new URLSearchParams(location.search).has('f'))
  await drawn()
  await page.locator('.plot[role=slider]').first().focus()
  await page.keyboard.press('ArrowRight')
  for (let i = 0; i < 5; i++) await page.keyboard.press('Shift+ArrowRight')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => new URLSearchParams(location.search).has('t'))
  await eventually(() => param('t'), /^2026-/)

  // Away, and back again.
  await go('/dashboards')
  await page.getByRole('button', { name: 'Menu of Für die Probe' }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByText('dashboards/fur_den_test.yaml is in the trash').waitFor()
  await page.getByRole('button', { name: 'Undo' }).last().click()
  await page.getByRole('link', { name: /Für die Probe/ }).waitFor()
  const file = await api('GET', '/files?path=dashboards/fur_den_test.yaml')
  await api('DELETE', `/files?path=dashboards/fur_den_test.yaml&version=${encodeURIComponent(file.version)}`)
}
