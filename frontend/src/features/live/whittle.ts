import { Ring } from './ring'

/** Arrived is a record as it is shown live. */
export interface Arrived {
  seq: number
  /** In milliseconds since 1970. */
  event: number | null
  arrival: number | null
  level: string | null
  service: string | null
  message: string | null
  body: string | null
  late: boolean
}

/** A chip keeps records, or with not leaves them out. */
export interface Chip {
  text: string
  not: boolean
}

type Test = (r: Arrived) => boolean

/**
 * testOf reads what a chip says: level:ERROR, service:payments, body:text,
 * /a pattern/, or a text in the level, the service or the message. Null: the
 * pattern is none.
 */
export function testOf(text: string): Test | null {
  const field = /^(level|service):(.+)$/i.exec(text)
  if (field) {
    const name = field[1]!.toLowerCase() as 'level' | 'service'
    const want = field[2]!.toLowerCase()
    return (r) => (r[name] ?? '').toLowerCase() === want
  }
  const body = /^body:(.+)$/i.exec(text)
  const pattern = patternOf(body ? body[1]! : text)
  if (pattern === null) return null
  if (body) return (r) => pattern.test(r.body ?? '')
  return (r) => pattern.test(whole(r))
}

const whole = (r: Arrived): string => `${r.level ?? ''} ${r.service ?? ''} ${r.message ?? r.body ?? ''}`

/** patternOf is what a text finds, for marking it too; null if it is none. */
export function patternOf(text: string): RegExp | null {
  const m = /^\/(.+)\/$/.exec(text)
  try {
    return new RegExp(m ? m[1]! : text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i')
  } catch {
    return null
  }
}

interface Sieve extends Chip {
  test: Test
  /** hits are the kept records that it finds, whatever the others say. */
  hits: number
}

/** Whittled is a ring of records, those that pass all chips, and how many each chip finds. */
export class Whittled {
  readonly ring: Ring<Arrived>
  #sieves: Sieve[] = []
  // Numbers of the records that pass, in order; those before #from have gone.
  #passing: number[] = []
  #from = 0
  levels = new Map<string, number>()

  constructor(capacity: number) {
    this.ring = new Ring(capacity)
  }

  get count(): number {
    return this.#passing.length - this.#from
  }
  get hits(): number[] {
    return this.#sieves.map((s) => s.hits)
  }

  row(i: number): Arrived | undefined {
    const number = this.#passing[this.#from + i]
    return number === undefined ? undefined : this.ring.at(number)
  }

  push(records: Arrived[]): void {
    for (const r of records) {
      const gone = this.ring.push(r)
      if (gone) this.#count(gone, -1)
      if (this.#count(r, 1)) this.#passing.push(this.ring.next - 1)
    }
    while (this.#from < this.#passing.length && this.#passing[this.#from]! < this.ring.first) this.#from++
    if (this.#from > this.ring.capacity) {
      this.#passing = this.#passing.slice(this.#from)
      this.#from = 0
    }
  }

  /** sift replaces the chips; all that is kept is looked at again. */
  sift(chips: Chip[]): void {
    this.#sieves = chips.flatMap((c) => {
      const test = testOf(c.text)
      return test ? [{ ...c, test, hits: 0 }] : []
    })
    this.#passing = []
    this.#from = 0
    this.levels.clear()
    for (let n = this.ring.first; n < this.ring.next; n++) if (this.#count(this.ring.at(n)!, 1)) this.#passing.push(n)
  }

  clear(): void {
    this.ring.clear()
    this.sift(this.#sieves)
  }

  /** count adds a record to the counts or takes it out, and says whether it passes. */
  #count(r: Arrived, by: 1 | -1): boolean {
    let passes = true
    for (const s of this.#sieves) {
      const found = s.test(r)
      if (found) s.hits += by
      if (found === s.not) passes = false
    }
    const level = r.level ?? ''
    const n = (this.levels.get(level) ?? 0) + by
    if (n) this.levels.set(level, n)
    else this.levels.delete(level)
    return passes
  }
}
