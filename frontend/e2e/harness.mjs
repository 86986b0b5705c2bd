// What the end-to-end tests of the page share: a workspace of the sample's
// hours around the incident, the program that serves it, and a browser.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual, promisify } from 'node:util'
import { existsSync, readFileSync } from 'node:fs'

import { chromium } from 'playwright-core'

const run = promisify(execFile)
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
export const program = process.env.TIDEMARK_BIN ?? join(root, 'bin', 'tidemark')
export const pictures = join(root, '.cache', 'e2e')

/** A browser that is installed; tests bring none. */
export function browserPath() {
  const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'].find((p) => p && existsSync(p))
  if (!found) throw new Error('there is no Chromium: scripts/setup.sh browser installs it, or CHROMIUM names one')
  return found
}

export const launch = () => chromium.launch({ executablePath: browserPath(), args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** One folder for all that a run leaves behind, and the user's own left alone. */
export async function surroundings() {
  const dir = await mkdtemp(join(tmpdir(), 'tidemark-e2e-'))
  const env = { ...process.env, HOME: join(dir, 'home'), XDG_CONFIG_HOME: join(dir, 'config'), XDG_CACHE_HOME: join(dir, 'cache'), XDG_DATA_HOME: join(dir, 'data') }
  await mkdir(env.HOME, { recursive: true })
  return { dir, env, remove: () => rm(dir, { recursive: true, force: true, maxRetries: 5 }) }
}

/** sample writes and pulls the sample workspace, cut down to some hours. */
export async function sample(s, name, from = '2026-01-09T12:00:00Z', to = '2026-01-09T17:00:00Z') {
  const dir = join(s.dir, name)
  await run(program, ['demo', dir, '--quiet', '--from', from, '--to', to], { env: s.env })
  await run(program, ['-w', dir, 'pull', '--quiet'], { env: s.env, maxBuffer: 1 << 26 })
  return dir
}

/** copied is a workspace of its own for one test, trusted like the first. */
export async function copied(s, from, name) {
  const dir = join(s.dir, name)
  await cp(from, dir, { recursive: true })
  await run(program, ['-w', dir, 'trust'], { env: s.env })
  return dir
}

/** serve starts the program; stop ends it and gives its exit code. */
export async function serve(s, workspace, args = []) {
  const child = spawn(program, ['-w', workspace, 'serve', '--json', ...args], { env: s.env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (d) => (said += d))
  const over = new Promise((resolve) => child.on('exit', resolve))
  const line = await new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (d) => {
      text += d
      if (text.includes('\n')) resolve(text)
    })
    child.on('exit', (code) => reject(new Error(`serve ended with ${code}: ${said}${text}`)))
  })
  return {
    ...JSON.parse(line),
    pid: child.pid,
    said: () => said,
    kill: () => child.kill('SIGKILL'),
    stop: () => (child.exitCode === null && child.kill('SIGINT'), over),
  }
}

/**
 * steady runs a test that speaks with several programs at once, and once more
 * if it fails: what fails twice is a fault. What fails once is named, at the
 * place and at the end, for it is a fault of the test or a rare one of the page.
 */
export async function steady(t, body) {
  try {
    await body(0)
  } catch (e) {
    const what = `UNSTEADY: ${t.name} failed and is run again: ${e.stack ?? e}`
    t.diagnostic(what)
    process.once('exit', () => console.error(what))
    await body(1)
  }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/**
 * eventually reads until what it reads is as it is wanted: a value, a pattern,
 * or what a function finds right. It gives what it read.
 */
export async function eventually(read, wanted, seconds = 60) {
  const right = wanted instanceof RegExp ? (got) => wanted.test(got) : typeof wanted === 'function' ? wanted : (got) => isDeepStrictEqual(got, wanted)
  for (const end = Date.now() + seconds * 1000; ; await sleep(50)) {
    const got = await read()
    if (right(got)) return got
    if (Date.now() < end) continue
    if (wanted instanceof RegExp) assert.match(got, wanted)
    else if (typeof wanted !== 'function') assert.deepEqual(got, wanted)
    assert.fail(`it never was as wanted; last: ${JSON.stringify(got)}`)
  }
}

/** dimmed finds what is dimmed because it is asked for anew: that is not for reading, and has no contrast to speak of. */
const dimmed = 'main [aria-busy=true]:is(.dim, .busy), main [aria-busy=true] :is(.dim, .busy)'

/** quiet waits until nothing is dimmed. */
const quiet = (page) => page.waitForFunction((dimmed) => !document.querySelector(dimmed), dimmed)

/** audit runs axe; moved says that something was asked for anew meanwhile. */
async function audit(dimmed) {
  // Two frames: what was changed last is drawn.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  let moved = document.querySelector(dimmed) !== null
  const watch = new MutationObserver(() => (moved = true))
  watch.observe(document.body, { subtree: true, attributes: true, attributeFilter: ['aria-busy'] })
  const { violations } = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
  watch.disconnect()
  return { violations, moved }
}

/** axeOn gives a check of the page once it is quiet: no violation of WCAG A and AA. */
export function axeOn(page) {
  return async (where) => {
    await page.evaluate(axeSource)
    let violations, moved
    do {
      await quiet(page)
      ;({ violations, moved } = await page.evaluate(audit, dimmed))
    } while (violations.length && moved)
    if (violations.length)
      throw new Error(
        `axe, ${where}:\n` + violations.map((v) => `${v.id}: ${v.help}\n` + v.nodes.slice(0, 5).map((n) => `    ${n.html.slice(0, 200)}\n      ${n.failureSummary?.split('\n').slice(1, 3).join(' ')}`).join('\n')).join('\n'),
      )
  }
}

/** apiOf calls the API as the page does: method, path, and a body that becomes JSON. */
export function apiOf(page) {
  return (method, path, body) =>
    page.evaluate(
      async ([method, path, body]) => {
        const headers = { Accept: 'application/json', Authorization: 'Bearer ' + sessionStorage.getItem('tidemark.token'), ...(body ? { 'Content-Type': 'application/json' } : {}) }
        const r = await fetch('/api/v1' + path, { method, headers, body: body ? JSON.stringify(body) : undefined })
        const text = await r.text()
        return text ? JSON.parse(text) : null
      },
      [method, path, body],
    )
}

/** goOf goes to another place within the page, which is not loaded anew. */
export const goOf = (page) => (path) => page.evaluate((p) => (history.pushState(null, '', p), dispatchEvent(new PopStateEvent('popstate'))), path)

/**
 * byKeys is what somebody without a mouse has: keys, and Tab to go where they
 * want to be. A test that uses it cannot use the mouse as well.
 */
export function byKeys(page) {
  page.mouse.click = page.mouse.move = () => {
    throw new Error('by keys alone')
  }
  const press = async (...keys) => {
    for (const k of keys) await page.keyboard.press(k)
  }
  async function reach(wanted, what) {
    await wanted.waitFor()
    for (let i = 0; i < 80; i++) {
      if (await wanted.evaluate((e) => e === document.activeElement)) return
      // In an editor Tab indents; Escape leaves it.
      if (await page.evaluate(() => !!document.activeElement?.closest('.cm-editor'))) await press('Escape')
      await press('Tab')
    }
    throw new Error(`Tab does not come to ${what}`)
  }
  return { press, reach, enter: async (wanted, what) => (await reach(wanted, what), press('Enter')) }
}
