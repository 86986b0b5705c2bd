// The desktop window, on a display of its own: it opens, the page stands, and
// something is to be seen on it. node e2e/window.mjs
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { pictures, program, sample, surroundings } from './harness.mjs'

const run = promisify(execFile)

/** display starts an X server on a display that is free. */
async function display() {
  const x = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1360x900x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const number = await new Promise((resolve, reject) => {
    x.stdio[3].once('data', (d) => resolve(String(d).trim()))
    x.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)))
  })
  return { name: ':' + number, stop: () => x.kill() }
}

/** colours counts how many colours, to 4 bits a channel, cover a thousandth of the screen or more. */
async function colours(on, picture) {
  await run('import', ['-display', on, '-window', 'root', picture])
  const { stdout } = await run('convert', [picture, '-depth', '4', '-format', '%c', 'histogram:info:-'], { maxBuffer: 1 << 26 })
  const counts = [...stdout.matchAll(/^\s*(\d+):/gm)].map((m) => +m[1])
  const all = counts.reduce((a, b) => a + b, 0)
  return counts.filter((n) => n >= all / 1000).length
}

const enough = 8
const until = async (what, done, seconds = 30) => {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((r) => setTimeout(r, 200))) if (await done()) return
  throw new Error('never: ' + what)
}

/** memory adds up what a process and those it started hold for themselves, in MB. */
async function memory(pid) {
  const parents = new Map()
  for (const p of await readdir('/proc')) if (/^\d+$/.test(p)) parents.set(+p, +(/\) \S (\d+)/.exec(await readFile(`/proc/${p}/stat`, 'utf8').catch(() => '')) ?? [])[1])
  const of = [pid]
  for (let i = 0; i < of.length; i++) for (const [p, parent] of parents) if (parent === of[i]) of.push(p)
  let kb = 0
  for (const p of of) kb += +(/^Pss:\s+(\d+)/m.exec(await readFile(`/proc/${p}/smaps_rollup`, 'utf8').catch(() => '')) ?? [0, 0])[1]
  return { mb: Math.round(kb / 1024), processes: of.length }
}

test('a blank page is seen to be blank', async () => {
  const x = await display()
  const blank = spawn('display', ['-display', x.name, '-size', '1200x800', 'xc:#fcfbf9'], { stdio: 'ignore' })
  try {
    await mkdir(pictures, { recursive: true })
    const picture = join(pictures, 'blank.png')
    await until('a blank window', async () => (await colours(x.name, picture)) >= 2)
    assert.ok((await colours(x.name, picture)) < enough)
  } finally {
    blank.kill()
    x.stop()
  }
})

test('the window', { timeout: 180_000 }, async (t) => {
  const s = await surroundings()
  const x = await display()
  // A system that names no language broke pages before: here on purpose.
  const env = { ...s.env, DISPLAY: x.name, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1' }
  delete env.WAYLAND_DISPLAY
  let app
  try {
    const dir = await sample(s, 'shop', '2026-01-09T13:00:00Z', '2026-01-09T15:00:00Z')
    const started = Date.now()
    app = spawn(program, ['-w', dir, 'app', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let said = ''
    app.stdout.on('data', (d) => (out += d))
    app.stderr.on('data', (d) => (said += d))
    const over = new Promise((resolve) => app.on('exit', resolve))
    await until('the page stands', () => {
      if (app.exitCode !== null) throw new Error(`app ended with ${app.exitCode}: ${said}`)
      return out.includes('\n')
    })
    t.diagnostic(`from start to a page that stands: ${Date.now() - started} ms`)
    const page = JSON.parse(out)
    assert.match(page.user_agent, /AppleWebKit/)
    assert.match(page.title, /Tidemark/)
    assert.equal(page.heading, 'shop')
    const picture = join(pictures, 'window.png')
    await until('something to be seen', async () => (await colours(x.name, picture)) >= enough)
    const { mb, processes } = await memory(app.pid)
    t.diagnostic(`idle memory of ${processes} processes: ${mb} MB`)

    // A second one shows the first, and says so.
    const second = await run(program, ['-w', dir, 'app'], { env })
    assert.match(second.stderr, /open already/)
    // Other verbs go through it.
    const rows = await run(program, ['-w', dir, 'query', '--json', 'select count(*) > 1000 as many from app_logs'], { env })
    assert.deepEqual(JSON.parse(rows.stdout), [{ many: true }])

    app.kill('SIGINT')
    assert.equal(await over, 0, said)
    assert.ok(JSON.parse(await readFile(join(s.dir, 'config', 'tidemark', 'window.json'), 'utf8').catch(() => '{"width":1}')).width > 0)
  } finally {
    app?.kill('SIGKILL')
    x.stop()
    await s.remove()
  }
})
