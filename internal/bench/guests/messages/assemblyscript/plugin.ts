// The work of the benchmark for Extism in AssemblyScript; see messages/go.
import { keeps, mask as maskText, took } from "../../work/work";

@external("extism:host/env", "input_length")
declare function inputLength(): u64;
@external("extism:host/env", "input_load_u8")
declare function loadByte(at: u64): u32;
@external("extism:host/env", "input_load_u64")
declare function loadWord(at: u64): u64;
@external("extism:host/env", "alloc")
declare function alloc(size: u64): u64;
@external("extism:host/env", "store_u8")
declare function storeByte(at: u64, v: u32): void;
@external("extism:host/env", "store_u64")
declare function storeWord(at: u64, v: u64): void;
@external("extism:host/env", "output_set")
declare function setOutput(at: u64, size: u64): void;

let place: usize = 0;
let room: usize = 0;
let at: usize = 0;

function number(n: i32): u32 {
  let v: u32 = 0;
  for (; n > 0; n--) v = (v << 8) | load<u8>(at++);
  return v;
}

function array(): u32 {
  const c = load<u8>(at++);
  return c == 0xdc ? number(2) : c == 0xdd ? number(4) : c & 0x0f;
}

function text(): usize {
  const c = load<u8>(at++);
  return c == 0xd9 ? number(1) : c == 0xda ? number(2) : c == 0xdb ? number(4) : c & 0x1f;
}

export function mask(): i32 {
  const n = <usize>inputLength();
  // A record takes 3 bytes and its text, and 23 and twice its text in the answer.
  if (<usize>9 * n + 64 > room) {
    room = <usize>18 * n + 64;
    place = heap.alloc(room);
  }
  let i: usize = 0;
  for (; i + 8 <= n; i += 8) store<u64>(place + i, loadWord(i));
  for (; i < n; i++) store<u8>(place + i, <u8>loadByte(i));
  const output = place + n;
  let out = output + 5;
  let kept: u32 = 0;
  at = place;
  for (let rows = array(); rows > 0; rows--) {
    array();
    const size = text();
    const message = at;
    at += size;
    const level = text();
    at += level;
    if (!keeps(at - level, level)) continue;
    kept++;
    store<u16>(out, 0xdb92);
    let end = maskText(message, message + size, out + 6);
    store<u32>(out + 2, bswap<u32>(<u32>(end - out - 6)));
    if (took < 0) store<u8>(end++, 0xc0);
    else {
      store<u8>(end, 0xcf);
      store<u64>(end + 1, bswap<u64>(took));
      end += 9;
    }
    out = end;
  }
  store<u8>(output, 0xdd);
  store<u32>(output + 1, bswap<u32>(kept));
  const size = out - output;
  const to = alloc(size);
  for (i = 0; i + 8 <= size; i += 8) storeWord(to + i, load<u64>(output + i));
  for (; i < size; i++) storeByte(to + i, load<u8>(output + i));
  setOutput(to, size);
  return 0;
}
