import type { Kind } from './text'

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
