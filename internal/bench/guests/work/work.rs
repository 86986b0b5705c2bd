// What the benchmark of plugins does with a record; see work.go.

const DIGIT: u8 = 1;
const WORD: u8 = 2;
const AT: u8 = 4;
const LABEL: u8 = 8;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut c = [0; 256];
    let mut b = 0;
    while b < 256 {
        c[b] = match b as u8 {
            b'0'..=b'9' => DIGIT | WORD | LABEL,
            b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'-' => WORD | LABEL,
            b'_' | b'%' | b'+' => WORD,
            b'@' => AT,
            _ => 0,
        };
        b += 1;
    }
    c
}

fn is(b: u8, kind: u8) -> bool {
    CLASS[b as usize] & kind != 0
}

/// Adds the masked text to `out`, and gives the milliseconds it speaks of.
pub fn mask(out: &mut Vec<u8>, text: &[u8]) -> Option<i64> {
    let (mut took, mut from, mut i, mut before) = (None, 0, 0, 0);
    loop {
        i = next(text, i, before);
        if i == text.len() {
            out.extend_from_slice(&text[from..]);
            return took;
        }
        if text[i] == b'@' {
            let begin = local(text, from, i);
            if begin < i {
                if let Some(to) = domain(text, i + 1) {
                    out.extend_from_slice(&text[from..begin]);
                    out.extend_from_slice(b"[email]");
                    from = to;
                    i = to;
                    before = 0;
                    continue;
                }
            }
            before = AT;
        } else {
            if let Some(to) = ipv4(text, i) {
                out.extend_from_slice(&text[from..i]);
                out.extend_from_slice(b"[ip]");
                from = to;
                i = to;
                before = 0;
                continue;
            }
            if took.is_none() && i >= 5 && &text[i - 5..i] == b"took " {
                took = milliseconds(&text[i..]);
            }
            before = WORD;
        }
        i += 1;
    }
}

// Apart from what is around it, the loop has a register for all it needs.
#[inline(never)]
fn next(text: &[u8], i: usize, mut before: u8) -> usize {
    for (n, b) in text[i..].iter().enumerate() {
        let kind = CLASS[*b as usize];
        if kind & (!before >> 1 & DIGIT | AT) != 0 {
            return i + n;
        }
        before = kind;
    }
    text.len()
}

fn local(text: &[u8], from: usize, mut i: usize) -> usize {
    while i > from && is(text[i - 1], WORD) {
        i -= 1;
    }
    i
}

fn domain(text: &[u8], from: usize) -> Option<usize> {
    let (mut end, mut dots) = (from, 0);
    while end < text.len() && is(text[end], LABEL) {
        dots += (text[end] == b'.') as i32;
        end += 1;
    }
    while end > from && text[end - 1] == b'.' {
        end -= 1;
        dots -= 1;
    }
    if dots < 1 { None } else { Some(end) }
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
        while i < text.len() && i < from + 4 && is(text[i], DIGIT) {
            value = 10 * value + (text[i] - b'0') as u32;
            i += 1;
        }
        if i == from || value > 255 {
            return None;
        }
    }
    let behind = i + (text.get(i) == Some(&b'.')) as usize;
    if behind < text.len() && is(text[behind], WORD) { None } else { Some(i) }
}

fn milliseconds(text: &[u8]) -> Option<i64> {
    let mut value = 0;
    for (i, c) in text.iter().take(10).enumerate() {
        if !is(*c, DIGIT) {
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
