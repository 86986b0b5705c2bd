import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { ApiError } from '../../api/client'
import { Autosave, type Draft, type Store } from './autosave.svelte'

const fail = (kind: 'conflict' | 'unavailable' | 'not_found', status: number) => new ApiError({ kind, op: '', message: kind, hint: '', file: '', line: 0, column: 0 }, undefined, status)

class Disk implements Store {
  text = 'a'
  draft: Draft | null = null
  down = false
  gone = false
  writes: string[] = []
  hold: Promise<void> = Promise.resolve()
  get version() {
    return this.gone ? '' : 'v:' + this.text
  }
  async read() {
    if (this.gone) throw fail('not_found', 404)
    return { path: 'n', text: this.text, version: this.version }
  }
  async write(text: string, version: string) {
    await this.hold
    if (this.down) throw fail('unavailable', 503)
    if (version !== this.version) throw fail('conflict', 409)
    this.gone = false
    this.text = text
    this.writes.push(text)
    return { version: this.version }
  }
  keep(d: Draft | null) {
    this.draft = d
  }
  kept() {
    return this.draft
  }
}

let disk: Disk
let replaced: number
let file: Autosave
beforeEach(async () => {
  vi.useFakeTimers()
  disk = new Disk()
  replaced = 0
  file = new Autosave(disk, 800, () => replaced++)
  await file.open()
})
afterEach(() => vi.useRealTimers())
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('saving', () => {
  it('waits for a pause, and keeps a draft until then', async () => {
    file.edit('ab')
    await later(700)
    file.edit('abc')
    await later(700)
    expect(disk.writes).toEqual([])
    expect(disk.draft?.text).toBe('abc')
    expect(file.state).toBe('unsaved')
    await later(200)
    expect(disk.writes).toEqual(['abc'])
    expect(file.state).toBe('saved')
    expect(disk.draft).toBeNull()
  })
  it('saves again what was typed while it was saving', async () => {
    let go = () => {}
    disk.hold = new Promise((r) => (go = r))
    file.edit('b')
    await later(800)
    expect(file.state).toBe('saving')
    file.edit('bc')
    go()
    await later(0)
    expect(disk.draft?.text).toBe('bc')
    await later(900)
    expect(disk.writes).toEqual(['b', 'bc'])
    expect(file.state).toBe('saved')
  })
  it('tries again when the program does not answer', async () => {
    disk.down = true
    file.edit('b')
    await later(900)
    expect(file.state).toBe('failed')
    expect(disk.draft?.text).toBe('b')
    disk.down = false
    await later(5100)
    expect(disk.text).toBe('b')
    expect(file.state).toBe('saved')
  })
  it('saves at once when asked', async () => {
    file.edit('b')
    await file.save()
    expect(disk.text).toBe('b')
  })
})

describe('when the file changes on disk', () => {
  it('takes it silently if nothing was typed', async () => {
    disk.text = 'theirs'
    await file.changed()
    expect([file.text, file.state, replaced]).toEqual(['theirs', 'saved', 1])
    file.edit('next')
    await later(900)
    expect(disk.text).toBe('next')
  })
  it('says nothing of its own writing', async () => {
    file.edit('b')
    await later(900)
    await file.changed()
    expect([file.state, replaced]).toEqual(['saved', 0])
  })
  it('asks if something was typed, and loses neither', async () => {
    file.edit('mine')
    disk.text = 'theirs'
    await file.changed()
    expect([file.state, file.text, file.theirs?.text]).toEqual(['conflict', 'mine', 'theirs'])
    file.edit('mine more')
    await later(5000)
    expect(disk.text).toBe('theirs')
    expect(disk.draft?.text).toBe('mine more')
    await file.keepMine()
    expect([disk.text, file.state, disk.draft]).toEqual(['mine more', 'saved', null])
  })
  it('finds it out by a refused write, too', async () => {
    disk.text = 'theirs'
    file.edit('mine')
    await later(900)
    expect(file.state).toBe('conflict')
    expect(file.takeTheirs()).toBe('mine')
    expect([file.text, file.state, replaced]).toEqual(['theirs', 'saved', 1])
    expect(disk.text).toBe('theirs')
  })
  it('asks again when it changes once more before keeping', async () => {
    file.edit('mine')
    disk.text = 'theirs'
    await file.changed()
    disk.text = 'theirs again'
    await file.keepMine()
    expect([file.state, file.theirs?.text, disk.text]).toEqual(['conflict', 'theirs again', 'theirs again'])
  })
  it('sees that both wrote the same', async () => {
    file.edit('same')
    disk.text = 'same'
    await file.changed()
    expect([file.state, file.dirty, disk.draft]).toEqual(['saved', false, null])
  })
  it('can write a deleted file again', async () => {
    disk.gone = true
    await file.changed()
    expect([file.state, file.text]).toEqual(['conflict', 'a'])
    await file.keepMine()
    expect([disk.gone, disk.text, file.state]).toEqual([false, 'a', 'saved'])
  })
})

describe('opening', () => {
  it('takes up a draft of the same version', async () => {
    disk.draft = { text: 'typed before the crash', version: disk.version }
    const again = new Autosave(disk, 800)
    await again.open()
    expect(again.text).toBe('typed before the crash')
    await later(900)
    expect(disk.text).toBe('typed before the crash')
  })
  it('asks about a draft of another version', async () => {
    disk.draft = { text: 'draft', version: 'v:older' }
    const again = new Autosave(disk, 800)
    await again.open()
    expect([again.state, again.text, again.theirs?.text]).toEqual(['conflict', 'draft', 'a'])
    await later(5000)
    expect(disk.text).toBe('a')
  })
})
