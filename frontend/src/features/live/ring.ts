/** Ring keeps the newest of what is put in; each has a number that never changes. */
export class Ring<T> {
  #items: (T | undefined)[]
  /** first is the number of the oldest that is kept, next that of the next one. */
  first = 0
  next = 0

  constructor(readonly capacity: number) {
    this.#items = new Array<T | undefined>(capacity)
  }

  get kept(): number {
    return this.next - this.first
  }

  /** push puts one in, and gives the one that had to go. */
  push(item: T): T | undefined {
    const at = this.next++ % this.capacity
    const gone = this.#items[at]
    this.#items[at] = item
    if (this.kept > this.capacity) this.first++
    return gone
  }

  /** at is undefined for a number that is not kept. */
  at(number: number): T | undefined {
    return number < this.first || number >= this.next ? undefined : this.#items[number % this.capacity]
  }

  clear(): void {
    this.#items.fill(undefined)
    this.first = this.next = 0
  }
}
