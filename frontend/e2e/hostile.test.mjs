// Records, names and files made to harm: they are shown as what they are,
// nothing of them runs, nothing is fetched, and the page goes on answering.
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const html = `<img src=x onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">go</a>`
const ansi = '\u001b[31mred\u001b[0m\u0007'
const bidi = 'invoice\u202egnp.exe\u2066'
const remote = 'http://evil.invalid/pixel.png'
const megabytes = 10 << 20
// What a file may be called where it lies: anything without a slash.
const pluginName = `<img src=x onerror=alert(8)> ${bidi} \u001b[31m`

const records = () => {
  const at = (i) => `2026-01-09T12:00:${String(i).padStart(2, '0')}Z`
  const wide = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => ['k' + i, i]))
  return [
    { ts: at(1), service: html, level: 'ERROR', message: html, extra: { [html]: html } },
    { ts: at(2), service: ansi, level: ansi, message: ansi + ' nul\u0000end' },
    { ts: at(3), service: bidi, level: 'INFO', message: bidi },
    JSON.stringify({ ts: at(4), service: 'keys', level: 'INFO', message: 'odd keys', PROTO: { polluted: true }, constructor: { prototype: { polluted: true } }, '': 'empty', toString: 'x', hasOwnProperty: 1 }).replace('PROTO', '__proto__'),
    { ts: at(5), service: 'long', level: 'INFO', message: 'y'.repeat(900_000) },
    { ts: at(6), service: 'wide', level: 'INFO', message: 'wide', ...wide },
    { ts: at(7), service: 'huge', level: 'INFO', message: '<b>' + 'z'.repeat(megabytes - 3), extra: { tags: [html] } },
  ]
    .map((r) => (typeof r === 'string' ? r : JSON.stringify(r)))
    .concat(`no JSON ${html} ${ansi} ${bidi}`)
    .join('\n')
}

const notebook = `---
title: '${html}'
---
# ${html}

![pixel](${remote}) [go](javascript:alert(4)) <iframe src="${remote}"></iframe> <svg onload=alert(5)>

\`\`\`sql all
select message, service, level, body.extra from odd order by event_time
\`\`\`
`

const dashboard = `title: '<img src=x onerror=alert(6)>'
time: all
rows:
  - height: 3
    items:
      - title: '<script>alert(7)</script>'
        sql: select service, count(*) n from odd group by all
        type: table
        width: 12
`

export const options = {
  async workspace(s) {
    const dir = join(s.dir, 'hostile')
    for (const d of ['data', 'notebooks', 'dashboards', 'plugins']) await mkdir(join(dir, d), { recursive: true })
    await writeFile(join(dir, 'tidemark.yaml'), 'name: hostile\nsources:\n  odd: {type: file, path: "data/*.ndjson", dataset: odd}\ndatasets:\n  odd: {event_time: ts}\n')
    await writeFile(join(dir, 'data', `${bidi}<b>.ndjson`), records())
    await writeFile(join(dir, 'plugins', `${pluginName}.wasm`), html)
    await writeFile(join(dir, 'notebooks', 'bad.md'), notebook)
    await writeFile(join(dir, 'dashboards', 'bad.yaml'), dashboard)
    return dir
  },
}

export default async function ({ page, axe, api, go }) {
  const dialogs = []
  const foreign = []
  page.on('dialog', (d) => (dialogs.push(d.message()), d.dismiss()))
  const home = new URL(page.url()).host
  page.on('request', (r) => /^https?:/.test(r.url()) && new URL(r.url()).host !== home && foreign.push(r.url()))
  await page.evaluate(() => {
    globalThis.violations = []
    document.addEventListener('securitypolicyviolation', (e) => violations.push(`${e.effectiveDirective} ${e.blockedURI}`))
  })
  const harmless = async (where) => {
    assert.deepEqual(dialogs, [], where)
    assert.deepEqual(foreign, [], where)
    assert.deepEqual(await page.evaluate(() => violations), [], where)
    assert.equal(await page.evaluate(() => ({}).polluted), undefined, where)
    assert.equal(await page.locator('main script, main iframe[src^="http"], main [onerror], main [onload], main a[href^="javascript:"], main img[src="x"]').count(), 0, where)
    // What hides or reorders text is spelled out wherever it stands.
    const hidden = await page.evaluate(() => [...document.body.innerText.matchAll(/.{0,20}[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069].{0,20}/g)].map((m) => JSON.stringify(m[0])))
    assert.deepEqual(hidden, [], where)
    // It answers at once: two frames are drawn.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  }

  // Untrusted, nothing is read; the refusal carries the button.
  await page.getByRole('heading', { name: 'Do you trust this workspace?' }).waitFor()
  const refused = await api('POST', '/pulls', {})
  assert.match(JSON.stringify(refused), /not trusted/)
  await axe('untrusted')
  await page.locator('input[type=file]').first().setInputFiles({ name: 'x.ndjson', mimeType: 'text/plain', buffer: Buffer.from('{}') })
  await page.getByText(/^x.ndjson: .* is not trusted/).waitFor()
  await page.getByRole('button', { name: 'Trust it' }).last().click()
  await page.getByText('This workspace is trusted now').waitFor()

  await api('POST', '/pulls', {})
  await page.waitForFunction(async () => {
    const r = await fetch('/api/v1/pulls', { headers: { Authorization: 'Bearer ' + sessionStorage.getItem('tidemark.token') } })
    return (await r.json()).every((p) => p.state === 'done')
  })
  await go('/')
  await page.getByText(/7 records in/).first().waitFor()
  await harmless('home')

  await go('/explore?dataset=odd')
  await page.locator('.tr .td').first().waitFor()
  await harmless('explore')
  for (const spelled of ['⟨ESC⟩', '⟨202E⟩']) await page.locator('main').filter({ hasText: spelled }).waitFor()
  await axe('explore')
  for (let i = 0; i < 7; i++) {
    await page.locator('.tr').nth(i).dblclick()
    const record = page.getByRole('complementary', { name: 'Record' })
    await record.getByText(`${i + 1} of `).waitFor()
    await record.locator('dl').waitFor()
    await harmless(`record ${i + 1}`)
    if (i === 0) await axe('a wide record')
    await page.keyboard.press('Escape')
  }

  // The longest value is in the record as it came, all of it, and the row shows its beginning.
  const [[bytes]] = (await api('POST', '/query', { sql: "select strlen(message) from odd where service = 'huge'" })).rows
  assert.equal(Number(bytes), megabytes)

  for (const place of ['/schema', '/quarantine', '/sources', '/health', '/plugins']) {
    await go(place)
    await page.getByRole('heading', { name: new RegExp('^' + place.slice(1) + '$', 'i'), level: 1 }).waitFor()
    await page.locator('main .skeleton').first().waitFor({ state: 'detached' })
    await harmless(place)
    await axe(place)
    if (place === '/plugins') await page.getByText('⟨202E⟩').first().waitFor()
  }

  await go('/notebooks/bad.md')
  await page.getByRole('button', { name: 'Run all' }).click()
  await page.getByRole('grid', { name: 'Result of all' }).waitFor()
  await page.getByText('7 rows').waitFor()
  await harmless('notebook')
  assert.equal(await page.locator('main img[src^="http"]').count(), 0)

  await go('/dashboards/bad.yaml')
  await page.getByRole('heading', { name: '<script>alert(7)</script>' }).waitFor()
  await harmless('dashboard')

  // A statement with far more rows than are wanted says that it was cut; how
  // one that never ends is ended is tested in endless.test.mjs.
  const never = await api('POST', '/queries', { sql: 'select * from range(1000000000000)', limit: 1000 })
  await page.waitForFunction(
    async (id) => {
      const r = await fetch('/api/v1/queries/' + id, { headers: { Authorization: 'Bearer ' + sessionStorage.getItem('tidemark.token') } })
      const st = await r.json()
      return st.state === 'stopped' && st.truncated
    },
    never.id,
  )
  await harmless('the end')
}
