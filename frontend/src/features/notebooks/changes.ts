import { rawOf, rawWith, reopened } from './raw'
import { blank, cut, eolOf, linesOf, toLF, type Kind } from './text'

/**
 * How the cells of a text change. What an operation does not name stays as it
 * is, byte for byte.
 */

/** ShapeError says that an operation would change what other cells are. */
export class ShapeError extends Error {}

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
  const raws = c.cells.map((x, k) => (k === i ? reopened(x, x.kind, name) : x.raw))
  return shaped(c.head, c.seps, raws, eolOf(src), c.cells)
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
  else raw = reopened(cell, kind, cell.name)
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
