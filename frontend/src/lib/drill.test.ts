import { describe, expect, it } from 'vitest'

import type { Catalog } from '../api/types'
import { recordsAddress } from './drill'

const catalog = { tables: [{ name: 'app', columns: [{ path: 'service' }, { path: 'body.route' }, { path: 'labels.region' }] }] } as unknown as Catalog
const of = (key: Record<string, unknown>, c: Catalog | null = catalog) => new URLSearchParams(recordsAddress(c, 'app', key, '2026-01-09T14:08:00Z', '2026-01-09T14:55:00Z').split('?')[1])

describe('the address of the records of a group', () => {
  it('carries the time and the group', () => {
    const q = of({ service: 'checkout' })
    expect(q.get('t')).toBe('2026-01-09T14:08:00.000Z/2026-01-09T14:55:00.000Z')
    expect(q.get('f')).toBe('service = "checkout"')
  })
  it('finds fields of the body, and leaves out what is no field', () => {
    expect(of({ route: '/pay', nothing: 1 }).get('f')).toBe('body.route = "/pay"')
  })
  it('knows a group without a value', () => {
    expect(of({ 'labels.region': null }).get('f')).toBe('labels.region !exists')
  })
  it('carries what the rule asks of every record, once', () => {
    const where = [{ path: 'body.type', op: '=' as const, value: 'request' }, { path: 'service', op: '=' as const, value: ['a', 'b'] }]
    const q = new URLSearchParams(recordsAddress(catalog, 'app', { service: 'a' }, 0, 1, where).split('?')[1])
    expect(q.get('f')).toBe('service = "a" AND body.type = "request"')
  })
  it('has no filter when there is no group', () => {
    expect(of({}).has('f')).toBe(false)
  })
})
