import { expect, it } from 'vitest'

import { calls } from './alias'

it.each([
  ['select a. from logs a', 'a'],
  ['select a. from logs as a where a.level = 1', 'a'],
  ['select\n  L.\nfrom Logs L\njoin other o on o.id = L.id', 'l'],
  ['select x. from other o join logs x on o.id = x.id', 'x'],
  ['select x. from other o, "logs" x', 'x'],
  ['from a: logs select a.', 'a'],
  ['select a. from (select * from logs b) a', 'b'],
])('%s', (statement, called) => {
  expect([...calls('logs', statement)]).toEqual(['logs', called])
})

it.each(['select * from logs where level = 1', 'select * from logs left join other o using (id)', 'select * from logs\norder by 1', "select ' from logs a' -- from logs b", 'select * from all_logs a', 'select * from logs_1m m'])('%s has no other name', (statement) => {
  expect([...calls('logs', statement)]).toEqual(['logs'])
})
