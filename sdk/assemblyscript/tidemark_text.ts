// Walks over text sixteen bytes at a time, where asc is given --enable simd, as
// tidemark plugin build does; otherwise it gives the same slowly. A text is
// where it begins and where it ends: r.start(0) and r.end(0). Nothing is read
// that is not the text's.

/** Whether a byte is in a set. */
// @ts-ignore: decorator
@inline
function has(set: usize, c: u32): bool {
  return ((load<u8>(set + ((c >> 3) & 16) + (c & 15)) >> <u8>((c >> 4) & 7)) & 1) != 0;
}

/**
 * A set of bytes: those of a text, and those between two with a - between them,
 * as in new ByteSet("0-9a-zA-Z_.-"). A - at an end is itself, and a character
 * up to \u00ff stands for the byte of its number.
 */
export class ByteSet {
  // For the upper half of a byte under 128 and of one over it, the bits of those
  // halves that each lower half is in with.
  at: usize = heap.alloc(32);

  constructor(text: string) {
    memory.fill(this.at, 0, 32);
    for (let i = 0; i < text.length; i++) {
      let c: u32 = text.charCodeAt(i);
      let last = c;
      if (i + 2 < text.length && text.charCodeAt(i + 1) == 45) last = text.charCodeAt((i += 2));
      for (; c <= last && c < 256; c++) {
        const half = this.at + ((c >> 3) & 16) + (c & 15);
        store<u8>(half, load<u8>(half) | <u8>((<u32>1) << ((c >> 4) & 7)));
      }
    }
  }

  /** Makes it all bytes that were not in it. */
  not(): ByteSet {
    for (let i = 0; i < 32; i++) store<u8>(this.at + i, ~load<u8>(this.at + i));
    return this;
  }

  has(c: u8): bool {
    return has(this.at, c);
  }
}

/** Which of 16 bytes are in a set, a bit each. */
// @ts-ignore: decorator
@inline
function within16(at: usize, set: usize): u64 {
  if (ASC_FEATURE_SIMD) {
    const v = v128.load(at);
    const low = i8x16.swizzle(v128.load(set), v128.and(v, i8x16.splat(<i8>0x8f)));
    const high = i8x16.swizzle(v128.load(set, 16), v128.and(v128.xor(v, i8x16.splat(<i8>0x80)), i8x16.splat(<i8>0x8f)));
    const bit = i8x16.swizzle(i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128), i8x16.shr_u(v, 4));
    return <u64>i8x16.bitmask(i8x16.ne(v128.and(v128.or(low, high), bit), i8x16.splat(0)));
  } else {
    let bits: u64 = 0;
    for (let i = 0; i < 16; i++) bits |= <u64>has(set, load<u8>(at + i)) << i;
    return bits;
  }
}

/** Which of 16 bytes are from low to high. */
// @ts-ignore: decorator
@inline
function between16(at: usize, low: u8, high: u8): u64 {
  if (ASC_FEATURE_SIMD) {
    return <u64>i8x16.bitmask(i8x16.le_u(i8x16.sub(v128.load(at), i8x16.splat(low)), i8x16.splat(high - low)));
  } else {
    let bits: u64 = 0;
    for (let i = 0; i < 16; i++) bits |= <u64>(<u8>(load<u8>(at + i) - low) <= high - low) << i;
    return bits;
  }
}

/** The last n bytes of a text, under 16, at the beginning of 16 at to. */
function rest(text: usize, end: usize, n: usize, to: usize): void {
  if (ASC_FEATURE_SIMD) {
    if (end - text >= 16) {
      const count = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      v128.store(to, i8x16.swizzle(v128.load(end - 16), i8x16.add(count, i8x16.splat(<i8>(16 - n)))));
      return;
    }
  }
  copy(to, end - n, n);
}

/**
 * 64 bytes of a text, or those that it still has. Masks say with a bit each, the
 * lowest first, which of them are in a set. This visits those that are:
 *
 *   const block = new Block();
 *   for (let from = text; from < end; from += 64) {
 *     block.take(text, end, from);
 *     for (let mask = block.within(words); mask != 0; mask &= mask - 1) {
 *       const i = from + <usize>ctz(mask);
 *
 * Masks are numbers: a & ~b is what is in one set and not in the other, a << 1
 * what follows one of a, and the bit that falls out goes on in the next block.
 */
export class Block {
  private at: usize = 0;
  private there: u64 = 0; // the bits of those that it has
  private own: usize = heap.alloc(64);

  /** Goes to the block that begins at a byte of a text. */
  take(text: usize, end: usize, from: usize): void {
    const n = end - from;
    if (n >= 64) {
      this.at = from;
      this.there = ~0;
      return;
    }
    this.at = this.own;
    this.there = (<u64>1 << n) - 1;
    let to = this.own;
    if (ASC_FEATURE_SIMD) for (; from + 16 <= end; from += 16, to += 16) v128.store(to, v128.load(from));
    else for (; from + 16 <= end; from += 16, to += 16) copy(to, from, 16);
    if (from < end) rest(text, end, end - from, to);
  }

  /** Which bytes are in a set. */
  @inline
  within(set: ByteSet): u64 {
    const at = this.at;
    const s = set.at;
    return (within16(at, s) | (within16(at + 16, s) << 16) | (within16(at + 32, s) << 32) | (within16(at + 48, s) << 48)) & this.there;
  }

  /** Which bytes are from low to high, both included. */
  @inline
  between(low: u8, high: u8): u64 {
    const at = this.at;
    return (
      (between16(at, low, high) | (between16(at + 16, low, high) << 16) | (between16(at + 32, low, high) << 32) | (between16(at + 48, low, high) << 48)) &
      this.there
    );
  }

  /** Which bytes are c. */
  @inline
  is(c: u8): u64 {
    return this.between(c, c);
  }
}

const sixteen = heap.alloc(16);

/** Where the bytes in a set that begin at from end: from itself when the byte there is not in it. */
export function runEnd(text: usize, end: usize, from: usize, set: ByteSet): usize {
  for (; from + 16 <= end; from += 16) {
    const out = within16(from, set.at) ^ 0xffff;
    if (out != 0) return from + <usize>ctz(out);
  }
  if (from == end) return from;
  rest(text, end, end - from, sixteen);
  return from + <usize>ctz(~within16(sixteen, set.at) | ((<u64>1) << (end - from)));
}

/** Where the bytes in a set that end before to begin. */
export function runStart(text: usize, end: usize, to: usize, set: ByteSet): usize {
  for (; to >= text + 16; to -= 16) {
    const out = within16(to - 16, set.at) ^ 0xffff;
    if (out != 0) return to + 48 - <usize>clz(out);
  }
  let at = text;
  if (end - text < 16) {
    rest(text, end, end - text, sixteen);
    at = sixteen;
  }
  return text + 64 - <usize>clz(~within16(at, set.at) & (((<u64>1) << (to - text)) - 1));
}

/**
 * Copies a text. Short ones are copied here: memory.copy leaves the sandbox, and
 * that takes as long as some hundred bytes.
 */
export function copy(to: usize, from: usize, n: usize): void {
  if (n > 256) {
    memory.copy(to, from, n);
  } else if (n >= 8) {
    const last = load<u64>(from + n - 8);
    const end = to + n - 8;
    if (ASC_FEATURE_SIMD) for (; to + 16 <= end; to += 16, from += 16) v128.store(to, v128.load(from));
    for (; to < end; to += 8, from += 8) store<u64>(to, load<u64>(from));
    store<u64>(end, last);
  } else if (n >= 4) {
    const last = load<u32>(from + n - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + n - 4, last);
  } else {
    for (let i: usize = 0; i < n; i++) store<u8>(to + i, load<u8>(from + i));
  }
}
