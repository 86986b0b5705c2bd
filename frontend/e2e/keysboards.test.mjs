// Dashboards and rules from the first key to a saved file without a mouse, on the sample workspace.
import assert from 'node:assert/strict'

import { byKeys, eventually } from './harness.mjs'

export default async function ({ page, axe, api }) {
  const { press, reach, enter } = byKeys(page)
  const button = (name, within = page) => within.getByRole('button', { name, exact: true })
  const param = (name) => page.evaluate((n) => new URLSearchParams(location.search).get(n), name)
  const has = (name, there = true) => page.waitForFunction(([n, t]) => new URLSearchParams(location.search).has(n) === t, [name, there])
  const drawn = () => page.waitForFunction(() => document.querySelectorAll('.slot').length > 0 && !document.querySelector('.item[aria-busy=true]'))
  const settled = () => page.waitForFunction(() => document.querySelector('.machine')?.getAttribute('aria-busy') === 'false' && document.querySelector('.machine .threshold'))
  const text = async (path) => (await api('GET', '/files?path=' + path)).text

  // A new dashboard.
  await press('g', 'd')
  await button('New dashboard').waitFor()
  await press('n')
  await page.getByLabel('Title').waitFor()
  await page.keyboard.type('By keys')
  await press('Enter')
  await page.waitForURL(/\/dashboards\/by_keys\.yaml/)
  await drawn()

  // A filter, by typing some of its value; Escape takes it away.
  await enter(page.getByRole('button', { name: /^Filter by service/ }), 'the filter')
  await page.getByRole('option').first().waitFor()
  await page.keyboard.type('check')
  await page.getByRole('option', { name: /checkout/ }).waitFor()
  await press('Enter')
  await has('f')
  await eventually(() => param('f'), /checkout/)
  await press('Escape')
  await drawn()
  await axe('filtered')
  await press('Escape')
  await has('f', false)

  // A part of the time, chosen on a chart; then twice as much; then all back.
  await drawn()
  await reach(page.locator('.plot[role=slider]').first(), 'a chart')
  await press('ArrowRight', ...Array(5).fill('Shift+ArrowRight'), 'Enter')
  await has('t')
  const near = await param('t')
  await drawn()
  await press('-')
  await page.waitForFunction((t) => new URLSearchParams(location.search).get('t') !== t, near)
  await page.goBack()
  await page.waitForFunction((t) => new URLSearchParams(location.search).get('t') === t, near)
  await page.goBack()
  await has('t', false)

  // Edit: another title, another place, saved.
  await drawn()
  await press('e')
  await enter(page.locator('#item-0-0'), 'the first chart')
  await reach(page.getByLabel('Title'), 'its title')
  await press('Control+a')
  await page.keyboard.type('All of them')
  await page.locator('#item-0-0 h2', { hasText: 'All of them' }).waitFor()
  await axe('editing')
  await press('Control+s')
  await page.getByText('Saved dashboards/by_keys.yaml').first().waitFor()
  await eventually(() => text('dashboards/by_keys.yaml'), /title: "?All of them"?/)

  // Rules: the first of the list, its threshold moved, fewer datapoints, written and saved.
  await page.evaluate(() => document.activeElement?.blur())
  await press('g', 'r')
  await page.getByText(/\d+ alarms? over all data/).waitFor()
  await enter(page.getByRole('link', { name: 'checkout_error_rate' }), 'the rule')
  await settled()
  const path = 'rules/checkout_error_rate.yaml'
  const before = await text(path)
  await press('m', 'ArrowUp')
  await page.waitForFunction(() => document.querySelector('.threshold')?.getAttribute('aria-valuenow') !== '0.05')
  await reach(page.getByLabel('Breaching', { exact: true }), 'the datapoints')
  await press('ArrowDown')
  await settled()
  await axe('a threshold moved')
  await enter(button('Apply to the file'), 'apply')
  await press('Control+s')
  await page.getByText('Saved ' + path).first().waitFor()
  await eventually(() => text(path), (now) => now !== before)

  // From an episode to the records of one of its windows, and back.
  await enter(button('checkout'), 'the episode')
  await has('t')
  await settled()
  await reach(page.getByRole('tab', { name: /^Episodes/ }), 'the tabs')
  await press('ArrowRight', 'ArrowRight', 'ArrowRight')
  await page.getByRole('tab', { name: /^Datapoints/, selected: true }).waitFor()
  await reach(page.getByRole('grid', { name: 'Datapoints' }), 'the datapoints')
  await press('ArrowDown', 'Enter')
  await page.getByRole('grid', { name: 'Records of the window' }).waitFor()
  await axe('records of a window')
  await press('Escape')
  await page.getByRole('grid', { name: 'Records of the window' }).waitFor({ state: 'detached' })

  // A new rule, deleted and taken back.
  await page.evaluate(() => document.activeElement?.blur())
  await press('g', 'r')
  await button('New rule').waitFor()
  await press('n')
  await page.getByRole('textbox', { name: 'Name' }).waitFor()
  await page.keyboard.type('By keys')
  await press('Enter')
  await page.waitForURL(/\/rules\/by_keys\.yaml/)
  await page.evaluate(() => document.activeElement?.blur())
  await press('g', 'r')
  await enter(page.getByRole('button', { name: 'Menu of by_keys' }), 'its menu')
  await page.getByRole('menuitem', { name: 'Delete' }).waitFor()
  await press('d')
  await eventually(() => page.getByRole('menuitem', { name: 'Delete' }).evaluate((e) => e === document.activeElement), true)
  await press('Enter')
  await page.getByText('rules/by_keys.yaml is in the trash').waitFor()
  await enter(button('Undo').last(), 'undo')
  await page.getByRole('link', { name: 'by_keys' }).waitFor()
}
