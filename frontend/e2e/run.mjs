// Runs the end-to-end tests of the page: node e2e/run.mjs [NAME...]
// Each file NAME.test.mjs exports a function that is given a page, the address,
// and axe; it has a workspace and a server of its own.
import { mkdir, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { apiOf, axeOn, copied, goOf, launch, pictures, sample, serve, steady, surroundings } from './harness.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const wanted = process.argv.slice(2)
const names = (await readdir(here)).filter((f) => f.endsWith('.test.mjs')).map((f) => basename(f, '.test.mjs')).filter((n) => !wanted.length || wanted.includes(n))
if (!names.length) throw new Error(`there is no test ${wanted.join(', ')}`)
await mkdir(pictures, { recursive: true })

test('the page', async (t) => {
  const s = await surroundings()
  const browser = await launch()
  try {
    const first = await sample(s, 'shop')
    for (const name of names)
      await t.test(name, { timeout: 600_000 }, (t) =>
        steady(t, async (time) => {
          const { default: body, options = {} } = await import(`./${name}.test.mjs`)
          // What the first time has left is not there the second time.
          const where = time ? { ...s, dir: join(s.dir, 'again') } : s
          await mkdir(where.dir, { recursive: true })
          const workspace = options.workspace ? await options.workspace(where) : await copied(where, first, name)
          const server = await serve(s, workspace)
          const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: options.colorScheme ?? 'light', reducedMotion: 'reduce' })
          context.setDefaultTimeout(60_000)
          const page = await context.newPage()
          // What the page itself gets wrong fails the test, wherever it is.
          const wrong = []
          page.on('pageerror', (e) => wrong.push(String(e)))
          page.on('console', (m) => m.type() === 'error' && !/the server responded with a status of|net::ERR/.test(m.text()) && wrong.push(m.text()))
          try {
            await page.goto(server.url)
            await page.getByRole('navigation', { name: 'Pages' }).waitFor()
            await body({ page, url: server.url, server, axe: axeOn(page), api: apiOf(page), go: goOf(page), surroundings: where, t })
            if (wrong.length) throw new Error('the page said: ' + wrong.join('\n'))
          } catch (e) {
            const picture = join(pictures, name + '.png')
            await page.screenshot({ path: picture }).catch(() => {})
            e.message += `\npicture: ${picture}${wrong.length ? `\nthe page said: ${wrong.join('\n')}` : ''}`
            throw e
          } finally {
            // An answer that a test still holds back is nobody's any more.
            await page.unrouteAll({ behavior: 'ignoreErrors' })
            await context.close()
            await server.stop()
          }
        }),
      )
  } finally {
    await browser.close()
    await s.remove()
  }
})
