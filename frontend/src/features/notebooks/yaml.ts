import type { ChartSpec } from '../../api/types'

const plainWord = /^[A-Za-z_][\w .-]*$/
const reserved = /^(true|false|null|yes|no|on|off|y|n|~)$/i

const quote = (v: string): string => (plainWord.test(v) && !reserved.test(v) && !v.endsWith(' ') ? v : JSON.stringify(v))

function unquote(v: string): string {
  const t = v.trim()
  if (/^".*"$/.test(t)) {
    try {
      return JSON.parse(t) as string
    } catch {
      return t.slice(1, -1)
    }
  }
  if (/^'.*'$/.test(t)) return t.slice(1, -1).replaceAll("''", "'")
  return t.replace(/\s+#.*$/, '')
}

/** keys finds the top-level keys of a text and the lines they take. */
function keysOf(text: string): { key: string; from: number; to: number; value: string }[] {
  const lines = text.split('\n')
  const out: { key: string; from: number; to: number; value: string }[] = []
  lines.forEach((l, i) => {
    const m = /^([A-Za-z_]\w*):(.*)$/.exec(l)
    if (m) out.push({ key: m[1]!, from: i, to: i + 1, value: m[2]! })
    else if (out.length && /^\s+\S|^- /.test(l) && !/^\s*#/.test(l)) {
      out.at(-1)!.to = i + 1
      out.at(-1)!.value += '\n' + l
    }
  })
  return out
}

function listOf(value: string): string[] {
  const t = value.trim()
  if (t.startsWith('[')) return [...t.slice(1, t.lastIndexOf(']') < 0 ? undefined : t.lastIndexOf(']')).matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,\s][^,]*/g)].map((m) => unquote(m[0]))
  const items = t.split('\n').filter((l) => /^\s*- /.test(l))
  if (items.length) return items.map((l) => unquote(l.replace(/^\s*- /, '')))
  const one = unquote(t)
  return one ? [one] : []
}

/** readChart reads what a chart cell says. */
export function readChart(text: string): Required<Pick<ChartSpec, 'data' | 'type' | 'x' | 'series' | 'title'>> & { y: string[]; height: number } {
  const get = new Map(keysOf(text).map((k) => [k.key, k.value]))
  const one = (key: string) => unquote(get.get(key) ?? '')
  return { data: one('data'), type: one('type') || 'line', x: one('x'), y: listOf(get.get('y') ?? ''), series: one('series'), title: one('title'), height: Number(one('height')) || 0 }
}

/** setKey changes one key and leaves the other lines, comments too, as they are. */
export function setKey(text: string, key: string, value: string | string[]): string {
  const list = Array.isArray(value)
  const written = list ? (value.length === 1 ? quote(value[0]!) : `[${value.map(quote).join(', ')}]`) : quote(value)
  const empty = list ? value.length === 0 : value === ''
  const lines = text === '' ? [] : text.split('\n')
  const hit = keysOf(text).find((k) => k.key === key)
  if (hit) {
    const note = hit.to === hit.from + 1 ? (/\s+#[^"'\]]*$/.exec(lines[hit.from]!)?.[0] ?? '') : ''
    lines.splice(hit.from, hit.to - hit.from, ...(empty ? [] : [`${key}: ${written}${note}`]))
  } else if (!empty) {
    // Blank lines at the end stay at the end.
    let at = lines.length
    while (at > 0 && lines[at - 1]!.trim() === '') at--
    lines.splice(at, 0, `${key}: ${written}`)
  }
  return lines.join('\n')
}
