/**
 * The text of a notebook: where its cells are, and how they change. The rules
 * are those of engine/notebook. Whatever an operation does not name stays as it
 * is, byte for byte: a text is cut into its front matter, its cells, and what
 * stands between them, and put together again.
 */
export type Kind = 'markdown' | 'sql' | 'chart' | 'rule' | 'check'
export const kinds: Kind[] = ['sql', 'markdown', 'chart', 'rule', 'check']
export const kindNames: Record<Kind, string> = { sql: 'SQL', markdown: 'Text', chart: 'Chart', rule: 'Rule', check: 'Check' }

export interface Cell {
  kind: Kind
  name: string
  /** text is what is edited: of a fenced cell what stands inside. */
  text: string
  /** raw is the whole cell without the end of its last line. */
  raw: string
  /** line is where text begins in the file, from 1; endLine where it ends. */
  line: number
  endLine: number
  /** open says that the fence of the cell is not closed. */
  open: boolean
}

export interface Cut {
  head: string
  /** seps[i] stands before cells[i]; the last one ends the file. */
  seps: string[]
  cells: Cell[]
}

/** ShapeError says that an operation would change what other cells are. */
export class ShapeError extends Error {}

interface Line {
  from: number
  /** to is before the end of line. */
  to: number
  text: string
}

function linesOf(src: string): Line[] {
  const out: Line[] = []
  for (let from = 0; ; ) {
    const n = src.indexOf('\n', from)
    const end = n < 0 ? src.length : n
    const to = n >= 0 && end > from && src[end - 1] === '\r' ? end - 1 : end
    out.push({ from, to, text: src.slice(from, to) })
    if (n < 0) return out
    from = n + 1
  }
}

const space = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const ends = new RegExp(`^${space}+|${space}+$`, 'g')
const trim = (s: string): string => s.replace(ends, '')
const blank = (s: string): boolean => trim(s) === ''

const comment = (line: string): boolean => /^ {0,3}<!--/.test(line)

function opening(line: string): { fence: string; info: string } | null {
  const m = /^ {0,3}(`{3,}|~{3,})(.*)$/s.exec(line)
  if (!m) return null
  return m[1]![0] === '~' || !m[2]!.includes('`') ? { fence: m[1]!, info: m[2]! } : null
}

function closing(line: string, fence: string): boolean {
  const t = trim(line)
  return t.length >= fence.length && [...t].every((c) => c === fence[0])
}

const isKind = (word: string): word is Kind => word === 'sql' || word === 'chart' || word === 'rule' || word === 'check'

function kindOf(info: string): { kind: Kind; name: string } | null {
  const text = trim(info)
  const at = text.indexOf(' ')
  const word = at < 0 ? text : text.slice(0, at)
  return isKind(word) ? { kind: word, name: at < 0 ? '' : trim(text.slice(at)) } : null
}

const toLF = (s: string): string => s.replaceAll('\r\n', '\n')

/** eolOf is the end of line that most lines of a text have. */
export function eolOf(src: string): string {
  const crlf = src.split('\r\n').length - 1
  return crlf * 2 > src.split('\n').length - 1 ? '\r\n' : '\n'
}

/** cut finds the cells of a text. */
export function cut(src: string): Cut {
  const lines = linesOf(src)
  let at = 0
  let head = ''
  if (trim(lines[0]!.text) === '---') {
    const end = lines.findIndex((l, i) => i > 0 && trim(l.text) === '---')
    if (end > 0) {
      head = src.slice(0, lines[end]!.to)
      at = end + 1
    }
  }
  const found: { from: number; to: number; cell: Omit<Cell, 'raw'> }[] = []
  let start = at
  const flush = (end: number) => {
    let a = start
    let z = end
    while (a < z && blank(lines[a]!.text)) a++
    while (z > a && blank(lines[z - 1]!.text)) z--
    if (a === z) return
    const [from, to] = [lines[a]!.from, lines[z - 1]!.to]
    found.push({ from, to, cell: { kind: 'markdown', name: '', text: toLF(src.slice(from, to)), line: a + 1, endLine: z, open: false } })
  }
  for (let i = at; i < lines.length; i++) {
    if (comment(lines[i]!.text)) {
      while (i < lines.length && !lines[i]!.text.includes('-->')) i++
      continue
    }
    const o = opening(lines[i]!.text)
    if (!o) continue
    let end = i + 1
    while (end < lines.length && !closing(lines[end]!.text, o.fence)) end++
    const is = kindOf(o.info)
    if (is) {
      flush(i)
      const open = end === lines.length
      const inner = lines.slice(i + 1, end)
      const last = open ? lines.length - 1 : end
      found.push({
        from: lines[i]!.from,
        to: lines[last]!.to,
        cell: { ...is, text: inner.map((l) => l.text).join('\n'), line: i + 2, endLine: Math.max(i + 2, end), open },
      })
      start = end + 1
    }
    i = end
  }
  if (start < lines.length) flush(lines.length)
  const seps: string[] = []
  let done = head.length
  for (const f of found) {
    seps.push(src.slice(done, f.from))
    done = f.to
  }
  seps.push(src.slice(done))
  return { head, seps, cells: found.map((f) => ({ ...f.cell, raw: src.slice(f.from, f.to) })) }
}

const join = (head: string, seps: string[], raws: string[]): string => head + raws.map((r, i) => seps[i]! + r).join('') + seps.at(-1)!

/** shaped puts a text together and makes sure that its cells are the ones that were meant. */
function shaped(head: string, seps: string[], raws: string[], eol: string, want: { kind: Kind; text: string }[]): string {
  let src = join(head, seps, raws)
  // A rule of dashes at the top would be read as front matter.
  if (head === '' && /^\s*---\s*$/.test(linesOf(src)[0]!.text) && cut(src).head !== '') src = eol + src
  const got = cut(src).cells
  if (got.length !== want.length || got.some((c, i) => c.kind !== want[i]!.kind || c.text !== want[i]!.text))
    throw new ShapeError('a fence or a comment in the text is not closed')
  return src
}

const hasBlank = (sep: string): boolean => sep.split('\n').length > 2

/** fenceFor is a fence that nothing in the text closes. */
function fenceFor(text: string, at = '```'): string {
  let n = at.length
  for (const l of text.split('\n')) {
    const t = trim(l)
    if (t.length >= n && closing(t, at[0]!.repeat(3))) n = t.length + 1
  }
  return at[0]!.repeat(n)
}

/** rawOf writes a new cell. */
export function rawOf(kind: Kind, text: string, name = '', eol = '\n'): string {
  const body = text.split('\n').join(eol)
  if (kind === 'markdown') return body
  const fence = fenceFor(text)
  return `${fence}${kind}${name ? ' ' + name : ''}${eol}${text === '' ? '' : body + eol}${fence}`
}

/** keepLines writes lines with the ends of line that equal lines had. */
function keepLines(old: Line[], oldSrc: string, text: string, eol: string): string {
  const raw = old.map((l, i) => oldSrc.slice(l.from, i + 1 < old.length ? old[i + 1]!.from : oldSrc.length))
  const next = text.split('\n')
  let a = 0
  while (a < raw.length && a < next.length && old[a]!.text === next[a]) a++
  let z = 0
  while (z < raw.length - a && z < next.length - a && old[raw.length - 1 - z]!.text === next[next.length - 1 - z]) z++
  const middle = next.slice(a, next.length - z)
  const out = [...raw.slice(0, a), ...middle.map((l) => l + eol), ...raw.slice(raw.length - z)]
  // Only the last line has no end.
  return out.map((l, i) => (i + 1 === out.length ? l.replace(/\r?\n$/, '') : /\n$/.test(l) ? l : l + eol)).join('')
}

function rawWith(cell: Cell, text: string, eol: string): string {
  if (cell.kind === 'markdown') return keepLines(linesOf(cell.raw), cell.raw, text, eol)
  const lines = linesOf(cell.raw)
  const first = lines[0]!
  const o = opening(first.text)!
  const fence = fenceFor(text, o.fence)
  const openLine = cell.raw.slice(0, first.to).replace(o.fence, fence)
  const openEnd = lines.length > 1 ? cell.raw.slice(first.to, lines[1]!.from) : eol
  const inner = cell.open ? lines.slice(1) : lines.slice(1, -1)
  const last = cell.open ? null : lines.at(-1)!
  const from = lines[1]?.from ?? cell.raw.length
  const innerSrc = cell.raw.slice(from, last ? Math.max(from, last.from) : cell.raw.length)
  const innerLines = inner.map((l) => ({ ...l, from: l.from - from, to: l.to - from }))
  let body = ''
  if (text !== '') {
    body = inner.length ? keepLines(innerLines, innerSrc, text, eol) : text.split('\n').join(eol)
    // The line before the closing fence keeps its end.
    const tail = /\r?\n$/.exec(innerSrc)?.[0] ?? eol
    body += last ? tail : ''
  }
  const close = last ? cell.raw.slice(last.from).replace(/[`~]+/, (run) => (run.length < fence.length ? fence : run)) : ''
  return openLine + openEnd + body + close
}

/** replaceText changes the text of one cell. */
export function replaceText(src: string, i: number, text: string): string {
  const c = cut(src)
  const cell = c.cells[i]!
  if (cell.kind === 'markdown') text = core(text)
  if (cell.text === text) return src
  const eol = eolOf(src)
  const raws = c.cells.map((x, k) => (k === i ? rawWith(cell, text, eol) : x.raw))
  return shaped(c.head, c.seps, raws, eol, c.cells.map((x, k) => (k === i ? { kind: x.kind, text } : x)))
}

/** core is a text without the blank lines around it: these stand between cells. */
export function core(text: string): string {
  const lines = text.split('\n')
  while (lines.length && blank(lines[0]!)) lines.shift()
  while (lines.length && blank(lines.at(-1)!)) lines.pop()
  return lines.join('\n')
}

/** insertRaw puts a cell before cell at; at the end if there is none. */
export function insertRaw(src: string, at: number, raw: string): string {
  const c = cut(src)
  const eol = eolOf(src)
  const two = eol + eol
  const n = c.cells.length
  at = Math.max(0, Math.min(n, at))
  const seps = [...c.seps]
  if (n === 0) {
    seps.splice(0, 1, c.head ? two : '', eol)
  } else if (at === n) {
    const end = seps.pop()!
    seps.push(two, end)
  } else {
    const before = at > 0 || c.head ? (hasBlank(seps[at]!) ? seps[at]! : two) : seps[at]!
    seps.splice(at, 1, before, two)
  }
  const raws = c.cells.map((x) => x.raw)
  raws.splice(at, 0, raw)
  const [own] = cut(raw).cells
  if (!own || cut(raw).cells.length !== 1) throw new ShapeError('this is not one cell')
  const want: { kind: Kind; text: string }[] = [...c.cells]
  want.splice(at, 0, own)
  return shaped(c.head, seps, raws, eol, mergeText(want, seps, raws))
}

/** mergeText says which cells are meant where texts come to stand side by side: they are one. */
function mergeText(want: { kind: Kind; text: string }[], seps: string[], raws: string[]): { kind: Kind; text: string }[] {
  const out: { kind: Kind; text: string }[] = []
  want.forEach((w, i) => {
    const last = out.at(-1)
    if (last && last.kind === 'markdown' && w.kind === 'markdown') last.text += toLF(seps[i]! + raws[i]!)
    else out.push({ kind: w.kind, text: w.text })
  })
  return out
}

/** removeCell takes a cell out. */
export function removeCell(src: string, i: number): string {
  const c = cut(src)
  const eol = eolOf(src)
  const n = c.cells.length
  const seps = [...c.seps]
  const [a, z] = [seps[i]!, seps[i + 1]!]
  const kept = n === 1 ? (c.head ? eol : '') : i === n - 1 ? z : i === 0 ? a : hasBlank(a) ? a : hasBlank(z) ? z : eol + eol
  seps.splice(i, 2, kept)
  const rest = c.cells.filter((_, k) => k !== i)
  const raws = rest.map((x) => x.raw)
  return shaped(c.head, seps, raws, eol, mergeText(rest, seps, raws))
}

/** moveCell changes places with the cell above (-1) or below (1). */
export function moveCell(src: string, i: number, by: -1 | 1): string {
  const c = cut(src)
  const j = i + by
  if (j < 0 || j >= c.cells.length) return src
  const eol = eolOf(src)
  const order = [...c.cells]
  ;[order[i], order[j]] = [order[j]!, order[i]!]
  const raws = order.map((x) => x.raw)
  const seps = [...c.seps]
  for (let k = 1; k < order.length; k++)
    if (order[k]!.kind === 'markdown' && order[k - 1]!.kind === 'markdown' && !hasBlank(seps[k]!)) seps[k] = eol + eol
  return shaped(c.head, seps, raws, eol, mergeText(order, seps, raws))
}

/** setName names a fenced cell. */
export function setName(src: string, i: number, name: string): string {
  const c = cut(src)
  const raws = c.cells.map((x, k) => (k === i ? reopen(x, x.kind, name) : x.raw))
  return shaped(c.head, c.seps, raws, eolOf(src), c.cells)
}

function reopen(cell: Cell, kind: Kind, name: string): string {
  const first = linesOf(cell.raw)[0]!
  const o = opening(first.text)!
  const before = first.text.slice(0, first.text.indexOf(o.fence) + o.fence.length)
  const gap = /^\s*/.exec(o.info)![0]
  return before + gap + kind + (name ? ' ' + name : '') + cell.raw.slice(first.to)
}

/** setKind makes another kind of cell out of one. */
export function setKind(src: string, i: number, kind: Kind): string {
  const c = cut(src)
  const cell = c.cells[i]!
  if (cell.kind === kind) return src
  const eol = eolOf(src)
  let raw: string
  if (cell.kind === 'markdown') raw = rawOf(kind, cell.text, '', eol)
  else if (kind === 'markdown') raw = blank(cell.text) ? 'Text' : cell.text.split('\n').join(eol)
  else raw = reopen(cell, kind, cell.name)
  const raws = c.cells.map((x, k) => (k === i ? raw : x.raw))
  const seps = [...c.seps]
  const want = c.cells.map((x, k) => (k === i ? { kind, text: kind === 'markdown' ? toLF(raw).replace(/^\n+|\n+$/g, '') : x.text } : x))
  for (const k of [i, i + 1])
    if (k > 0 && k < raws.length && want[k]!.kind === 'markdown' && want[k - 1]!.kind === 'markdown' && !hasBlank(seps[k]!)) seps[k] = eol + eol
  return shaped(c.head, seps, raws, eol, mergeText(want, seps, raws))
}

/** withTitle sets the title in the front matter, and makes one where there is none. */
export function withTitle(src: string, title: string): string {
  const eol = eolOf(src)
  const written = /^[\p{L}\d][\p{L}\d _.,()/-]*$/u.test(title) && !/^(true|false|null|yes|no|on|off|[\d._-]+)$/i.test(title) && title.trim() === title ? title : JSON.stringify(title)
  const { head } = cut(src)
  if (!head) return `---${eol}title: ${written}${eol}---${eol}${eol}` + src.replace(/^(\r?\n)+/, '')
  const next = /^title:.*$/m.test(head) ? head.replace(/^title:[^\r\n]*/m, () => `title: ${written}`) : head.replace(/^---[^\n]*\n/, (first) => `${first}title: ${written}${eol}`)
  return next + src.slice(head.length)
}

/** freeName is a name that no cell has yet. */
export function freeName(cells: { name: string }[], wanted: string): string {
  const taken = new Set(cells.map((c) => c.name.toLowerCase()))
  if (!taken.has(wanted.toLowerCase())) return wanted
  const stem = wanted.replace(/_\d+$/, '')
  for (let n = 2; ; n++) if (!taken.has(`${stem}_${n}`.toLowerCase())) return `${stem}_${n}`
}

/** longestCommon pairs the equal members of two lists, in order. */
export function longestCommon<A, B>(a: A[], b: B[], equal: (x: A, y: B) => boolean): [number, number][] {
  let from = 0
  while (from < a.length && from < b.length && equal(a[from]!, b[from]!)) from++
  let end = 0
  while (end < a.length - from && end < b.length - from && equal(a[a.length - 1 - end]!, b[b.length - 1 - end]!)) end++
  const out: [number, number][] = Array.from({ length: from }, (_, i) => [i, i])
  const [n, m] = [a.length - from - end, b.length - from - end]
  if (n > 0 && m > 0 && n * m <= 4_000_000) {
    const w = m + 1
    const t = new Uint32Array((n + 1) * w)
    for (let i = n - 1; i >= 0; i--)
      for (let j = m - 1; j >= 0; j--)
        t[i * w + j] = equal(a[from + i]!, b[from + j]!) ? t[(i + 1) * w + j + 1]! + 1 : Math.max(t[(i + 1) * w + j]!, t[i * w + j + 1]!)
    for (let i = 0, j = 0; i < n && j < m; )
      if (equal(a[from + i]!, b[from + j]!)) out.push([from + i++, from + j++])
      else if (t[(i + 1) * w + j]! >= t[i * w + j + 1]!) i++
      else j++
  }
  for (let i = end; i > 0; i--) out.push([a.length - i, b.length - i])
  return out
}

export interface Known {
  id: number
  kind: Kind
  name: string
  text: string
}

/** recognize finds the cells of before in a changed text: by what they say, then by their name, then by their place. */
export function recognize(before: Known[], now: { kind: Kind; name: string; text: string }[], fresh: () => number): number[] {
  const ids = new Array<number>(now.length).fill(0)
  const taken = new Set<number>()
  const take = (i: number, j: number) => {
    ids[j] = before[i]!.id
    taken.add(i)
  }
  const same = (x: Known, y: { kind: Kind; name: string; text: string }) => x.kind === y.kind && x.text === y.text && x.name === y.name
  for (const [i, j] of longestCommon(before, now, same)) take(i, j)
  // What moved.
  now.forEach((c, j) => {
    if (ids[j]) return
    let i = before.findIndex((x, k) => !taken.has(k) && same(x, c))
    if (i < 0 && c.name) i = before.findIndex((x, k) => !taken.has(k) && x.kind === c.kind && x.name === c.name)
    if (i >= 0) take(i, j)
  })
  // What was edited stands between the same neighbours.
  now.forEach((c, j) => {
    if (ids[j]) return
    const above = j === 0 ? -1 : before.findIndex((x) => x.id === ids[j - 1])
    const i = above + 1
    if ((j === 0 || above >= 0) && i < before.length && !taken.has(i) && (before[i]!.kind === c.kind || before[i]!.text === c.text)) take(i, j)
  })
  return ids.map((id) => id || fresh())
}

export interface DiffLine {
  text: string
  side: 'both' | 'mine' | 'theirs'
}

/** diff shows two texts as one list of lines. */
export function diff(mine: string, theirs: string): DiffLine[] {
  const [a, b] = [toLF(mine).split('\n'), toLF(theirs).split('\n')]
  const out: DiffLine[] = []
  let [i, j] = [0, 0]
  for (const [x, y] of [...longestCommon(a, b, (p, q) => p === q), [a.length, b.length] as [number, number]]) {
    while (i < x) out.push({ text: a[i++]!, side: 'mine' })
    while (j < y) out.push({ text: b[j++]!, side: 'theirs' })
    if (x < a.length) out.push({ text: a[x]!, side: 'both' })
    i = x + 1
    j = y + 1
  }
  return out
}
