/** What a person likes, kept in the browser. */
function kept<T extends string>(name: string, fallback: T): { value: T } {
  const key = 'tidemark.' + name
  let value = $state((localStorage.getItem(key) as T | null) ?? fallback)
  return {
    get value() {
      return value
    },
    set value(v: T) {
      value = v
      localStorage.setItem(key, v)
    },
  }
}

export type Theme = 'system' | 'light' | 'dark'

const theme = kept<Theme>('theme', 'system')
const zone = kept<string>('zone', 'UTC')
const rail = kept<'wide' | 'narrow'>('rail', 'wide')
const dark = matchMedia('(prefers-color-scheme: dark)')
let systemDark = $state(dark.matches)
dark.addEventListener('change', (e) => (systemDark = e.matches))

export const prefs = {
  get theme() {
    return theme.value
  },
  set theme(t: Theme) {
    theme.value = t
    if (t === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = t
  },
  /** dark is what is seen; drawings on canvas follow it. */
  get dark() {
    return theme.value === 'dark' || (theme.value === 'system' && systemDark)
  },
  /** zone is an IANA name, or "local". All times are shown in it. */
  get zone() {
    return zone.value
  },
  set zone(z: string) {
    zone.value = z
  },
  get rail() {
    return rail.value
  },
  set rail(r: 'wide' | 'narrow') {
    rail.value = r
  },
}

/** zoneName is the zone for Intl. */
export const zoneName = (): string => (prefs.zone === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : prefs.zone)
