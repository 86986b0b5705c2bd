import type { AlarmEpisode } from '../../api/types'
import type { Band } from './model'

/** lastOf is how far an alarm is drawn: one that lasts, as far as it is known. */
const lastOf = (a: AlarmEpisode): number | null => {
  const last = a.end ?? a.until
  return last === null ? null : Date.parse(last)
}

/** bandsOf draws alarms. */
export const bandsOf = (alarms: AlarmEpisode[]): Band[] =>
  alarms.map((a) => ({ from: Date.parse(a.start), to: lastOf(a), label: a.summary ? `${a.rule}: ${a.summary}` : a.description, tone: a.severity === 'critical' ? 'alarm' : 'warn' }))
