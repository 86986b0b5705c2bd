import { afterEach, expect, test, vi } from 'vitest'

import { borrow, lend } from './lend'

// Tabs of one browser: each has a session of its own, in which it hears the others.
function tabs() {
  const open = new Set<Channel>()
  const within = (session: Storage, does: () => void) => {
    const now = globalThis.sessionStorage
    vi.stubGlobal('sessionStorage', session)
    does()
    vi.stubGlobal('sessionStorage', now)
  }
  class Channel {
    onmessage: ((e: { data: unknown }) => void) | null = null
    session = globalThis.sessionStorage
    constructor() {
      open.add(this)
    }
    postMessage(data: unknown) {
      for (const c of [...open]) if (c !== this) within(c.session, () => c.onmessage?.({ data }))
    }
    close() {
      open.delete(this)
    }
  }
  vi.stubGlobal('BroadcastChannel', Channel)
}
function tab(token: string): Map<string, string> {
  const kept = new Map<string, string>(token ? [['tidemark.token', token]] : [])
  vi.stubGlobal('sessionStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => void kept.set(k, v) })
  return kept
}
afterEach(() => vi.unstubAllGlobals())

test('a tab without a token that is alone goes on without', async () => {
  tabs()
  tab('')
  expect(await borrow(1)).toBe(false)
})

test('a tab that is open lends its token, unless that is worth nothing', async () => {
  tabs()
  let worth = false
  tab('secret')
  lend(() => worth, () => {})
  const second = tab('')
  expect(await borrow(1)).toBe(false)
  worth = true
  expect(await borrow(1000)).toBe(true)
  expect(second.get('tidemark.token')).toBe('secret')
})

test('a tab that was opened too early gets the token of the next', () => {
  tabs()
  const early = tab('')
  const waited = vi.fn()
  lend(() => true, waited)
  tab('secret')
  lend(() => true, () => {})
  expect(waited).toHaveBeenCalledOnce()
  expect(early.get('tidemark.token')).toBe('secret')
})
