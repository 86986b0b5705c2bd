import { afterEach, expect, test, vi } from 'vitest'

import { deleteFile, getQuery, listRecent, runCell } from './operations'

afterEach(() => vi.unstubAllGlobals())

function answer(body: unknown) {
  const calls: [string, RequestInit][] = []
  vi.stubGlobal('fetch', (url: URL, init: RequestInit) => {
    calls.push([url.pathname + url.search, init])
    return Promise.resolve(new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } }))
  })
  return calls
}

test('path and query parameters and bodies go where they belong', async () => {
  const calls = answer({ id: 'x', state: 'done' })
  const state = await getQuery({ id: 'a/b', wait: 2 })
  expect(state.state).toBe('done') // typed: no cast
  await deleteFile({ path: 'notebooks/ä.md', version: 'v 1' })
  await listRecent({})
  await runCell({ body: { file: 'n.md', text: '', cell: 0 } })
  expect(calls.map((c) => c[0])).toEqual(['/api/v1/queries/a%2Fb?wait=2', '/api/v1/files?path=notebooks%2F%C3%A4.md&version=v+1', '/api/v1/recent', '/api/v1/notebooks/cell'])
  expect(calls[3]![1]).toMatchObject({ method: 'POST', body: '{"file":"n.md","text":"","cell":0}' })
  // @ts-expect-error a parameter that is missing is seen before it is sent
  void (() => getQuery({}))
})
