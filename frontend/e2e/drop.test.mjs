// What is dropped anywhere on the page in a browser is brought into the
// workspace: files, several at once, folders. What the window hands over, the
// path of a dropped file and of one chosen in the system's dialog, becomes a
// source where the file is.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { eventually } from './harness.mjs'

const line = (i) => JSON.stringify({ ts: new Date(Date.UTC(2026, 0, 9, 12, 0, i)).toISOString(), level: 'INFO', message: 'dropped ' + i }) + '\n'

export const options = {
  async workspace(s) {
    const dir = join(s.dir, 'drop')
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, 'tidemark.yaml'), 'name: drop\n')
    return dir
  },
}

export default async function ({ page, api, axe, go, surroundings }) {
  const outside = join(surroundings.dir, 'somewhere else')
  await mkdir(outside, { recursive: true })
  const [dropped, chosen] = ['dropped.ndjson', 'chosen.ndjson'].map((name) => join(outside, name))
  await writeFile(dropped, [1, 2, 3].map(line).join(''))
  await writeFile(chosen, [1, 2].map(line).join(''))
  await page.getByRole('button', { name: 'Trust it' }).last().click()
  await page.getByText('This workspace is trusted now').waitFor()
  const rows = async (dataset) => (await api('POST', '/query', { sql: `select count(*) from ${dataset}` })).rows?.[0]?.[0]

  // In a browser: two files and a folder at once, beside every place for them.
  // The page takes all of it, so the browser does not go there.
  const many = join(surroundings.dir, 'many')
  await mkdir(join(many, 'My logs', '2026'), { recursive: true })
  const paths = ['one.ndjson', 'two.ndjson', 'My logs'].map((name) => join(many, name))
  await writeFile(paths[0], line(1))
  await writeFile(paths[1], [1, 2].map(line).join(''))
  await writeFile(join(paths[2], 'a.ndjson'), line(1))
  await writeFile(join(paths[2], '2026', 'b.ndjson'), line(2))
  await writeFile(join(paths[2], '.hidden'), 'not of the data')
  const heading = page.getByRole('heading', { level: 1 })
  await heading.waitFor()
  const here = await heading.boundingBox()
  const browser = await page.context().newCDPSession(page)
  const drag = (type, data) => browser.send('Input.dispatchDragEvent', { type, x: here.x + 5, y: here.y + 5, data: { items: [], dragOperationsMask: 1, ...data } })
  const drop = async (data) => {
    for (const type of ['dragEnter', 'dragOver', 'drop']) await drag(type, data)
  }
  await drop({ files: paths })
  for (const name of ['one', 'two', 'my_logs']) await page.getByRole('row', { name: new RegExp(`${name} done`) }).waitFor()
  await eventually(async () => Promise.all(['one', 'two', 'my_logs'].map(rows)), [1, 2, 2])
  await axe('dropped in a browser')
  // An address is nothing to go to either.
  await drop({ items: [{ mimeType: 'text/uri-list', data: 'http://127.0.0.1:9/', title: '', baseURL: '' }] })
  await page.getByText('Only files and folders can be added.').waitFor()
  assert.equal(new URL(page.url()).pathname, '/sources')
  await browser.detach()

  // The window tells it over the stream of events; here the first stream does.
  // A stream ends after each command, and the page asks again.
  const hello = { type: 'hello', version: 'x', started: '2026-01-01T00:00:00Z' }
  const commands = [{ type: 'command', name: 'drop', path: dropped }]
  await page.route('**/api/v1/events', (route) => {
    const next = commands.shift()
    if (!next) return route.fallback()
    return route.fulfill({ contentType: 'application/x-ndjson', body: [hello, next].map((e) => JSON.stringify(e) + '\n').join('') })
  })
  await page.route('**/api/v1/workspace', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json()), desktop: true } })
  })
  await page.reload()
  await page.waitForURL(/\/sources$/)
  await page.getByRole('row', { name: / dropped done/ }).waitFor()
  await axe('a dropped file')
  assert.equal(await rows('dropped'), 3)
  // It is read where it is: nothing of it was copied.
  assert.match((await api('GET', '/files?path=tidemark.yaml')).text, /somewhere else\/dropped\.ndjson/)

  // Its menu goes back, and opens another workspace, by the system's dialog.
  const opened = page.waitForRequest('**/api/v1/workspace/open')
  await page.route('**/api/v1/native/open', (route) => (assert.deepEqual(route.request().postDataJSON(), { what: 'workspace' }), route.fulfill({ json: { path: '/elsewhere' } })))
  await page.route('**/api/v1/workspace/open', (route) => route.fulfill({ json: { command: 'tidemark -w /elsewhere app' } }))
  await go('/health')
  await page.getByRole('heading', { name: 'Health', level: 1 }).waitFor()
  commands.push({ type: 'command', name: 'back' }, { type: 'command', name: 'open' })
  await page.reload()
  await page.waitForURL(/\/sources$/)
  assert.deepEqual((await opened).postDataJSON(), { dir: '/elsewhere' })
  await page.getByText('/elsewhere opens in a window of its own').waitFor()
  await page.keyboard.press('Alt+ArrowRight')
  await page.getByRole('heading', { name: 'Health', level: 1 }).waitFor()
  await page.keyboard.press('Alt+ArrowLeft')
  await page.waitForURL(/\/sources$/)
  await page.unroute('**/api/v1/native/open')

  // In the window the place to drop asks by the system's dialog.
  await page.route('**/api/v1/native/open', (route) => (assert.deepEqual(route.request().postDataJSON(), { what: 'file' }), route.fulfill({ json: { path: chosen } })))
  await page.getByRole('button', { name: /Drop a file here/ }).click()
  await page.getByRole('row', { name: /chosen done/ }).waitFor()
  assert.equal(await rows('chosen'), 2)
}
