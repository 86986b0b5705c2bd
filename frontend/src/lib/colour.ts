const cache = new Map<string, string>()
let probe: HTMLElement | null = null

/** colour gives the value that a token has in the theme that is shown, for canvas. */
export function colour(token: string, dark: boolean): string {
  const key = token + dark
  let value = cache.get(key)
  if (value) return value
  if (!probe) {
    probe = document.createElement('span')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${token})`
  value = getComputedStyle(probe).color
  cache.set(key, value)
  return value
}

/** seriesToken is the colour of the i-th series. */
export const seriesToken = (i: number): string => `--s${(i % 12) + 1}`

const levels: Record<string, string> = {
  FATAL: 'fatal', CRITICAL: 'fatal', PANIC: 'fatal', EMERGENCY: 'fatal', ALERT: 'fatal',
  ERROR: 'error', ERR: 'error', SEVERE: 'error',
  WARN: 'warn', WARNING: 'warn',
  INFO: 'info', NOTICE: 'info', INFORMATION: 'info',
  DEBUG: 'debug', FINE: 'debug',
  TRACE: 'trace', VERBOSE: 'trace',
}

/** levelToken is the colour of a level, whatever a program calls it. */
export const levelToken = (level: string): string => `--level-${levels[level.toUpperCase()] ?? 'other'}`
