// What the benchmark of plugins does with a record; see work.go.

import { Block, ByteSet, copy, runEnd, runStart } from "../../../../sdk/assemblyscript/tidemark_text";

const names = new ByteSet("0-9a-zA-Z-");
const labels = new ByteSet("0-9a-zA-Z.-");
const words = new ByteSet("0-9a-zA-Z._%+-");
const block = new Block();

// @ts-ignore: decorator
@inline
function isDigit(i: usize): bool {
  return <u8>(load<u8>(i) - 48) < 10;
}

/** Where the name of a host with a dot in it ends, or 0. */
function domain(text: usize, end: usize, from: usize): usize {
  let i = runEnd(text, end, from, labels);
  for (; i > from && load<u8>(i - 1) == 46; i--) {}
  return runEnd(text, end, from, names) < i ? i : 0;
}

function ipv4(i: usize, end: usize): usize {
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (i == end || load<u8>(i++) != 46)) return 0;
    const from = i;
    let value = 0;
    while (i < end && i < from + 4 && isDigit(i)) value = 10 * value + load<u8>(i++) - 48;
    if (i == from || value > 255) return 0;
  }
  const behind = i < end && load<u8>(i) == 46 ? i + 1 : i;
  return behind < end && words.has(load<u8>(behind)) ? 0 : i;
}

function milliseconds(i: usize, end: usize): i64 {
  let value: i64 = 0;
  for (let n = 0; i < end && n < 10; n++) {
    if (!isDigit(i)) return i + 1 < end && load<u16>(i) == 0x736d ? value : -1; // ms
    value = 10 * value + load<u8>(i++) - 48;
  }
  return -1;
}

function put(out: usize, from: usize, to: usize): usize {
  copy(out, from, to - from);
  return out + (to - from);
}

/** The milliseconds that the text masked last speaks of, or -1. */
export let took: i64 = -1;

/** Writes the masked text, never twice as long and 16 more, and gives its end. */
export function mask(text: usize, end: usize, out: usize): usize {
  let from = text;
  let carry: u64 = 0;
  took = -1;
  for (let at = text; at < end; at += 64) {
    block.take(text, end, at);
    const inWords = block.within(words);
    // An @, or a digit without a word before it.
    let stops = block.is(64) | (block.between(48, 57) & ~((inWords << 1) | carry));
    carry = inWords >> 63;
    for (; stops != 0; stops &= stops - 1) {
      const i = at + <usize>ctz(stops);
      if (i < from) continue;
      if (load<u8>(i) == 64) {
        const begin = max(from, runStart(text, end, i, words));
        const to = begin < i ? domain(text, end, i + 1) : 0;
        if (to != 0) {
          out = put(out, from, begin);
          store<u64>(out, 0x5d6c69616d655b); // [email]
          out += 7;
          from = to;
        }
      } else {
        const to = ipv4(i, end);
        if (to != 0) {
          out = put(out, from, i);
          store<u32>(out, 0x5d70695b); // [ip]
          out += 4;
          from = to;
        } else if (took < 0 && i - text >= 5 && load<u32>(i - 5) == 0x6b6f6f74 && load<u8>(i - 1) == 32) {
          took = milliseconds(i, end);
        }
      }
    }
  }
  return put(out, from, end);
}

/** Whether records of a level are kept. */
export function keeps(level: usize, n: usize): bool {
  return !(n == 5 && load<u32>(level) == 0x55424544 && load<u8>(level + 4) == 71); // DEBUG
}
