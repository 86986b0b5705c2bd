import { describe, expect, it } from 'vitest'

import { freeName, insertRaw, moveCell, removeCell, replaceText, setKind, setName, ShapeError, withTitle } from './changes'
import { diff } from './diff'
import { longestCommon, recognize, type Known } from './identity'
import { rawOf } from './raw'
import { cut, eolOf } from './text'

/** A small random source, so that a failure can be repeated. */
function random(seed: number) {
  return (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return (seed >>> 8) % n
  }
}

const nasty = [
  'Plain words.',
  '# Heading\n\nwith two\nlines',
  '---',
  'a\n---\nb',
  '    ```sql\n    indented code is no cell\n    ```',
  '```python\nprint("```")\n```',
  '~~~~\n```sql\nno cell\n```\n~~~~',
  '<!-- note\n```sql\nno cell either\n```\n-->',
  '<!-- one line --> after',
  '`` ` `` and ```inline```',
  '> quote\n> ```sql\n> quoted\n> ```',
  '- a list\n\n  ```sqlx\n  not a kind\n  ```',
  '| a | b |\n|---|---|\n| `x` | $y |',
  'trailing spaces  \nkeep them\t',
  'Ünï, 漢字, 🌊, \u200b and \ufeff',
  '```SQL\nkinds are small\n```',
  '\\```sql\nescaped',
  '````\n```\n````',
]
const codes = ['select 1', '', '\n', 'select 1\n\n', "select '```'", 'select $$\n  a\n$$', '-- ---\nselect 1', '  indented', 'data: a\ntype: bar', 'ä = 🌊', '~~~', '<!-- in sql']
const fences = ['```', '````', '~~~', '  ```', '~~~~~']

function document(r: (n: number) => number): string {
  const eol = ['\n', '\n', '\r\n'][r(3)]!
  let out = ''
  if (r(2)) out += '---\ntitle: T # kept\nparams: {a: {default: "---x"}}\n---\n'
  const n = r(7)
  let text = false
  for (let i = 0; i < n; i++) {
    if (i || out) out += '\n'.repeat(text ? 2 : 1 + r(3))
    if (r(3) === 0 && !text) {
      out += nasty[r(nasty.length)]
      text = true
    } else {
      const f = fences[r(fences.length)]!
      let code = codes[r(codes.length)]!
      if (code === '~~~' && f.includes('~')) code = 'x'
      out += `${f}${['', ' '][r(2)]}${['sql', 'check', 'chart', 'rule'][r(4)]}${['', ` n${i}`, `   n${i}  `][r(3)]}\n${code === '' ? '' : code + '\n'}${f.trim()}${['', '`', '  '][f.includes('`') ? r(3) : 0]}`
      text = false
    }
  }
  out += ['', '\n', '\n\n', '\n  \n'][r(4)]
  out = out.replaceAll('\n', eol)
  // Some lines end otherwise.
  if (r(4) === 0) out = out.replace('\r\n', '\n')
  return out
}

const put = (src: string) => {
  const c = cut(src)
  return c.head + c.cells.map((x, i) => c.seps[i] + x.raw).join('') + c.seps.at(-1)
}
const raws = (src: string) => cut(src).cells.map((c) => c.raw)
const rounds = 500

describe('cutting', () => {
  it('puts every text together again', () => {
    const r = random(1)
    for (let k = 0; k < rounds; k++) {
      const src = document(r)
      expect(put(src)).toBe(src)
      const c = cut(src)
      for (const s of c.seps) expect(s.trim()).toBe('')
      for (const x of c.cells) {
        const lines = src.replaceAll('\r\n', '\n').split('\n')
        if (x.text !== '') expect(lines.slice(x.line - 1, x.endLine).join('\n')).toBe(x.text)
      }
    }
  })
  it('knows what is no cell', () => {
    for (const text of nasty.filter((t) => t !== '---')) expect(cut(text).cells.map((c) => c.kind)).toEqual(['markdown'])
    expect(cut('').cells).toEqual([])
    expect(cut('---\ntitle: a\n---').head).toBe('---\ntitle: a\n---')
  })
  it('reads kinds and names as the engine does', () => {
    const src = 'Words\n\n```sql  a_name \nselect 1\n```\n~~~chart\ndata: a_name\n~~~\n```check\n```\n'
    expect(cut(src).cells.map((c) => [c.kind, c.name, c.line, c.text])).toEqual([
      ['markdown', '', 1, 'Words'],
      ['sql', 'a_name', 4, 'select 1'],
      ['chart', '', 7, 'data: a_name'],
      ['check', '', 10, ''],
    ])
  })
  it('takes a fence that is not closed to the end', () => {
    const [c] = cut('```sql\nselect 1').cells
    expect([c!.open, c!.text]).toEqual([true, 'select 1'])
  })
})

describe('changing', () => {
  it('keeps everything but the cell', () => {
    const r = random(2)
    let done = 0
    for (let k = 0; k < rounds; k++) {
      const src = document(r)
      const c = cut(src)
      if (!c.cells.length) continue
      const i = r(c.cells.length)
      const code = c.cells[i]!.kind !== 'markdown'
      const to = code ? [...codes, '```\nin a fence\n```', '`````\n~~~~~~~'][r(codes.length + 2)]! : nasty[r(nasty.length)]!
      let next: string
      try {
        next = replaceText(src, i, to)
      } catch (e) {
        // Only text can say something about the cells below it.
        expect(e).toBeInstanceOf(ShapeError)
        expect(code).toBe(false)
        continue
      }
      done++
      const d = cut(next)
      expect(d.cells[i]!.text).toBe(to)
      expect(d.cells[i]!.name).toBe(c.cells[i]!.name)
      expect(d.head).toBe(c.head)
      expect(raws(next).filter((_, k) => k !== i)).toEqual(raws(src).filter((_, k) => k !== i))
      if (!(i === 0 && d.head === '' && to.startsWith('---'))) expect(d.seps).toEqual(c.seps)
      // And back: byte for byte where all lines end alike.
      if (!/[^\r]\n/.test(src) || !src.includes('\r')) expect(cut(replaceText(next, i, c.cells[i]!.text)).cells[i]!.text).toBe(c.cells[i]!.text)
    }
    expect(done).toBeGreaterThan(rounds / 2)
  })
  it('changes nothing when the text is the same', () => {
    const r = random(3)
    for (let k = 0; k < 300; k++) {
      const src = document(r)
      cut(src).cells.forEach((c, i) => expect(replaceText(src, i, c.text)).toBe(src))
    }
  })
  it('touches only the lines that differ', () => {
    const src = '```sql\r\nselect 1,\nx,\r\n  2\n```\r\n'
    expect(replaceText(src, 0, 'select 1,\ny,\n  2')).toBe('```sql\r\nselect 1,\ny,\r\n  2\n```\r\n')
  })
  it('leaves no blank lines behind while text is typed', () => {
    let src = 'A\n\n```sql\n```\n'
    for (const t of ['A\n', 'A\n\n', 'A\n\nB', 'A\n\nB\n', 'A\n\nB\n  \nC']) src = replaceText(src, 0, t)
    expect(src).toBe('A\n\nB\n  \nC\n\n```sql\n```\n')
  })
  it('makes the fence longer when the text would close it', () => {
    const src = '```sql a\nselect 1\n```\n\nAfter'
    const next = replaceText(src, 0, "select '\n```\n'")
    expect(next).toBe("````sql a\nselect '\n```\n'\n````\n\nAfter")
  })
  it('refuses text that would swallow what follows', () => {
    const src = 'Words\n\n```sql\nselect 1\n```\n'
    for (const bad of ['```python', '<!-- never closed', '```sql\nselect 2', '```sql\nselect 2\n```', '']) expect(() => replaceText(src, 0, bad)).toThrow(ShapeError)
  })
  it('renames and retypes only the fence', () => {
    const src = 'A\n\n~~~  sql old\nselect 1\n~~~\n\nB'
    expect(setName(src, 1, 'new')).toBe('A\n\n~~~  sql new\nselect 1\n~~~\n\nB')
    expect(setName(src, 1, '')).toBe('A\n\n~~~  sql\nselect 1\n~~~\n\nB')
    expect(setKind(src, 1, 'check')).toBe('A\n\n~~~  check old\nselect 1\n~~~\n\nB')
    expect(setKind(src, 1, 'markdown')).toBe('A\n\nselect 1\n\nB')
    expect(setKind('A', 0, 'sql')).toBe('```sql\nA\n```')
  })
})

describe('moving, adding, taking out', () => {
  it('keeps the other cells', () => {
    const r = random(4)
    for (let k = 0; k < rounds; k++) {
      const src = document(r)
      const c = cut(src)
      const n = c.cells.length
      const eol = eolOf(src)
      const at = r(n + 1)
      const raw = rawOf('sql', 'select 42\n\n-- ```', 'fresh', eol)
      let next = insertRaw(src, at, raw)
      expect(raws(next)).toEqual([...raws(src).slice(0, at), raw, ...raws(src).slice(at)])
      expect(cut(next).head).toBe(c.head)
      // Taken out again, the same cells remain.
      expect(raws(removeCell(next, at))).toEqual(raws(src))
      if (n < 2) continue
      const i = r(n - 1)
      try {
        next = moveCell(src, i, 1)
      } catch (e) {
        expect(e).toBeInstanceOf(ShapeError)
        continue
      }
      const moved = [...raws(src)]
      ;[moved[i], moved[i + 1]] = [moved[i + 1]!, moved[i]!]
      // Texts side by side are one; nothing of them is lost.
      const all = raws(next).join('\n')
      for (const m of moved) expect(all).toContain(m)
      expect(cut(next).cells.filter((x) => x.kind !== 'markdown').map((x) => x.raw)).toEqual(moved.filter((m) => cut(m).cells[0]!.kind !== 'markdown'))
    }
  })
  it('does not run two paragraphs together', () => {
    expect(removeCell('a\n```sql\n```\nb', 1)).toBe('a\n\nb')
  })
  it('does not make front matter of a rule', () => {
    const src = '```sql\nselect 1\n```\n---\na\n\n---\n'
    const next = removeCell(src, 0)
    expect(cut(next).head).toBe('')
    expect(next.trim()).toBe('---\na\n\n---')
  })
  it('begins an empty file', () => {
    expect(insertRaw('', 0, rawOf('sql', 'select 1'))).toBe('```sql\nselect 1\n```\n')
    expect(insertRaw('---\ntitle: a\n---', 0, rawOf('markdown', 'Hi'))).toBe('---\ntitle: a\n---\n\nHi\n')
    expect(removeCell('---\ntitle: a\n---\n\nHi\n', 0)).toBe('---\ntitle: a\n---\n')
  })
  it('does not add below a text that is not closed', () => {
    expect(() => insertRaw('```python\nopen', 1, rawOf('sql', 'select 1'))).toThrow(ShapeError)
  })
})

describe('recognizing', () => {
  let id = 100
  const known = (src: string): Known[] => cut(src).cells.map((c, i) => ({ ...c, id: i + 1 }))
  const now = (src: string, next: string) => recognize(known(src), cut(next).cells, () => ++id)
  const src = 'A\n\n```sql one\nselect 1\n```\n\n```sql two\nselect 2\n```\n\nB\n'
  it('follows cells that move, change, come and go', () => {
    expect(now(src, src)).toEqual([1, 2, 3, 4])
    expect(now(src, moveCell(src, 1, 1))).toEqual([1, 3, 2, 4])
    expect(now(src, removeCell(src, 1))).toEqual([1, 3, 4])
    expect(now(src, replaceText(src, 1, 'select 9'))).toEqual([1, 2, 3, 4])
    expect(now(src, replaceText(replaceText(src, 1, 'select 9'), 3, 'C'))).toEqual([1, 2, 3, 4])
    const added = now(src, insertRaw(src, 1, rawOf('sql', 'select 3')))
    expect([added[0], ...added.slice(2)]).toEqual([1, 2, 3, 4])
    expect(added[1]).toBeGreaterThan(100)
    expect(now(src, setName(src, 1, 'uno'))).toEqual([1, 2, 3, 4])
  })
})

it('pairs the longest common list', () => {
  const r = random(5)
  for (let k = 0; k < 300; k++) {
    const a = Array.from({ length: r(12) }, () => r(4))
    const b = Array.from({ length: r(12) }, () => r(4))
    const pairs = longestCommon(a, b, (x, y) => x === y)
    for (const [i, j] of pairs) expect(a[i]).toBe(b[j])
    for (let n = 1; n < pairs.length; n++) {
      expect(pairs[n]![0]).toBeGreaterThan(pairs[n - 1]![0])
      expect(pairs[n]![1]).toBeGreaterThan(pairs[n - 1]![1])
    }
    const d = diff(a.join('\n'), b.join('\n'))
    expect(d.filter((l) => l.side !== 'theirs').map((l) => l.text).join('\n')).toBe(a.join('\n'))
    expect(d.filter((l) => l.side !== 'mine').map((l) => l.text).join('\n')).toBe(b.join('\n'))
  }
})

it('finds a free name', () => {
  expect(freeName([{ name: 'a' }, { name: 'A_2' }], 'a')).toBe('a_3')
  expect(freeName([], 'a')).toBe('a')
})

it('writes titles and names of files', () => {
  expect(withTitle('---\r\ntitle: old # x\r\ntime: 6h\r\n---\r\n\r\nA', 'New one')).toBe('---\r\ntitle: New one\r\ntime: 6h\r\n---\r\n\r\nA')
  expect(withTitle('---\ntime: 6h\n---\nA', 'a: "b"')).toBe('---\ntitle: "a: \\"b\\""\ntime: 6h\n---\nA')
  expect(withTitle('A', '7')).toBe('---\ntitle: "7"\n---\n\nA')
})
