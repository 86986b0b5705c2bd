// Takes the pictures of every page into docs/images: node e2e/screenshots.mjs [WORKSPACE]
// Without a workspace the sample's whole week is written and pulled first.
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { launch, program, root, sample, serve, surroundings } from './harness.mjs'

const run = promisify(execFile)
const out = join(root, 'docs', 'images')
const incident = 't=2026-01-09T13%3A30%3A00.000Z%2F2026-01-09T15%3A30%3A00.000Z'

/** play replays the beginning of the incident until its alarm goes off, and holds it. */
async function play(page) {
  const button = (name) => page.getByRole('button', { name, exact: true })
  await page.getByRole('button', { name: /^(Start|Stop)/ }).first().waitFor()
  if (await button('Resume').isVisible()) await page.keyboard.press('p')
  else {
    await page.keyboard.press('s')
    await page.getByRole('textbox', { name: 'At' }).fill('2026-01-09 14:02:00')
    await button('Go there').click()
  }
  await page.waitForFunction(() => document.querySelectorAll('.grid .tr').length > 10)
  await page.waitForTimeout(12_000)
  await page.locator('nav a[href$="/incidents"] em').waitFor({ timeout: 120_000 })
  await page.keyboard.press('p')
}

const pages = {
  home: ['/', async (p) => p.getByRole('link', { name: 'checkout_error_rate', exact: true }).waitFor()],
  explore: [`/explore?dataset=app_logs&${incident}`],
  notebooks: ['/notebooks/incident.md', async (p) => {
    await p.getByRole('button', { name: 'Run all' }).click()
    await p.getByRole('button', { name: /^Stop/ }).first().waitFor({ state: 'detached', timeout: 120_000 }).catch(() => {})
  }],
  dashboards: ['/dashboards/checkout.yaml'],
  rules: [`/rules/checkout_error_rate.yaml?t=2026-01-09T12%3A00%3A00.000Z%2F2026-01-09T18%3A00%3A00.000Z`],
  sources: ['/sources'],
  schema: ['/schema/app_logs?tab=versions'],
  quarantine: ['/quarantine'],
  plugins: ['/plugins'],
  health: ['/health'],
  live: ['/live', play],
  incidents: ['/incidents'],
}

const s = await surroundings()
const browser = await launch()
let server
try {
  await mkdir(out, { recursive: true })
  if (process.argv[2]) await run(program, ['-w', process.argv[2], 'trust'], { env: s.env })
  server = await serve(s, process.argv[2] ?? (await sample(s, 'shop', '2026-01-05T00:00:00Z', '2026-01-12T00:00:00Z')))
  for (const scheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: scheme, reducedMotion: 'reduce' })
    const page = await context.newPage()
    await page.goto(server.url)
    for (const [name, [path, ready]] of Object.entries(pages)) {
      await page.goto(new URL(path, server.url).href)
      await page.locator('h1').waitFor()
      await ready?.(page)
      // A picture of something that still loads shows nothing.
      await page.waitForFunction(() => !document.querySelector('main .skeleton, main [aria-busy=true]'), null, { timeout: 120_000 })
      await page.waitForTimeout(1500)
      const failed = await page.locator('main .failure').allTextContents()
      if (failed.length > 0) throw new Error(`${path} shows an error: ${failed[0]}`)
      const file = join(out, `${name}-${scheme}.png`)
      await page.screenshot({ path: file + '.full.png' })
      // 256 colours show a page as well, in a third of the bytes.
      await run('convert', [file + '.full.png', '-strip', '+dither', '-colors', '256', '-define', 'png:compression-level=9', 'PNG8:' + file])
      await rm(file + '.full.png')
      console.log(file)
    }
    await context.close()
  }
} finally {
  await browser.close()
  await server?.stop()
  await s.remove()
}
