import { expect, it } from 'vitest'

import { brief, parts, promotable, said, tree } from './types'

it('cuts paths at dots outside of quotes', () => {
  expect(parts('body."we.ird ""key""".x')).toEqual(['body', 'we.ird "key"', 'x'])
})
it('names long types briefly', () => {
  expect(brief('bigint')).toBe('bigint')
  expect(brief('struct(a bigint, "b, c" varchar, d struct(e double, f list(varchar)))')).toBe('struct of 3 fields')
})
it('says what a change is', () => {
  expect(said({ path: 'a', op: 'add', from: '', to: 'bigint' })).toBe('added')
  expect(said({ path: 'a', op: 'change', from: 'unknown', to: 'varchar' })).toBe('resolved')
  expect(said({ path: 'a', op: 'change', from: 'bigint', to: 'double' })).toBe('widened')
  expect(said({ path: 'a', op: 'change', from: 'varchar', to: 'bigint' })).toBe('changed')
})
it('lists structs before what is in them, and of a search what leads there', () => {
  const types = [
    { path: 'level', type: 'varchar' },
    { path: 'body.user.id', type: 'varchar' },
    { path: 'body.user.age', type: 'bigint' },
  ]
  expect(tree(types).map((r) => `${r.depth} ${r.path}`)).toEqual(['0 level', '0 body', '1 body.user', '2 body.user.id', '2 body.user.age'])
  expect(tree(types, 'AGE').map((r) => r.name)).toEqual(['body', 'user', 'age'])
})

it('finds the paths that a conflict of many names is about', () => {
  expect(promotable('*', ['"k999":999', '"k999":1', '"a b":{"x":1}', '"q\\"":1', 'no member'])).toEqual(['k999', '"a b"', '"q"""'])
  expect(promotable('o."x y".*', ['"n":1'])).toEqual(['o."x y".n'])
})
