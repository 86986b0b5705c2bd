//! Says what the SDK sees in a text from a byte on; text_test.go knows what it should.
use tidemark_plugin::*;

const WORD: Set = Set::of(b"0-9a-zA-Z_-");
static SETS: [Set; 3] = [WORD, Set::of(b"\x00@\xc3-\xdf"), WORD.not()];

fn look(r: &Row, out: &mut Out) -> Result<(), String> {
    let (text, from) = (r.bytes(0), r.i64(1) as usize);
    let block = Block::at(text, from);
    let mut said = String::new();
    for s in &SETS {
        let mask = block.within(s);
        said += &format!("{:x} {:x} {:x} ", mask, run_end(text, from, s), run_start(text, from, s));
        if let Some(first) = places(mask).next() {
            said += &format!("{:x} ", first);
        }
    }
    said += &format!("{:x} {:x} ", block.is(b'a'), block.between(b'0', b'9'));
    out.text(0, &said);
    Ok(())
}

fn same(r: &Row, out: &mut Out) -> Result<(), String> {
    out.write(0, |to| put(to, r.bytes(0)));
    Ok(())
}

plugin!("look", "1.0.0", "", [function("look", "text:utf8,at:i64", "seen:utf8", look), function("same", "text:utf8", "text:utf8", same)]);
