// mask_pii hides personal data in text: e-mail addresses become [email], IPv4
// and IPv6 addresses [ip], payment card numbers that pass the Luhn check
// [card]. It looks at every byte a bounded number of times.
//
// An e-mail address begins where a run of the characters that may stand before
// the @ begins. Letters are those of ASCII and those of two bytes: Latin, Greek,
// Cyrillic, Hebrew, Arabic. Chinese text and the like stands around an address
// without a space, and is no part of it. Other numbers and addresses begin and
// end where no ASCII letter, digit or _ touches them.

import { func, onConfig, Out, plugin, Row, settingBool, transform } from "../../../sdk/assemblyscript/tidemark";

export { tm_abi_1, tm_manifest, tm_init, tm_alloc, tm_call } from "../../../sdk/assemblyscript/tidemark";

plugin(
  "mask_pii",
  "1.2.0",
  '{"type":"object","additionalProperties":false,"properties":{' +
    '"email":{"type":"boolean","default":true,"description":"Hide e-mail addresses."},' +
    '"ip":{"type":"boolean","default":true,"description":"Hide IPv4 and IPv6 addresses."},' +
    '"card":{"type":"boolean","default":true,"description":"Hide payment card numbers."},' +
    '"token":{"type":"boolean","default":true,"description":"Hide keys and tokens: JSON Web Tokens and those of AWS, GitHub, GitLab, Slack, Stripe and Google."},' +
    '"keep_domain":{"type":"boolean","default":false,"description":"Keep the domain of an e-mail address."}}}',
);

let maskEmail = true;
let maskIP = true;
let maskCard = true;
let maskToken = true;
let keepDomain = false;

onConfig((): void => {
  maskEmail = settingBool("email", true);
  maskIP = settingBool("ip", true);
  maskCard = settingBool("card", true);
  maskToken = settingBool("token", true);
  keepDomain = settingBool("keep_domain", false);
});

const DIGIT: u8 = 1; // 0-9
const HEX: u8 = 2; // a-f A-F, and digits
const LETTER: u8 = 4; // and the first byte of one of two bytes
const LOCAL: u8 = 8; // of an e-mail address, before the @
const LABEL: u8 = 16; // of the domain after it
const WORD: u8 = 32; // what a number or an address cannot touch
const RUN: u8 = 64; // of an IPv6 address: hex digits, colons, dots
const TWO: u8 = 128; // the first of two bytes

const AT: u8 = 64;
const DOT: u8 = 46;
const DASH: u8 = 45;
const COLON: u8 = 58;

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
    if (digit || letter) k |= LOCAL | LABEL | WORD;
    if (c == 95) k |= WORD;
    if (c == 46 || c == 95 || c == 37 || c == 43 || c == 45) k |= LOCAL; // . _ % + -
    if (c == 45) k |= LABEL;
    if (c >= 0xc3 && c <= 0xdf) k |= TWO | LETTER | LOCAL | LABEL;
    if (k & HEX || c == 58 || c == 46) k |= RUN;
    store<u8>(classes + c, k);
  }
}
classify();

// @ts-ignore: decorator
@inline
function classOf(at: usize): u8 {
  return load<u8>(classes + load<u8>(at));
}

// @ts-ignore: decorator
@inline
function is(at: usize, end: usize, kind: u8): bool {
  return at < end && (classOf(at) & kind) != 0;
}

// @ts-ignore: decorator
@inline
function put(into: usize, word: u64, size: usize): usize {
  store<u64>(into, word);
  return into + size;
}

/** Copies [from, to) and gives the end of the copy. */
function copy(from: usize, to: usize, into: usize): usize {
  memory.copy(into, from, to - from);
  return into + (to - from);
}

// The words that stand for what was found, as bytes.
const EMAIL: u64 = 0x005d6c69616d655b; // [email]
const IP: u64 = 0x000000005d70695b; // [ip]
const TOKEN: u64 = 0x5d6e656b6f745b; // [token]
const CARD: u64 = 0x00005d647261635b; // [card]

/**
 * The end of the domain that begins at `at`, or 0: two labels or more, of which
 * the last one begins with a letter and has two bytes at least. The longest one
 * counts.
 */
function domain(at: usize, end: usize): usize {
  let found: usize = 0;
  let i = at;
  for (let labels = 1; ; labels++) {
    const start = i;
    while (is(i, end, LABEL)) i += 1 + (classOf(i) >> 7);
    let last = i;
    while (last > start && load<u8>(last - 1) == DASH) last--;
    if (last == start) break;
    if (labels > 1 && last - start > 1 && is(start, end, LETTER)) found = last;
    if (last < i || i >= end || load<u8>(i) != DOT) break;
    i++;
  }
  return found;
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
 * that another number behind it does not hide it. The longest one counts. No
 * card begins with 0 or 1, and times in milliseconds do.
 */
function card(at: usize, end: usize): usize {
  if (load<u8>(at) < 50) return 0;
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
      if (sum % 10 == 0) found = i;
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

/** The end of the IPv6 address that begins at `at`, or 0. */
function ipv6End(at: usize, to: usize): usize {
  let end = at;
  let colons = 0;
  while (end - at < 46 && is(end, to, RUN)) {
    if (load<u8>(end) == COLON) colons++;
    end++;
  }
  if (colons < 2 || is(end, to, WORD)) return 0;
  while (end > at && load<u8>(end - 1) == DOT) end--;
  if (load<u8>(end - 1) == COLON && (end - 2 < at || load<u8>(end - 2) != COLON)) end--;
  return ipv6(at, end) ? end : 0;
}

let digits: bool = false; // whether the run that was just copied has some

/** Copies the run of what may stand before an @, and gives its end. */
// @ts-ignore: decorator
@inline
function copyRun(at: usize, to: usize, into: usize): usize {
  let all: u8 = 0;
  while (at < to) {
    const c = load<u8>(at);
    const k = load<u8>(classes + c);
    if ((k & LOCAL) == 0) break;
    all |= k;
    store<u8>(into++, c);
    at++;
    if (k & TWO) store<u8>(into++, load<u8>(at++));
  }
  digits = (all & DIGIT) != 0;
  return at;
}

// @ts-ignore: decorator
@inline
function starts(at: usize, end: usize, word: u32): bool {
  return end - at > 4 && load<u32>(at) == word;
}

/** How many letters, digits, _ and - follow. */
function keyEnd(at: usize, end: usize): usize {
  while (at < end) {
    const c = load<u8>(at);
    if (!(load<u8>(classes + c) & WORD) && c != DASH) break;
    at++;
  }
  return at;
}

/** The end of a key or token that a run begins with, or 0. */
function token(at: usize, end: usize): usize {
  switch (load<u8>(at)) {
    case 65: // AKIA and ASIA of AWS, AIza of Google
      if (starts(at, end, 0x41494b41) || starts(at, end, 0x41495341)) return fixed(at, end, 20, 20);
      return starts(at, end, 0x617a4941) ? fixed(at, end, 39, 39) : 0;
    case 101: // eyJ: a JSON Web Token has three parts with dots between
      return (load<u32>(at) & 0xffffff) == 0x4a7965 && end - at > 20 ? jwt(at, end) : 0;
    case 103: // ghp_ and the like, gith(ub_pat_), glpa(t-)
      if ((load<u32>(at) & 0xff00ffff) == 0x5f006867) return fixed(at, end, 40, 255);
      return starts(at, end, 0x68746967) || starts(at, end, 0x61706c67) ? fixed(at, end, 24, 255) : 0;
    case 114: // rk_l(ive_)
    case 115: // sk_l(ive_), sk_t(est_)
      return end - at > 8 && (load<u32>(at + 1) & 0xffff) == 0x5f6b && isMode(load<u32>(at + 3)) ? fixed(at, end, 24, 255) : 0;
    case 120: // xoxb- and the like of Slack
      return (load<u32>(at) & 0xffffff) == 0x786f78 && load<u8>(at + 4) == DASH ? fixed(at, end, 20, 255) : 0;
  }
  return 0;
}

function isMode(word: u32): bool {
  return word == 0x6576696c || word == 0x74736574; // live, test
}

function fixed(at: usize, end: usize, least: usize, most: usize): usize {
  const to = keyEnd(at, end);
  return to - at >= least && to - at <= most ? to : 0;
}

function jwt(at: usize, end: usize): usize {
  for (let part = 0; part < 3; part++) {
    const to = keyEnd(at, end);
    if (to - at < 4 || (part < 2 && (to >= end || load<u8>(to) != DOT))) return 0;
    if (part == 2) return to;
    at = to + 1;
  }
  return 0;
}

function mask(from: usize, to: usize, into: usize): usize {
  const email = maskEmail;
  const ip = maskIP;
  const cards = maskCard;
  let i = from;
  let out = into;
  let run = from; // the end of the run that we are in
  while (i < to) {
    if (i >= run) {
      if ((classOf(i) & LOCAL) == 0 && load<u8>(i) != COLON) {
        store<u8>(out++, load<u8>(i++));
        continue;
      }
      run = copyRun(i, to, out);
      if (run > i) {
        if (email && run < to && load<u8>(run) == AT) {
          const end = domain(run + 1, to);
          if (end != 0) {
            out = put(out, EMAIL, 7);
            if (keepDomain) out = copy(run, end, out);
            i = end;
            run = i;
            continue;
          }
        }
        if (maskToken) {
          const end = token(i, run);
          if (end != 0) {
            out = put(out, TOKEN, 7);
            i = end;
            run = i;
            continue;
          }
        }
        if (!digits && (run >= to || load<u8>(run) != COLON)) {
          out += run - i;
          i = run;
          continue;
        }
      }
    }
    const k = classOf(i);
    const c = load<u8>(i);
    if ((k & HEX || c == COLON) && (i == from || !is(i - 1, to, WORD))) {
      let end: usize = 0;
      let word: u64 = IP;
      if (ip) {
        if (i == from || load<u8>(i - 1) != COLON) end = ipv6End(i, to);
        if (end == 0 && k & DIGIT && !(i > from + 1 && load<u8>(i - 1) == DOT && is(i - 2, to, DIGIT))) end = ipv4(i, to);
      }
      if (end == 0 && cards && k & DIGIT) {
        end = card(i, to);
        word = CARD;
      }
      if (end != 0) {
        out = put(out, word, word == CARD ? 6 : 4);
        i = end;
        continue;
      }
    }
    store<u8>(out++, c);
    i++;
  }
  return out;
}

function field(r: Row, out: Out): void {
  const from = r.start(0);
  const to = r.end(0);
  const room = out.room(0, 2 * (to - from) + 64);
  out.used(0, mask(from, to, room) - room);
}

func("mask_pii", "text:utf8", "masked:utf8", field);
transform("mask_pii", "message:utf8", "message:utf8", (r: Row, out: Out): void => {
  out.emit();
  if (!r.isNull(0)) field(r, out);
});
