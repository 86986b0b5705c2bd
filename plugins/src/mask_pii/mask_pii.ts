// mask_pii hides personal data in text: e-mail addresses become [email], IPv4
// and IPv6 addresses [ip], payment card numbers that pass the Luhn check
// [card]. It looks at every byte a bounded number of times.

import { plugin, rewriteText } from "../../../sdk/assemblyscript/tidemark";

export { tm_abi_1, tm_manifest, tm_alloc, tm_call } from "../../../sdk/assemblyscript/tidemark";

plugin(
  '{"name":"mask_pii","version":"1.0.0","abi":"1.0","deterministic":true,"functions":[{"name":"mask_pii","kind":"transform",' +
    '"inputs":[{"field":"message","type":"utf8"}],"outputs":[{"field":"message","type":"utf8"}]}]}',
);

const DIGIT: u8 = 1; // 0-9
const HEX: u8 = 2; // a-f A-F, and digits
const LETTER: u8 = 4;
const LOCAL: u8 = 8; // of an e-mail address, before the @
const DOMAIN: u8 = 16; // after it
const WORD: u8 = 32; // what an address cannot touch
const RUN: u8 = 64; // of an IPv6 address: hex digits, colons, dots

const classes = memory.data(256);

function classify(): void {
  for (let c: i32 = 0; c < 256; c++) {
    let k: u8 = 0;
    const digit = c >= 48 && c <= 57;
    const lower = c | 32;
    const letter = lower >= 97 && lower <= 122;
    if (digit) k |= DIGIT | HEX;
    if (lower >= 97 && lower <= 102) k |= HEX;
    if (letter) k |= LETTER;
    if (digit || letter) k |= LOCAL | DOMAIN | WORD;
    if (c == 95) k |= WORD;
    if (c == 46 || c == 95 || c == 37 || c == 43 || c == 45) k |= LOCAL; // . _ % + -
    if (c == 46 || c == 45) k |= DOMAIN;
    if (c >= 128) k |= WORD;
    if (k & HEX || c == 58 || c == 46) k |= RUN;
    store<u8>(classes + c, k);
  }
}
classify();

// @ts-ignore: decorator
@inline
function is(at: usize, end: usize, kind: u8): bool {
  return at < end && (load<u8>(classes + load<u8>(at)) & kind) != 0;
}

// @ts-ignore: decorator
@inline
function put(into: usize, word: u64, size: usize): usize {
  store<u64>(into, word);
  return into + size;
}

// The words that stand for what was found, as bytes.
const EMAIL: u64 = 0x005d6c69616d655b; // [email]
const IP: u64 = 0x000000005d70695b; // [ip]
const CARD: u64 = 0x00005d647261635b; // [card]

/** The end of the domain that begins at `at`, or 0. */
function domain(at: usize, end: usize): usize {
  let i = at;
  let dot: usize = 0;
  while (is(i, end, DOMAIN)) {
    if (load<u8>(i) == 46) {
      if (i == at || load<u8>(i - 1) == 46) break;
      dot = i;
    }
    i++;
  }
  while (i > at && (load<u8>(i - 1) == 46 || load<u8>(i - 1) == 45)) i--;
  if (dot >= i) {
    // A full stop at the end of a sentence: the dot before it counts.
    dot = 0;
    for (let j = at; j < i; j++) if (load<u8>(j) == 46) dot = j;
  }
  if (dot == 0 || i - dot < 3) return 0;
  for (let j = dot + 1; j < i; j++) if (!is(j, i, LETTER)) return 0;
  return i;
}

/** The end of the IPv4 address that begins at `at`, or 0. */
function ipv4(at: usize, end: usize): usize {
  let i = at;
  for (let part = 0; part < 4; part++) {
    if (part > 0) {
      if (i >= end || load<u8>(i) != 46) return 0;
      i++;
    }
    let value: u32 = 0;
    let n = 0;
    while (n < 4 && is(i, end, DIGIT)) {
      value = value * 10 + load<u8>(i) - 48;
      i++;
      n++;
    }
    if (n == 0 || n > 3 || value > 255) return 0;
  }
  if (is(i, end, WORD)) return 0;
  if (i + 1 < end && load<u8>(i) == 46 && is(i + 1, end, DIGIT)) return 0;
  return i;
}

/**
 * The end of the card number that begins at `at`, or 0. Digits may stand in
 * groups, apart by one space or dash; a number ends where a group ends, so
 * that another number behind it does not hide it. The longest one counts.
 */
function card(at: usize, end: usize): usize {
  let i = at;
  let found: usize = 0;
  let n = 0;
  // Sums of the digits at even and odd places from the left, as they are and
  // doubled: which ones Luhn doubles depends on where the number ends.
  let even: u32 = 0;
  let odd: u32 = 0;
  let evenTwice: u32 = 0;
  let oddTwice: u32 = 0;
  for (;;) {
    while (is(i, end, DIGIT)) {
      if (n == 19) return found;
      const v: u32 = load<u8>(i) - 48;
      const twice: u32 = v * 2 > 9 ? v * 2 - 9 : v * 2;
      if ((n & 1) == 0) {
        even += v;
        evenTwice += twice;
      } else {
        odd += v;
        oddTwice += twice;
      }
      n++;
      i++;
    }
    if (n >= 13 && !is(i, end, WORD)) {
      const sum = (n & 1) == 0 ? evenTwice + odd : even + oddTwice;
      if (sum % 10 == 0 && sum > 0) found = i;
    }
    if (i >= end || (load<u8>(i) != 32 && load<u8>(i) != 45) || !is(i + 1, end, DIGIT)) break;
    i++;
  }
  return found;
}

/** Whether [at, end) is an IPv6 address. */
function ipv6(at: usize, end: usize): bool {
  let i = at;
  let groups = 0;
  let gap = false;
  let digit = false;
  if (i + 1 < end && load<u8>(i) == 58) {
    if (load<u8>(i + 1) != 58) return false;
    gap = true;
    i += 2;
  }
  while (i < end) {
    let n = 0;
    const start = i;
    while (is(i, end, HEX)) {
      if (is(i, end, DIGIT)) digit = true;
      n++;
      i++;
    }
    if (i < end && load<u8>(i) == 46) {
      // An IPv4 address in the last 32 bits.
      if (groups > 6 || ipv4(start, end) != end) return false;
      groups += 2;
      digit = true;
      i = end;
      break;
    }
    if (n == 0 || n > 4) return false;
    groups++;
    if (i == end) break;
    if (load<u8>(i) != 58) return false;
    i++;
    if (i < end && load<u8>(i) == 58) {
      if (gap) return false;
      gap = true;
      i++;
    } else if (i == end) {
      return false;
    }
  }
  if (gap) return groups < 8 && groups > 0 && digit;
  return groups == 8;
}

function mask(from: usize, to: usize, into: usize): usize {
  let i = from;
  let out = into;
  let local = from; // where the text before an @ may begin
  let localOut = into;
  while (i < to) {
    const c = load<u8>(i);
    if (c == 64 && i > local) {
      const end = domain(i + 1, to);
      if (end != 0) {
        out = put(localOut, EMAIL, 7);
        i = end;
        local = i;
        localOut = out;
        continue;
      }
    }
    const fresh = i == from || !is(i - 1, to, WORD);
    if (fresh && is(i, to, DIGIT)) {
      const inside = i > from + 1 && load<u8>(i - 1) == 46 && is(i - 2, to, DIGIT); // of a longer dotted number
      let end: usize = 0;
      if (!inside) end = ipv4(i, to);
      if (end != 0) {
        out = put(out, IP, 4);
        i = end;
        local = i;
        localOut = out;
        continue;
      }
      end = card(i, to);
      if (end != 0) {
        out = put(out, CARD, 6);
        i = end;
        local = i;
        localOut = out;
        continue;
      }
    }
    if (fresh && (is(i, to, HEX) || c == 58) && (i == from || load<u8>(i - 1) != 58)) {
      let end = i;
      let colons = 0;
      while (end - i < 46 && is(end, to, RUN)) {
        if (load<u8>(end) == 58) colons++;
        end++;
      }
      if (colons >= 2 && !is(end, to, WORD)) {
        while (end > i && load<u8>(end - 1) == 46) end--;
        if (load<u8>(end - 1) == 58 && (end - 2 < i || load<u8>(end - 2) != 58)) end--;
        if (ipv6(i, end)) {
          out = put(out, IP, 4);
          i = end;
          local = i;
          localOut = out;
          continue;
        }
      }
    }
    store<u8>(out, c);
    out++;
    i++;
    if ((load<u8>(classes + c) & LOCAL) == 0) {
      local = i;
      localOut = out;
    }
  }
  return out;
}

rewriteText(mask);
