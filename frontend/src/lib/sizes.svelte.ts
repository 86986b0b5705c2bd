/** A width that somebody chose for a side panel, kept in the browser. */
export class Size {
  readonly least: number
  readonly most: number
  readonly usual: number
  #key: string
  #px = $state(0)

  constructor(name: string, usual: number, least: number, most: number) {
    this.#key = 'tidemark.size.' + name
    this.usual = usual
    this.least = least
    this.most = most
    const kept = Number(localStorage.getItem(this.#key))
    this.#px = kept > 0 ? this.#within(kept) : usual
  }
  #within(px: number): number {
    return Math.round(Math.min(this.most, Math.max(this.least, px)))
  }
  get px(): number {
    return this.#px
  }
  set px(px: number) {
    this.#px = this.#within(px)
    localStorage.setItem(this.#key, String(this.#px))
  }
  reset(): void {
    this.#px = this.usual
    localStorage.removeItem(this.#key)
  }
}
