import { zoneName } from './prefs.svelte'

const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 3 })
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

/** count writes a whole number in full: 1,998,502. */
export const count = (n: number | bigint): string => n.toLocaleString('en-US')
/** short writes a number for an axis: 2M, 0.05. */
export const short = (n: number): string => (Math.abs(n) >= 10_000 ? compact.format(n) : number.format(n))
const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })
/** decimal writes a number with at most three decimals; what is smaller than one keeps three digits. */
export const decimal = (n: number): string => (Math.abs(n) < 1 ? small : number).format(n)

/** plural writes a number with its noun. */
export const plural = (n: number, one: string, many = one + 's'): string => `${count(n)} ${n === 1 ? one : many}`

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let i = 0
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000
    i++
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`
}

export function seconds(s: number): string {
  if (s < 0.001) return '<1 ms'
  if (s < 1) return `${Math.round(s * 1000)} ms`
  if (s < 60) return `${s.toFixed(1)} s`
  // Rounded first, so that there are never 60 of anything.
  const whole = Math.round(s)
  const both = (a: number, one: string, b: number, other: string) => (b ? `${a} ${one} ${b} ${other}` : `${a} ${one}`)
  if (whole < 3600) return both(Math.floor(whole / 60), 'min', whole % 60, 's')
  return both(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'min')
}

/** span writes a length of time as it is typed: 90m, 6h, 7d. */
export function span(s: number): string {
  for (const [unit, size] of [
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
  ] as const)
    if (s >= size && s % size === 0) return s / size + unit
  if (s >= 86400) return (s / 86400).toFixed(1) + 'd'
  if (s >= 3600) return (s / 3600).toFixed(1) + 'h'
  if (s >= 60) return (s / 60).toFixed(1) + 'm'
  return (Number.isInteger(s) ? s : s.toFixed(3)) + 's'
}

const formats = new Map<string, Intl.DateTimeFormat>()

function parts(ms: number, zone: string): Record<string, string> {
  let f = formats.get(zone)
  if (!f) {
    f = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      weekday: 'short',
    })
    formats.set(zone, f)
  }
  const out: Record<string, string> = {}
  for (const p of f.formatToParts(ms)) out[p.type] = p.value
  return out
}

/** instant writes a time in the chosen zone: 2026-01-09 14:08:00.250. */
export function instant(t: string | number | Date, precision: 'day' | 'minute' | 'second' | 'ms' = 'second'): string {
  const ms = typeof t === 'number' ? t : new Date(t).getTime()
  if (!Number.isFinite(ms)) return String(t)
  const p = parts(ms, zoneName())
  const day = `${p.year}-${p.month}-${p.day}`
  if (precision === 'day') return day
  let clock = `${p.hour}:${p.minute}`
  if (precision !== 'minute') clock += `:${p.second}`
  if (precision === 'ms') clock += '.' + String(((ms % 1000) + 1000) % 1000 | 0).padStart(3, '0')
  return `${day} ${clock}`
}

/** clock writes the time of day, for axes: 14:08. */
export function clock(ms: number, withSeconds = false): string {
  const p = parts(ms, zoneName())
  return withSeconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`
}

/** dayName writes a day for axes: Fri 01-09. */
export function dayName(ms: number): string {
  const p = parts(ms, zoneName())
  return `${p.weekday} ${p.month}-${p.day}`
}

/** zoneLabel says which zone times are in: "UTC", "Berlin +02:00". */
export function zoneLabel(at = Date.now()): string {
  const zone = zoneName()
  if (zone === 'UTC') return 'UTC'
  const offset = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find((p) => p.type === 'timeZoneName')
    ?.value.replace('GMT', '')
  return `${zone.split('/').pop()?.replaceAll('_', ' ')} ${offset || '+00:00'}`
}

/** offsetMs is how far the chosen zone is ahead of UTC at a time. */
export function offsetMs(ms: number): number {
  const p = parts(ms, zoneName())
  return Date.UTC(+p.year!, +p.month! - 1, +p.day!, +p.hour!, +p.minute!, +p.second!) - Math.floor(ms / 1000) * 1000
}

/** parseLocal reads "2026-01-09 14:08" in the chosen zone; null if it is no time. */
export function parseLocal(text: string): Date | null {
  const m = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?(Z)?$/.exec(text.trim())
  if (!m) return null
  const utc = Date.UTC(+m[1]!, +m[2]! - 1, +m[3]!, +(m[4] ?? 0), +(m[5] ?? 0), +(m[6] ?? 0))
  // 31 February is no day in March, and 24:00 and 12:60 are no times.
  const read = m.slice(1, 7).map((p) => p ?? '00')
  if (Number.isNaN(utc) || new Date(utc).toISOString().slice(0, 19) !== `${read.slice(0, 3).join('-')}T${read.slice(3).join(':')}`) return null
  return new Date(m[7] ? utc : utc - offsetMs(utc - offsetMs(utc)))
}

/** ago says how long something is back: "3 min ago". */
export function ago(t: string | number | Date, now = Date.now()): string {
  const s = Math.max(0, (now - new Date(t).getTime()) / 1000)
  if (s < 5) return 'just now'
  if (s < 90) return `${Math.round(s)} s ago`
  if (s < 5400) return `${Math.round(s / 60)} min ago`
  if (s < 129600) return `${Math.round(s / 3600)} h ago`
  return `${Math.round(s / 86400)} days ago`
}

// Characters that steer a terminal or reorder a line: C0 and C1 controls,
// bidirectional overrides and isolates, zero-width ones.
// eslint-disable-next-line no-control-regex
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

const controls: Record<number, string> = { 0: 'NUL', 7: 'BEL', 8: 'BS', 13: 'CR', 27: 'ESC', 127: 'DEL' }

/** visible makes characters that hide or reorder text seen: ⟨ESC⟩, ⟨202E⟩. */
export function visible(text: string): string {
  return text.replace(hidden, (c) => {
    const code = c.charCodeAt(0)
    return `\u27e8${controls[code] ?? code.toString(16).toUpperCase().padStart(code < 0x100 ? 2 : 4, '0')}\u27e9`
  })
}
