import { onMount, untrack } from 'svelte'

import { aborted, problemOf } from '../../api/client'
import { backtest } from '../../api/operations'
import type { Backtest, Datapoint, Problem, RuleCheck } from '../../api/types'
import { events } from '../../lib/events.svelte'
import { time } from '../../lib/time.svelte'
import { toast } from '../../lib/toast.svelte'
import { limits, overrides, withLimit, type Settings } from './machine'

export interface Range {
  from: string
  to: string
}
/** Given is the rule that is tried: its text and what is known of it. */
export interface Given {
  readonly path: string
  readonly text: string
  readonly check: RuleCheck | null
  /** checked is the text that check is of. */
  readonly checked: string
  range: Range | null
}

/**
 * Trial runs a rule over what is stored with the settings that are tried. It
 * is made while a component is; what it has is of the text and the settings
 * that are named with it, and may be old.
 */
export class Trial {
  #given: Given
  yaml = $state.raw<typeof import('../../lib/yamledit') | null>(null)

  /** source is the last text without problems, known what was found in it. */
  source = $state('')
  known = $state.raw<RuleCheck | null>(null)
  usable = $derived.by(() => this.#given.check !== null && this.#given.checked === this.#given.text && this.#given.check.problems.length === 0)
  /** base is what the file says. */
  base = $derived.by(() => {
    if (!this.yaml || !this.source) return null
    const alarm = this.yaml.read(this.source, ['alarm']) as { datapoints?: number; of?: number; missing?: string } | undefined
    const tumbling = this.yaml.read(this.source, ['window', 'tumbling'])
    const m = alarm?.datapoints ?? 1
    // A rule that expects records takes none for breaching, always.
    const expects = this.yaml.read(this.source, ['expect']) !== undefined
    return { expects, when: String(this.yaml.read(this.source, ['when']) ?? ''), datapoints: m, of: alarm?.of ?? m, missing: alarm?.missing ?? 'missing', window: tumbling === undefined ? '' : String(tumbling) }
  })

  tried = $state<Settings>({})
  #dragging = $state(false)
  measures = $derived.by(() => this.known?.measures ?? [])
  when = $derived.by(() => this.tried.when ?? this.base?.when ?? '')
  lines = $derived.by(() => limits(this.when, this.measures))
  m = $derived.by(() => this.tried.datapoints ?? this.base?.datapoints ?? 1)
  n = $derived.by(() => this.tried.of ?? this.base?.of ?? 1)
  missing = $derived.by(() => this.tried.missing ?? this.base?.missing ?? 'missing')
  window = $derived.by(() => this.tried.window ?? this.base?.window ?? '')
  changed = $derived.by(() => Object.values(this.tried).some((v) => v !== undefined))
  /** arrived asks for what a live evaluation would have seen. */
  arrived = $state(false)

  now = $state.raw<Backtest | null>(null)
  points = $state.raw<Datapoint[]>([])
  problem = $state<Problem | null>(null)
  busy = $state(false)
  #nowKey = $state('')
  #pointsKey = $state('')
  #linesKey = $state('')
  #problemKey = $state('')
  #before = $state.raw<{ key: string; backtest: Backtest } | null>(null)
  #data = $state(0)
  #again = $state(0)
  #ranged = $state(false)

  #set = $derived.by(() => overrides(this.tried))
  #baseKey = $derived.by(() => JSON.stringify([this.source, this.#given.range, this.#data, this.arrived]))
  #wantedKey = $derived.by(() => this.source && JSON.stringify([this.#baseKey, JSON.stringify(this.#set)]))
  #shapeKey = $derived.by(() => JSON.stringify([this.#baseKey, this.tried.window]))
  computing = $derived.by(() => this.now !== null && this.#nowKey !== this.#wantedKey && this.#problemKey !== this.#wantedKey)
  /** stale says that now is not of what is wanted: what is typed and not yet understood makes it so, too. */
  stale = $derived.by(() => this.now !== null && (this.#nowKey !== this.#wantedKey || this.#given.text !== this.source))
  pointsStale = $derived.by(() => this.stale || this.#pointsKey !== this.#wantedKey)
  linesStale = $derived.by(() => this.#linesKey !== this.#shapeKey)
  /** ranging says that the range of the address is asked for. */
  ranging = $derived.by(() => !this.#ranged && !!this.known?.dataset && this.failed === null)
  /** failed is why the wanted settings have no answer. */
  failed = $derived.by(() => (this.problem && this.#problemKey === this.#wantedKey ? this.problem : null))
  /** was is what the file's own settings come to, once others are tried. */
  was = $derived.by(() => (this.#before?.key === this.#baseKey && this.changed ? this.#before.backtest : null))
  /** asked is what to ask the server about the rule as the file has it. */
  asked = $derived.by(() => ({ file: this.#given.path, text: this.source, from: this.#given.range?.from, to: this.#given.range?.to }))

  constructor(given: Given) {
    this.#given = given
    $effect(() => {
      if (this.usable) [this.source, this.known] = [given.text, given.check]
    })
    // An edit of the text takes what was tried with it.
    $effect(() => {
      void this.source
      untrack(() => (this.tried = {}))
    })
    $effect(() => this.#resolve())
    $effect(() => this.#schedule())
    onMount(() => {
      void import('../../lib/yamledit').then((y) => (this.yaml = y))
      let due: ReturnType<typeof setTimeout> | undefined
      const off = events.on((e) => {
        if (e.type !== 'data' || e.dataset !== this.known?.dataset) return
        clearTimeout(due)
        due = setTimeout(() => this.#data++, 2000)
      })
      return () => (off(), clearTimeout(due))
    })
  }

  /** attempt tries settings; those that the file has anyway are not kept. */
  attempt(s: Settings) {
    const next = { ...this.tried, ...s }
    if (this.base) for (const k of ['when', 'datapoints', 'of', 'missing', 'window'] as const) if (next[k] === this.base[k]) delete next[k]
    this.tried = next
  }
  /** limit moves the number of one comparison; done is false while it is dragged. */
  limit(i: number, value: number, done = true) {
    this.#dragging = !done
    if (Number.isFinite(value)) this.attempt({ when: withLimit(this.when, this.measures, i, value) })
  }
  reset() {
    this.tried = {}
  }
  retry() {
    this.#problemKey = ''
    this.#again++
  }

  /** written is the text with what is tried in it; its comments stay. */
  written(): string | null {
    const [yaml, text, tried] = [this.yaml, this.#given.text, this.tried]
    if (!yaml || !this.base) return null
    try {
      let out = text
      if (tried.when !== undefined) out = yaml.set(out, ['when'], tried.when)
      if (tried.datapoints !== undefined) out = yaml.set(out, ['alarm', 'datapoints'], tried.datapoints)
      if (tried.of !== undefined || (tried.datapoints !== undefined && yaml.read(out, ['alarm', 'of']) === undefined)) out = yaml.set(out, ['alarm', 'of'], this.n)
      if (tried.missing !== undefined) out = yaml.set(out, ['alarm', 'missing'], tried.missing)
      if (tried.window !== undefined) out = yaml.set(out, ['window', 'tumbling'], tried.window)
      return out
    } catch (e) {
      toast(`Not written: ${e instanceof Error ? e.message : e}`, 'alarm')
      return null
    }
  }

  // The range of the address; everything is asked for without bounds.
  #resolve() {
    const t = time.text
    const dataset = this.known?.dataset
    if (t === 'all') {
      this.#given.range = null
      this.#ranged = true
      return
    }
    if (!dataset) return
    let gone = false
    this.#ranged = false
    time.resolve([dataset]).then(
      (r) => {
        if (gone) return
        const range = this.#given.range
        if (r.from !== range?.from || r.to !== range.to) this.#given.range = r
        this.#ranged = true
      },
      (e) => !gone && ([this.problem, this.#problemKey] = [problemOf(e), untrack(() => this.#wantedKey)]),
    )
    return () => (gone = true)
  }

  #schedule() {
    void this.#again
    if (!this.#wantedKey || !this.#ranged || !this.base) return
    const key = this.#wantedKey
    const light = this.#dragging
    if (untrack(() => this.#nowKey === key && (light || this.#pointsKey === key))) {
      this.busy = false // what was on its way for other settings has been given up
      return
    }
    const abort = new AbortController()
    const timer = setTimeout(() => void this.#run(key, light, abort.signal), light ? 60 : untrack(() => this.now) ? 220 : 0)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }
  async #run(key: string, light: boolean, signal: AbortSignal) {
    const [shape, bare, set] = untrack(() => [this.#shapeKey, this.#baseKey, this.#set])
    const asIs = Object.keys(set).length === 0
    const body = untrack(() => ({ ...this.asked, as_arrived: this.arrived }))
    this.busy = true
    try {
      const got = await backtest({ body: { ...body, set, datapoints: !light } }, signal)
      if (signal.aborted) return
      ;[this.now, this.#nowKey, this.problem] = [got, key, null]
      if (!light) [this.points, this.#pointsKey, this.#linesKey] = [got.datapoints ?? [], key, shape]
      if (asIs) this.#before = { key: bare, backtest: got }
      this.busy = false
      // What it was is asked for only once something is tried over another range.
      if (!asIs && this.#before?.key !== bare) {
        const old = await backtest({ body: { ...body, datapoints: false } }, signal)
        if (!signal.aborted) this.#before = { key: bare, backtest: old }
      }
    } catch (e) {
      if (signal.aborted || aborted(e)) return
      ;[this.problem, this.#problemKey, this.busy] = [problemOf(e), key, false]
    }
  }
}
