// The desktop window, on a display of its own: it opens, the page stands, and
// something is to be seen on it. node e2e/window.mjs
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

import { pictures, program, sample, steady, surroundings } from './harness.mjs'

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

/** wayland starts a compositor on an X display, which shows nothing of its own but one colour. */
async function wayland(on, dir) {
  const runtime = join(dir, 'runtime')
  await mkdir(runtime, { recursive: true, mode: 0o700 })
  const config = join(dir, 'weston.ini')
  await writeFile(config, '[core]\nidle-time=0\n[shell]\nbackground-color=0xff808080\npanel-position=none\n')
  const env = { ...process.env, DISPLAY: on, XDG_RUNTIME_DIR: runtime }
  const compositor = spawn('weston', ['--backend=x11-backend.so', '--use-pixman', '--width=1300', '--height=860', '--socket=wayland-test', '--config=' + config], { env, stdio: 'ignore' })
  const broken = new Promise((_, reject) => compositor.once('error', reject).once('exit', (code) => reject(new Error(`weston ended with ${code}`))))
  broken.catch(() => {})
  await Promise.race([broken, until('a compositor', () => existsSync(join(runtime, 'wayland-test')))])
  return { env: { WAYLAND_DISPLAY: 'wayland-test', XDG_RUNTIME_DIR: runtime, GDK_BACKEND: 'wayland' }, stop: () => compositor.kill() }
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
const until = async (what, done, seconds = 120) => {
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

/** windowOf is the process of the window that an app has open, once there is one. */
async function windowOf(app) {
  let found
  await until('a process of the window', async () => {
    for (const p of await readdir('/proc')) {
      if (!/^\d+$/.test(p)) continue
      const [, name, parent] = /\((.*)\) \S (\d+)/.exec(await readFile(`/proc/${p}/stat`, 'utf8').catch(() => '')) ?? []
      if (name === 'tidemark-window' && +parent === app.pid) found = +p
    }
    return found
  })
  return found
}

/** ended says whether a process has: one that nobody waits for stays as a zombie. */
const ended = async (pid) => / Z |^$/.test((await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')).replace(/.*\)/, ''))

/** opened starts the window on a workspace: page waits for what stands on it, end closes it. */
function opened(dir, env) {
  const app = spawn(program, ['-w', dir, 'app', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, said] = ['', '']
  app.stdout.on('data', (d) => (out += d))
  app.stderr.on('data', (d) => (said += d))
  const over = new Promise((resolve) => app.on('exit', resolve))
  return {
    pid: app.pid,
    async page() {
      await until('the page stands', () => {
        if (app.exitCode !== null) throw new Error(`app ended with ${app.exitCode}: ${said}`)
        return out.includes('\n')
      })
      return JSON.parse(out)
    },
    async end() {
      app.kill('SIGINT')
      assert.equal(await over, 0, said)
    },
    /** failure waits for an end by itself, and gives the error that it told. */
    async failure() {
      assert.equal(await over, 1, said)
      await until('the error', () => out.endsWith('\n') && out.trim().includes('\n')) // it comes after the page, and may be read after the end
      return JSON.parse(out.trim().split('\n')[1]).error
    },
    kill: () => app.kill('SIGKILL'),
  }
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

const there = (name) => (process.env.PATH ?? '').split(':').some((dir) => existsSync(join(dir, name)))

// A compositor is more than every change should need.
const skipped = !process.env.TIDEMARK_WAYLAND ? 'make test-full opens it, with TIDEMARK_WAYLAND=1' : there('weston') ? false : 'there is no weston: scripts/setup.sh wayland installs it'

test('the window on Wayland', { timeout: 360_000, skip: skipped }, (t) =>
  steady(t, async () => {
    const s = await surroundings()
    const x = await display()
    let compositor
    let app
    try {
      compositor = await wayland(x.name, s.dir).catch((e) => t.skip(`there is no Wayland here: ${e.message}`))
      if (!compositor) return
      const picture = join(pictures, 'wayland.png')
      await mkdir(pictures, { recursive: true })
      await until('the compositor’s own colour', async () => (await colours(x.name, picture)) >= 2)
      assert.ok((await colours(x.name, picture)) < enough, 'there is something to be seen before the window is')
      const dir = await sample(s, 'shop', '2026-01-09T13:00:00Z', '2026-01-09T15:00:00Z')
      const env = { ...s.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', NO_AT_BRIDGE: '1', ...compositor.env }
      delete env.DISPLAY
      app = opened(dir, env)
      assert.equal((await app.page()).heading, 'shop')
      await until('something to be seen', async () => (await colours(x.name, picture)) >= enough)
      await app.end()
    } finally {
      app?.kill()
      compositor?.stop()
      x.stop()
      await s.remove()
    }
  }),
)

test('the command line links no toolkit', { skip: !there('ldd') && 'there is no ldd' }, async () => {
  const links = async (file) => (await run('ldd', [file])).stdout
  assert.match(await links(program + '-window'), /libwebkit2gtk/)
  assert.doesNotMatch(await links(program), /webkit|gtk|libX11|wayland/i)
})

test('the window', { timeout: 900_000 }, (t) =>
  steady(t, async () => {
    const s = await surroundings()
    const x = await display()
    // A system that names no language broke pages before: here on purpose.
    const env = { ...s.env, DISPLAY: x.name, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1' }
    delete env.WAYLAND_DISPLAY
    let app
    try {
      const dir = await sample(s, 'shop', '2026-01-09T13:00:00Z', '2026-01-09T15:00:00Z')
      const started = Date.now()
      app = opened(dir, env)
      const page = await app.page()
      t.diagnostic(`from start to a page that stands: ${Date.now() - started} ms`)
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

      await app.end()
      assert.ok(JSON.parse(await readFile(join(s.dir, 'config', 'tidemark', 'window.json'), 'utf8').catch(() => '{"width":1}')).width > 0)

      // Each of the two ends with the other, and the database is closed.
      app = opened(dir, env)
      await app.page()
      const orphan = await windowOf(app)
      const secret = JSON.parse(await readFile(join(dir, '.tidemark', 'served.json'), 'utf8')).token
      for (const file of ['cmdline', 'environ']) assert.ok(!(await readFile(`/proc/${orphan}/${file}`, 'utf8')).includes(secret), file)
      app.kill()
      await until('the window closes when its server was killed', () => ended(orphan))

      app = opened(dir, env)
      await app.page()
      process.kill(await windowOf(app), 'SIGKILL')
      assert.match((await app.failure()).message, /its program ended: signal: killed/)
      const after = await run(program, ['-w', dir, 'query', '--json', 'select count(*) > 1000 as many from app_logs'], { env })
      assert.deepEqual(JSON.parse(after.stdout), [{ many: true }])
    } finally {
      app?.kill()
      x.stop()
      await s.remove()
    }
  }),
)
