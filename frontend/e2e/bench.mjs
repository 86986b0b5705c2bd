// What the benchmark asks of a browser: node e2e/bench.mjs URL. Reads a word a
// line, answers with a line of JSON. It is ready when it says so.
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'

import { launch } from './harness.mjs'

const url = process.argv[2]
const origin = new URL(url).origin
const browser = await launch()
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage()
const say = (o) => console.log(JSON.stringify(o))

// What the first page loads, as it would come compressed.
const scripts = []
const count = (r) => /\.js$/.test(new URL(r.url()).pathname) && scripts.push(r.body().then((b) => gzipSync(b, { level: 9 }).length))
page.on('response', count)
await page.goto(url)
await page.locator('h1').waitFor()
await page.waitForTimeout(300)
page.off('response', count)
const script = (await Promise.all(scripts)).reduce((a, b) => a + b, 0)

const cell = '[role=grid] [role=row][aria-rowindex="2"] [role=gridcell]:not(:has(.wait))'
async function prepare() {
  await page.goto(origin + '/notebooks/wide.md')
  await page.getByRole('button', { name: 'Run SQL cell wide' }).waitFor()
}
// Frames while a wheel turns fast, or while the bar is dragged over all rows.
async function frames(how) {
  await page.getByText('1,000,000 rows').waitFor({ timeout: 60_000 })
  return page.evaluate(
    ([how]) =>
      new Promise((resolve) => {
        const grid = document.querySelector('[role=grid]')
        const start = performance.now()
        const gaps = []
        let last = start
        const step = (now) => {
          gaps.push(now - last)
          last = now
          if (now - start > 4000) return resolve({ fps: (gaps.length - 1) / ((now - start) / 1000), worst_ms: Math.max(...gaps.slice(2)) })
          if (how === 'scroll') grid.dispatchEvent(new WheelEvent('wheel', { deltaY: 96, bubbles: true, cancelable: true }))
          else grid.scrollTop = ((now - start) / 4000) * (grid.scrollHeight - grid.clientHeight)
          requestAnimationFrame(step)
        }
        requestAnimationFrame(step)
      }),
    [how],
  )
}
const tasks = {
  // From the click to the first row on screen.
  async rows() {
    await page.evaluate(
      ([cell]) =>
        new Promise((resolve) => {
          const look = () => (document.querySelector(cell) ? requestAnimationFrame(() => resolve()) : requestAnimationFrame(look))
          document.querySelector('button[aria-label="Run SQL cell wide"]').click()
          look()
        }),
      [cell],
    )
    return {}
  },
  prepare: async () => (await prepare(), {}),
  scroll: () => frames('scroll'),
  drag: () => frames('drag'),
  script: async () => ({ gzip_bytes: script }),
}
await prepare()
say({ ready: true })
for await (const line of createInterface({ input: process.stdin })) {
  try {
    say(await tasks[line]())
  } catch (e) {
    say({ error: String(e) })
  }
}
await browser.close()
