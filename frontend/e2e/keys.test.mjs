// Each page's main job with nothing but keys, in light and in dark.
import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { byKeys, eventually, root } from './harness.mjs'

const line = (i) => JSON.stringify({ ts: new Date(Date.UTC(2026, 0, 9, 12, 0, i)).toISOString(), level: 'INFO', service: 'shop', status: 200 + i, message: 'order ' + i }) + '\n'

// The smallest module there is: it says nothing of itself, so it is no plugin.
const notAPlugin = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])

export const options = {
  async workspace(s) {
    const dir = join(s.dir, 'keys')
    for (const d of ['data', 'plugins', 'more']) await mkdir(join(dir, d), { recursive: true })
    await writeFile(join(dir, 'tidemark.yaml'), 'name: keys\nsources:\n  orders: {type: file, path: "data/*.ndjson", dataset: orders}\n  many: {type: file, path: "more/**", dataset: many}\ndatasets:\n  orders: {event_time: ts}\n')
    await writeFile(join(dir, 'data', 'a.ndjson'), Array.from({ length: 40 }, (_, i) => line(i)).join('') + '{"ts": broken\n{"ts": broken too\n')
    // Enough of it that a pull can be ended while it runs.
    for (let f = 0; f < 60; f++) await writeFile(join(dir, 'more', `${f}.ndjson`), Array.from({ length: 10_000 }, (_, i) => line(i)).join(''))
    return dir
  },
}

export default async function ({ page, axe, api, go }) {
  const { press, reach, enter } = byKeys(page)
  const dialog = page.getByRole('dialog')
  const button = (name, within = page) => within.getByRole('button', { name, exact: true })
  async function both(where) {
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme })
      // What is drawn must have followed.
      await page.waitForFunction((s) => matchMedia(`(prefers-color-scheme: ${s})`).matches && !document.querySelector('main .skeleton'), colorScheme)
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
      await axe(`${where}, ${colorScheme}`)
    }
  }

  // Home: trust it, then a source by the form, tested while it is written.
  await enter(button('Trust it'), 'trust')
  await page.getByText('This workspace is trusted now').waitFor()
  await both('home')
  await press('a')
  const form = page.getByRole('dialog', { name: 'Add a source' })
  await reach(button('Files on this machine', form), 'the kind of source')
  await press('Enter')
  await reach(form.getByLabel('File, folder or pattern'), 'the path')
  await page.keyboard.type('nowhere/**')
  await enter(button('Test', form), 'the test')
  await form.getByText(/nothing there|no /i).first().waitFor()
  await reach(form.getByLabel('File, folder or pattern'), 'the path again')
  await press('Control+a')
  await page.keyboard.type('data/*.ndjson')
  await reach(form.getByLabel('Name', { exact: true }), 'the name')
  await press('Control+a')
  await page.keyboard.type('again')
  await reach(form.getByLabel('Into dataset'), 'the dataset')
  await press('Control+a')
  await page.keyboard.type('again')
  await enter(button('Test', form), 'the test')
  await form.getByText('Reached.').waitFor()
  await both('add a source')
  await enter(button('Add', form), 'add')
  await page.getByRole('cell', { name: 'again file' }).waitFor()

  // Sources: what it would fetch, then the pull; one that is ended.
  await both('sources')
  const row = (name) => page.getByRole('row', { name: new RegExp('^' + name) })
  await enter(button('Pull…', row('orders')), 'pull')
  await page.getByText('To fetch').waitFor()
  await both('dry run')
  await enter(button('Pull', dialog), 'start')
  await page.getByRole('row', { name: /orders done/ }).waitFor({ timeout: 60_000 })
  await enter(button('Pull…', row('many')), 'pull')
  await page.getByText('To fetch').waitFor()
  await enter(button('Pull', dialog), 'start')
  await enter(button('Cancel', page.getByRole('region', { name: 'Running pull' })), 'cancel')
  await page.getByRole('row', { name: /many canceled/ }).waitFor()
  // Escape leaves a dialog, and the cursor is where it was.
  await enter(button('Pull…', row('again')), 'pull')
  await press('Escape')
  await dialog.waitFor({ state: 'detached' }).catch(() => {})
  await eventually(() => button('Pull…', row('again')).evaluate((e) => e === document.activeElement), true)

  // Plugins: through the dialog for files; what is none is refused with a reason.
  await press('g', 'p')
  const names = (await api('GET', '/plugins')).map((p) => p.name)
  const choose = async (name, buffer) => {
    const chooser = page.waitForEvent('filechooser')
    await enter(page.getByRole('button', { name: /Drop a .wasm file here/ }), 'the place to drop')
    await (await chooser).setFiles({ name, mimeType: 'application/wasm', buffer })
  }
  await page.getByRole('heading', { name: 'Plugins' }).waitFor()
  await choose('none.wasm', notAPlugin)
  await page.getByText(/^none\.wasm: /).waitFor()
  await eventually(async () => (await api('GET', '/plugins')).map((p) => p.name), names)
  await both('plugins')
  await choose('mine.wasm', await readFile(join(root, 'plugins', 'bundled', 'mask_pii.wasm')))
  await enter(button('Remove').first(), 'remove')
  await both('remove a plugin')
  await enter(button('Remove', dialog), 'remove for sure')
  await page.getByText(/was moved to .tidemark.trash/).waitFor()
  await eventually(async () => (await api('GET', '/plugins')).map((p) => p.name), names)

  // Health: what it says to do is one key away.
  await press('g', 'y')
  await page.getByRole('heading', { name: 'Health' }).waitFor()
  await both('health')
  await enter(page.getByRole('link', { name: 'again: Pull it' }), 'the remedy')
  await page.getByText('To fetch').waitFor()
  await press('Escape')
  await press('g', 'y')
  await enter(page.getByRole('link', { name: 'orders: Look at them' }), 'the remedy')
  await page.waitForURL(/\/quarantine\?dataset=orders/)

  // Quarantine: replay, then mark and discard.
  await both('quarantine')
  await press('r')
  await enter(button('Replay', dialog), 'replay')
  await page.getByText(/^2 entries replayed, 0 records stored, 2 in quarantine again/).waitFor()
  await reach(page.getByLabel('Mark all of this page'), 'mark all')
  await press('Space')
  await enter(page.getByRole('button', { name: /^Discard \d+…/ }), 'discard')
  await both('discard')
  await enter(dialog.getByRole('button', { name: /^Discard \d/ }), 'discard for sure')
  await page.getByText('Quarantine is empty').waitFor()

  // Schema: another type for a field.
  await go('/schema/orders')
  await page.getByRole('cell', { name: 'event_time' }).waitFor()
  await both('schema')
  await enter(page.getByRole('button', { name: 'Set type… of body.status' }), 'set a type')
  await enter(button('varchar', dialog), 'the type')
  await both('set a type')
  await enter(button('Set the type', dialog), 'set it')
  await dialog.waitFor({ state: 'detached' }).catch(() => {})
  await press('2')
  await page.getByText('set by a person').waitFor()

  // Explore: two records side by side, and the width of the panels.
  await go('/explore?dataset=orders&t=all')
  await page.locator('.tr .td').first().waitFor()
  await press('l', 'ArrowDown', 'v')
  await page.getByRole('complementary', { name: 'Record' }).waitFor()
  await press('m', 'j')
  const two = page.getByRole('complementary', { name: 'Two records' })
  await two.getByText(/^\d+ of \d+ fields differ$/).waitFor()
  await two.getByRole('rowheader', { name: 'message' }).waitFor()
  await both('two records')
  const edge = page.getByRole('separator', { name: 'Width of the record' })
  const width = () => two.evaluate((e) => Math.round(e.getBoundingClientRect().width))
  await reach(edge, 'the line between')
  // The first key takes what the window left of the chosen width, the second goes on from there.
  await press('ArrowRight')
  const was = await width()
  await press('ArrowRight')
  await page.waitForFunction((w) => Math.round(document.querySelector('aside.compare')?.getBoundingClientRect().width ?? 0) === w, was - 20)
  await press('Escape')
  await two.waitFor({ state: 'detached' })
  await press('m', 'j')
  await two.waitFor()
  await eventually(width, was - 20)
  await press('Escape', 'Escape')
  await page.getByRole('complementary', { name: 'Record' }).waitFor({ state: 'detached' })
}
