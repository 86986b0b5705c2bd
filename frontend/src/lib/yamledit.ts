// Edits of YAML text that touch only what they are about: comments, order and
// the writing of everything else stay as they are. Load it lazily: the parser
// is not small.
import { Document, isCollection, isMap, isScalar, isSeq, parseDocument, Scalar, stringify, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml'

export type Path = (string | number)[]

const written = { lineWidth: 0, flowCollectionPadding: false } as const

function parse(text: string): Document.Parsed {
  const doc = parseDocument(text)
  if (doc.errors.length) throw new Error(doc.errors[0]!.message)
  return doc
}

/** read is the value at a path; undefined if there is none or the text is no YAML. */
export function read(text: string, path: Path): unknown {
  const doc = parseDocument(text)
  if (doc.errors.length) return undefined
  const node = path.length ? doc.getIn(path, true) : doc.contents
  return isCollection(node) ? node.toJSON() : isScalar(node) ? node.value : node
}

const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1
const nextLine = (text: string, at: number): number => {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end + 1
}
const columnOf = (text: string, at: number): number => at - lineStart(text, at)
const splice = (text: string, from: number, to: number, by: string): string => text.slice(0, from) + by + text.slice(to)
const start = (n: unknown): number => (n as Node).range![0]
const end = (n: unknown): number => (n as Node).range![1]

/** inline writes a value on one line. */
function inline(value: unknown, inFlow: boolean): string {
  if (typeof value === 'object' && value !== null) {
    const doc = new Document(value)
    flow(doc.contents)
    return doc.toString(written).trimEnd()
  }
  if (typeof value === 'string' && value.includes('\n')) return JSON.stringify(value)
  const plain = stringify(value, { lineWidth: 0 }).trimEnd()
  if (inFlow && typeof value === 'string' && !/^["']/.test(plain) && /[,[\]{}]|^[?:]/.test(plain)) return JSON.stringify(value)
  return plain
}

function flow(n: unknown): void {
  if (!isCollection(n)) return
  n.flow = true
  for (const i of n.items) flow(isMap(n) ? (i as Pair).value : i)
}

/** block writes the value of a key that stands in a column; what needs lines gets lines. */
function block(value: unknown, column: number): string {
  if (typeof value === 'string' && value.includes('\n')) {
    const pad = ' '.repeat(column + 2)
    const body = value.replace(/\n+$/, '')
    if (!/^\s/.test(body)) return `|${value.endsWith('\n') ? '' : '-'}\n` + body.split('\n').map((l) => (l ? pad + l : '')).join('\n')
  }
  return inline(value, false)
}

/** fallback rewrites the whole text, for writings that the small edits do not know. */
function fallback(text: string, change: (doc: Document.Parsed) => void): string {
  const doc = parse(text)
  change(doc)
  return doc.toString(written)
}

/** set gives a path a value; undefined removes it. */
export function set(text: string, path: Path, value: unknown): string {
  const doc = parse(text)
  const node = doc.getIn(path, true) as Node | null | undefined
  if (value === undefined) return node === undefined ? text : remove(text, path)
  if (doc.contents === null) return text.replace(/\n*$/, text.trim() ? '\n' : '') + stringify(nested(path, value), written)
  if (node === undefined || node === null || !node.range) return node === undefined ? insert(text, doc, path, value) : fallback(text, (d) => d.setIn(path, value))
  const parent = (path.length > 1 ? doc.getIn(path.slice(0, -1), true) : doc.contents) as YAMLMap | YAMLSeq
  if (isScalar(node) && node.value === value) return text
  const from = start(node)
  let to = end(node)
  const inFlow = !!parent.flow || inFlowAbove(doc, path)
  if (!isScalar(node) && !(isCollection(node) && node.flow)) {
    // A block list or map becomes a short one on the line of its key.
    if (isScalar(value) || (typeof value === 'object' && value !== null && isMap(parent))) {
      const pair = pairOf(parent, path.at(-1)!)
      return pair ? splice(text, end(pair.key), blockEnd(text, to), ': ' + inline(value, inFlow) + '\n') : fallback(text, (d) => d.setIn(path, value))
    }
    return fallback(text, (d) => d.setIn(path, value))
  }
  const isBlock = isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED)
  const pair = isMap(parent) ? pairOf(parent, path.at(-1)!) : null
  const column = pair ? columnOf(text, start(pair.key)) : columnOf(text, from)
  let by: string
  if (isBlock) {
    // It ends with the line break before what follows.
    by = block(value, column) + '\n'
    if (text[to - 1] !== '\n') by = by.slice(0, -1)
  } else if (inFlow) by = inline(value, true)
  else {
    by = block(value, column)
    if (isScalar(node) && typeof value === 'string' && !by.includes('\n') && !/^["']/.test(by)) {
      if (node.type === Scalar.QUOTE_DOUBLE) by = JSON.stringify(value)
      else if (node.type === Scalar.QUOTE_SINGLE) by = `'${value.replaceAll("'", "''")}'`
    }
    if (isScalar(node) && node.source === '') by = ' ' + by
  }
  return splice(text, from, to, by)
}

function inFlowAbove(doc: Document.Parsed, path: Path): boolean {
  for (let i = 0; i < path.length; i++) {
    const n = i ? doc.getIn(path.slice(0, i), true) : doc.contents
    if (isCollection(n) && n.flow) return true
  }
  return false
}

const nested = (path: Path, value: unknown): unknown => path.reduceRight((v, k) => (typeof k === 'number' ? [v] : { [k]: v }), value)

function pairOf(map: YAMLMap | YAMLSeq, key: string | number): Pair | null {
  if (!isMap(map)) return null
  return map.items.find((p) => isScalar(p.key) && p.key.value === key) ?? null
}

/** blockEnd is the start of the line after a block's last line; blank lines and comments after it are not its own. */
function blockEnd(text: string, at: number): number {
  let e = at
  while (e > 0 && /\s/.test(text[e - 1]!)) e--
  return nextLine(text, e)
}

function insert(text: string, doc: Document.Parsed, path: Path, value: unknown): string {
  const key = path.at(-1)!
  const parent = (path.length > 1 ? doc.getIn(path.slice(0, -1), true) : doc.contents) as YAMLMap | undefined
  if (parent === undefined || parent === null) return set(text, path.slice(0, -1), nested([key], value))
  if (!isMap(parent) || !parent.items.length || typeof key === 'number') return fallback(text, (d) => d.setIn(path, value))
  const last = parent.items.at(-1)!
  if (parent.flow || inFlowAbove(doc, path)) return splice(text, end(last.value ?? last.key), end(last.value ?? last.key), `, ${key}: ${inline(value, true)}`)
  const column = columnOf(text, start(parent.items[0]!.key))
  const at = blockEnd(text, end(last.value ?? last.key))
  const gap = at > 0 && text[at - 1] !== '\n' ? '\n' : ''
  return splice(text, at, at, `${gap}${' '.repeat(column)}${key}: ${block(value, column)}\n`)
}

/** remove takes out a key or an item, with the comment above it. */
export function remove(text: string, path: Path): string {
  const doc = parse(text)
  const parent = (path.length > 1 ? doc.getIn(path.slice(0, -1), true) : doc.contents) as YAMLMap | YAMLSeq
  const key = path.at(-1)!
  if (!isCollection(parent) || parent.flow || inFlowAbove(doc, path) || parent.items.length === 1) return fallback(text, (d) => d.deleteIn(path))
  if (isSeq(parent)) {
    const [a, b] = chunk(text, parent, key as number)
    return splice(text, a, b, '')
  }
  const i = parent.items.findIndex((p) => isScalar(p.key) && p.key.value === key)
  if (i < 0) return text
  const pair = parent.items[i]!
  const from = start(pair.key)
  const to = blockEnd(text, end(pair.value ?? pair.key))
  // The first key of an item stands behind its dash: the next one takes its place.
  if (text.slice(lineStart(text, from), from).trim() !== '') {
    const next = parent.items[i + 1]
    return next ? splice(text, from, start(next.key), '') : fallback(text, (d) => d.deleteIn(path))
  }
  return splice(text, lineStart(text, from), to, '')
}

/** dash is where the line of a list's item begins. */
function dash(text: string, seq: YAMLSeq, i: number): number {
  const at = start(seq.items[i])
  const d = text.lastIndexOf('-', at)
  return lineStart(text, d)
}

/** chunk is an item's lines with the comments right above it. */
function chunk(text: string, seq: YAMLSeq, i: number): [number, number] {
  let from = dash(text, seq, i)
  while (from > 0) {
    const above = lineStart(text, from - 1)
    if (!/^\s*#/.test(text.slice(above, from))) break
    if (i === 0 && above < start(seq)) {
      // Above the first item only a comment that is indented like it is its own.
      if (columnOf(text, above + text.slice(above).search(/\S/)) < columnOf(text, dash(text, seq, 0) + text.slice(dash(text, seq, 0)).search(/\S/))) break
    }
    from = above
  }
  return [from, blockEnd(text, end(seq.items[i]))]
}

const reindent = (lines: string, by: number): string =>
  by === 0
    ? lines
    : lines
        .split('\n')
        .map((l) => (l.trim() === '' ? l : by > 0 ? ' '.repeat(by) + l : l.slice(Math.min(-by, l.search(/\S/)))))
        .join('\n')

const dashColumn = (text: string, seq: YAMLSeq): number => {
  const at = dash(text, seq, 0)
  return text.slice(at).search(/\S/)
}

function plainSeq(doc: Document.Parsed, path: Path): YAMLSeq | null {
  const seq = doc.getIn(path, true)
  return isSeq(seq) && !seq.flow && !inFlowAbove(doc, path) && seq.items.length > 0 && seq.items.every((i) => (i as Node | null)?.range) ? seq : null
}

/** move takes an item from one list of the text to a place in another, or in the same, counted after it was taken out. */
export function move(text: string, from: Path, to: Path): string {
  const doc = parse(text)
  const [fromList, fromAt] = [from.slice(0, -1), from.at(-1) as number]
  const [toList, toAt] = [to.slice(0, -1), to.at(-1) as number]
  const a = plainSeq(doc, fromList)
  const b = plainSeq(doc, toList)
  if (!a || !b) {
    return fallback(text, (d) => {
      const node = d.getIn(from, true)
      d.deleteIn(from)
      const seq = d.getIn(toList, true) as YAMLSeq
      seq.items.splice(toAt, 0, node)
    })
  }
  const [s, e] = chunk(text, a, fromAt)
  let lines = text.slice(s, e)
  if (!lines.endsWith('\n')) lines += '\n'
  lines = reindent(lines, dashColumn(text, b) - dashColumn(text, a))
  const same = a === b
  const others = b.items.map((_, i) => i).filter((i) => !same || i !== fromAt)
  const at = toAt < others.length ? chunk(text, b, others[toAt]!)[0] : others.length ? chunk(text, b, others.at(-1)!)[1] : s
  if (at >= s && at <= e) return text
  if (at < s) return text.slice(0, at) + lines + text.slice(at, s) + text.slice(e)
  const mid = text.slice(e, at)
  return text.slice(0, s) + mid + (mid.endsWith('\n') || mid === '' ? '' : '\n') + lines + text.slice(at)
}

/** add puts a value into a list, before the item that stands there. */
export function add(text: string, list: Path, at: number, value: unknown): string {
  const doc = parse(text)
  const seq = plainSeq(doc, list)
  if (!seq) {
    if (!isSeq(doc.getIn(list, true))) return set(text, list, [value]).replace(/\n*$/, '\n')
    return fallback(text, (d) => (d.getIn(list, true) as YAMLSeq).items.splice(at, 0, d.createNode(value)))
  }
  const column = dashColumn(text, seq)
  const body = stringify([value], { ...written, indentSeq: true }).replace(/\n+$/, '\n')
  const lines = reindent(body, column)
  const place = at < seq.items.length ? chunk(text, seq, at)[0] : chunk(text, seq, seq.items.length - 1)[1]
  const gap = place > 0 && text[place - 1] !== '\n' ? '\n' : ''
  return splice(text, place, place, gap + lines)
}

/** lineOf is the line that a path begins on, from 1. */
export function lineOf(text: string, path: Path): number {
  const node = parseDocument(text).getIn(path, true) as Node | null | undefined
  return node?.range ? text.slice(0, node.range[0]).split('\n').length : 1
}
