import { resolveTime } from '../api/operations'
import type { TimeRange } from '../api/types'
import { instant } from './format'
import { router } from './router.svelte'

/**
 * The time that the whole page looks at: "6h", "7d", "all", or two RFC 3339
 * times with a slash between. It stands in the address as t=. Relative time
 * ends at the newest watermark, as everywhere.
 */
class Time {
  /** fallback is the time of a page that has its own when none is chosen. */
  fallback = $state('all')

  get text(): string {
    return router.query.get('t') ?? this.fallback
  }
  /** chosen says that the address has a time. */
  get chosen(): boolean {
    return router.query.has('t')
  }

  /** set looks at another time; Back returns to this one. */
  set(text: string) {
    router.set({ t: text === this.fallback ? null : text })
  }

  /** zoom looks at [from, to). */
  zoom(from: Date | number, to: Date | number) {
    this.set(`${new Date(from).toISOString()}/${new Date(to).toISOString()}`)
  }

  get absolute(): [string, string] | null {
    const [a, b] = this.text.split('/')
    return a && b ? [a, b] : null
  }

  /** label is how the time is written on the button. */
  get label(): string {
    const abs = this.absolute
    if (!abs) return this.text === 'all' ? 'All time' : `Last ${this.text}`
    const precision = new Date(abs[1]).getTime() - new Date(abs[0]).getTime() < 300_000 ? 'second' : 'minute'
    const [a, b] = [instant(abs[0], precision), instant(abs[1], precision)]
    return a.slice(0, 10) === b.slice(0, 10) ? `${a} to ${b.slice(11)}` : `${a} to ${b}`
  }

  resolve(datasets?: string[]): Promise<TimeRange> {
    return resolveTime({ body: { time: this.text, datasets } })
  }
}

export const time = new Time()
export const presets = ['15m', '1h', '6h', '24h', '2d', '7d', '30d', 'all']
