import { instant, visible } from './format'

/** How a value of a result is shown; the text is whole. */
export interface Shown {
  text: string
  kind: 'null' | 'number' | 'text' | 'time' | 'bool' | 'nested'
}

const whole = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|BIGNUM)$/

/** isNumber says whether a column of this type is right-aligned and drawable. */
export const isNumber = (type: string): boolean => whole.test(type) || /^(DOUBLE|FLOAT|DECIMAL)/.test(type)
export const isTime = (type: string): boolean => /^(TIMESTAMP|DATE$)/.test(type)
export const isNested = (type: string): boolean => /^(STRUCT|MAP|UNION|JSON|VARIANT)/.test(type) || type.endsWith(']')

/** show writes a value as DuckDB's type of the column means it. */
export function show(v: unknown, type: string): Shown {
  if (v === null || v === undefined) return { text: 'null', kind: 'null' }
  if (typeof v === 'boolean') return { text: String(v), kind: 'bool' }
  if (type === 'DATE') return { text: dateText(v), kind: 'time' }
  if (type.startsWith('TIMESTAMP')) return { text: timeText(v, type), kind: 'time' }
  if (typeof v === 'bigint') return { text: scaled(v, type), kind: 'number' }
  if (typeof v === 'number') return { text: String(v), kind: 'number' }
  if (v instanceof Uint8Array) return { text: hex(v), kind: 'text' }
  if (typeof v === 'object') return { text: visible(JSON.stringify(plain(v))), kind: 'nested' }
  return { text: visible(String(v)), kind: isNumber(type) ? 'number' : isNested(type) ? 'nested' : 'text' }
}

const digits = (type: string): number => +(/^DECIMAL\(\d+,\s*(\d+)\)/.exec(type)?.[1] ?? 0)

function scaled(v: bigint, type: string): string {
  const scale = digits(type)
  if (scale === 0) return v.toString()
  const negative = v < 0n
  const text = (negative ? -v : v).toString().padStart(scale + 1, '0')
  return `${negative ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
}

/** millis is a time as milliseconds since 1970; NaN if it is none. */
export function millis(v: unknown): number {
  if (typeof v === 'number') return v
  if (typeof v === 'bigint') return Number(v) / 1000
  if (v instanceof Date) return v.getTime()
  return typeof v === 'string' ? Date.parse(v) : NaN
}

function timeText(v: unknown, type: string): string {
  const ms = millis(v)
  if (!Number.isFinite(ms)) return String(v)
  // A TIMESTAMP without zone is a wall clock: it is in no zone.
  if (!type.includes('TIME ZONE') && type !== 'TIMESTAMPTZ') return new Date(ms).toISOString().replace('T', ' ').replace(/(\.000)?Z$/, '')
  return instant(ms, ms % 1000 ? 'ms' : 'second')
}

function dateText(v: unknown): string {
  const ms = millis(v)
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : String(v)
}

const hex = (b: Uint8Array): string => '\\x' + [...b.slice(0, 4096)].map((x) => x.toString(16).padStart(2, '0')).join('') + (b.length > 4096 ? ` (+${b.length - 4096} bytes)` : '')

/** plain makes Arrow's nested values into what JSON can write. */
export function plain(v: unknown): unknown {
  if (v === null || v === undefined) return null
  if (typeof v === 'bigint') return v >= -9007199254740991n && v <= 9007199254740991n ? Number(v) : v.toString()
  if (v instanceof Uint8Array) return hex(v)
  if (v instanceof Map) return Object.fromEntries([...v].map(([k, x]) => [String(k), plain(x)]))
  if (v instanceof Date) return v.toISOString()
  if (Array.isArray(v)) return v.map(plain)
  if (ArrayBuffer.isView(v)) return Array.from(v as unknown as ArrayLike<unknown>, plain)
  if (typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]))
  return v
}

/** toNumber is a value for a chart; null where there is none. */
export function toNumber(v: unknown, type = ''): number | null {
  if (v === null || v === undefined) return null
  if (typeof v === 'bigint') return Number(v) / 10 ** digits(type)
  const n = typeof v === 'boolean' ? +v : Number(v)
  return Number.isFinite(n) ? n : null
}
