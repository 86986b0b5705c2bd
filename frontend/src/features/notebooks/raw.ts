import { closing, linesOf, opening, trim, type Cell, type Kind, type Line } from './text'

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

/** rawWith writes a cell again with another text. */
export function rawWith(cell: Cell, text: string, eol: string): string {
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

/** reopened writes a fenced cell again with another kind or name. */
export function reopened(cell: Cell, kind: Kind, name: string): string {
  const first = linesOf(cell.raw)[0]!
  const o = opening(first.text)!
  const before = first.text.slice(0, first.text.indexOf(o.fence) + o.fence.length)
  const gap = /^\s*/.exec(o.info)![0]
  return before + gap + kind + (name ? ' ' + name : '') + cell.raw.slice(first.to)
}
