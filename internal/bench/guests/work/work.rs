// What the benchmark of plugins does with a record; see work.go.

use tidemark_plugin::{places, put, run_end, run_start, Block, Set};

const NAMES: Set = Set::of(b"0-9a-zA-Z-");
const LABELS: Set = Set::of(b"0-9a-zA-Z.-");
const WORDS: Set = Set::of(b"0-9a-zA-Z._%+-");

/// Adds the masked text to `out`, and gives the milliseconds it speaks of. Where
/// it stops is an @, or a digit without a word before it.
pub fn mask(out: &mut Vec<u8>, text: &[u8]) -> Option<i64> {
    let (mut took, mut from, mut carry) = (None, 0, 0);
    for at in (0..text.len()).step_by(64) {
        let block = Block::at(text, at);
        let words = block.within(&WORDS);
        let stops = block.is(b'@') | block.between(b'0', b'9') & !(words << 1 | carry);
        carry = words >> 63;
        for i in places(stops) {
            let i = at + i;
            if i < from {
                continue;
            }
            if text[i] == b'@' {
                let begin = run_start(text, i, &WORDS).max(from);
                if begin < i {
                    if let Some(to) = domain(text, i + 1) {
                        put(out, &text[from..begin]);
                        put(out, b"[email]");
                        from = to;
                    }
                }
            } else if let Some(to) = ipv4(text, i) {
                put(out, &text[from..i]);
                put(out, b"[ip]");
                from = to;
            } else if took.is_none() && i >= 5 && &text[i - 5..i] == b"took " {
                took = milliseconds(&text[i..]);
            }
        }
    }
    put(out, &text[from..]);
    took
}

fn domain(text: &[u8], from: usize) -> Option<usize> {
    let mut end = run_end(text, from, &LABELS);
    while end > from && text[end - 1] == b'.' {
        end -= 1;
    }
    if run_end(text, from, &NAMES) < end { Some(end) } else { None }
}

fn ipv4(text: &[u8], mut i: usize) -> Option<usize> {
    for part in 0..4 {
        if part > 0 {
            if text.get(i) != Some(&b'.') {
                return None;
            }
            i += 1;
        }
        let (from, mut value) = (i, 0);
        while i < text.len() && i < from + 4 && text[i].is_ascii_digit() {
            value = 10 * value + (text[i] - b'0') as u32;
            i += 1;
        }
        if i == from || value > 255 {
            return None;
        }
    }
    let behind = i + (text.get(i) == Some(&b'.')) as usize;
    if behind < text.len() && WORDS.has(text[behind]) { None } else { Some(i) }
}

fn milliseconds(text: &[u8]) -> Option<i64> {
    let mut value = 0;
    for (i, c) in text.iter().take(10).enumerate() {
        if !c.is_ascii_digit() {
            return if text[i..].starts_with(b"ms") { Some(value) } else { None };
        }
        value = 10 * value + (*c - b'0') as i64;
    }
    None
}

/// Whether records of a level are kept.
pub fn keeps(level: &[u8]) -> bool {
    level != b"DEBUG"
}
