import { longestCommon } from './identity'
import { toLF } from './text'

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
