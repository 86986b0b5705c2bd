//! log_template finds what a message has in common with others of its kind: it
//! puts <*> where a value stands, so that messages of one line of code become
//! one text. It follows the first steps of Drain (He et al., ICWS 2017), which
//! look at one message alone: values are known by how they are written, and a
//! word with a digit in it is taken for a value.

use tidemark_plugin::*;

const BETWEEN: &[u8] = b" \t,;()[]{}<>\"'";

/// Whether a word is a value.
fn value(word: &[u8]) -> bool {
    if word.iter().any(|c| c.is_ascii_digit()) {
        return true;
    }
    let hex = word.len() >= 8 && word.iter().all(|c| c.is_ascii_hexdigit());
    let email = word.iter().filter(|c| **c == b'@').count() == 1 && word.len() > 4 && word.contains(&b'.');
    let path = word.len() > 1 && word[0] == b'/' && word[1..].contains(&b'/');
    let url = word.windows(3).any(|w| w == b"://");
    hex || email || path || url
}

/// Writes one word: what stands before = or : is its name, not its value.
fn put(word: &[u8], to: &mut Vec<u8>) {
    if let Some(at) = word.iter().position(|c| *c == b'=') {
        let name = &word[..at];
        if at > 0 && at + 1 < word.len() && !value(name) {
            to.extend_from_slice(name);
            to.extend_from_slice(b"=<*>");
            return;
        }
    }
    let mut end = word.len();
    while end > 0 && matches!(word[end - 1], b'.' | b':' | b'!' | b'?') {
        end -= 1;
    }
    if value(&word[..end]) {
        // Values that follow each other are one: lists have no fixed length.
        to.extend_from_slice(b"<*>");
    } else {
        to.extend_from_slice(&word[..end]);
    }
    to.extend_from_slice(&word[end..]);
}

fn template(text: &[u8], to: &mut Vec<u8>) {
    let mut i = 0;
    while i < text.len() {
        let c = text[i];
        if c == b'"' || c == b'\'' && (i == 0 || BETWEEN.contains(&text[i - 1]) || text[i - 1] == b'=') {
            if let Some(n) = text[i + 1..].iter().position(|x| *x == c) {
                to.push(c);
                to.extend_from_slice(b"<*>");
                to.push(c);
                i += n + 2;
                continue;
            }
        }
        if BETWEEN.contains(&c) {
            to.push(c);
            i += 1;
            continue;
        }
        let end = text[i..].iter().position(|x| BETWEEN.contains(x)).map_or(text.len(), |n| i + n);
        put(&text[i..end], to);
        i = end;
    }
}

fn of_text(r: &Row, out: &mut Out) -> Result<(), String> {
    out.write(0, |to| template(r.bytes(0), to));
    Ok(())
}

fn of_record(r: &Row, out: &mut Out) -> Result<(), String> {
    out.emit();
    if !r.is_null(0) {
        out.write(0, |to| template(r.bytes(0), to));
    }
    Ok(())
}

plugin!(
    "log_template",
    "1.0.0",
    "",
    [
        function("log_template", "message:utf8", "template:utf8", of_text),
        transform("log_template", "message:utf8", "template:utf8", of_record),
    ]
);
