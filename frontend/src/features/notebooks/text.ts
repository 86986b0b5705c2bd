/**
 * The text of a notebook, and where its cells are. The rules are those of
 * engine/notebook. A text is cut into its front matter, its cells, and what
 * stands between them, so that it can be put together again byte for byte.
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

export interface Line {
  from: number
  /** to is before the end of line. */
  to: number
  text: string
}

export function linesOf(src: string): Line[] {
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
export const trim = (s: string): string => s.replace(ends, '')
export const blank = (s: string): boolean => trim(s) === ''

const comment = (line: string): boolean => /^ {0,3}<!--/.test(line)

export function opening(line: string): { fence: string; info: string } | null {
  const m = /^ {0,3}(`{3,}|~{3,})(.*)$/s.exec(line)
  if (!m) return null
  return m[1]![0] === '~' || !m[2]!.includes('`') ? { fence: m[1]!, info: m[2]! } : null
}

export function closing(line: string, fence: string): boolean {
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

export const toLF = (s: string): string => s.replaceAll('\r\n', '\n')

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
