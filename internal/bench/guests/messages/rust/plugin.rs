//! The work of the benchmark for Extism in Rust; see messages/go.

#[path = "../../work/work.rs"]
mod work;

#[link(wasm_import_module = "extism:host/env")]
extern "C" {
    fn input_length() -> u64;
    fn input_load_u8(at: u64) -> u32;
    fn input_load_u64(at: u64) -> u64;
    fn alloc(size: u64) -> u64;
    fn store_u8(at: u64, v: u32);
    fn store_u64(at: u64, v: u64);
    fn output_set(at: u64, size: u64);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> &'a [u8] {
        let (b, rest) = self.0.split_at(n);
        self.0 = rest;
        b
    }

    fn number(&mut self, n: usize) -> usize {
        self.take(n).iter().fold(0, |v, b| v << 8 | *b as usize)
    }

    fn array(&mut self) -> usize {
        match self.take(1)[0] {
            0xdc => self.number(2),
            0xdd => self.number(4),
            c => (c & 0x0f) as usize,
        }
    }

    fn text(&mut self) -> &'a [u8] {
        let n = match self.take(1)[0] {
            0xd9 => self.number(1),
            0xda => self.number(2),
            0xdb => self.number(4),
            c => (c & 0x1f) as usize,
        };
        self.take(n)
    }
}

fn run(input: &[u8], out: &mut Vec<u8>) {
    let mut r = Reader(input);
    out.extend_from_slice(&[0xdd, 0, 0, 0, 0]);
    let mut kept = 0u32;
    for _ in 0..r.array() {
        r.array();
        let (message, level) = (r.text(), r.text());
        if !work::keeps(level) {
            continue;
        }
        kept += 1;
        out.extend_from_slice(&[0x92, 0xdb, 0, 0, 0, 0]);
        let at = out.len();
        let took = work::mask(out, message);
        let size = (out.len() - at) as u32;
        out[at - 4..at].copy_from_slice(&size.to_be_bytes());
        match took {
            None => out.push(0xc0),
            Some(v) => {
                out.push(0xcf);
                out.extend_from_slice(&v.to_be_bytes());
            }
        }
    }
    out[1..5].copy_from_slice(&kept.to_be_bytes());
}

#[no_mangle]
pub unsafe extern "C" fn mask() -> i32 {
    let n = input_length() as usize;
    let mut input = Vec::with_capacity(n + 8);
    while input.len() + 8 <= n {
        input.extend_from_slice(&input_load_u64(input.len() as u64).to_le_bytes());
    }
    while input.len() < n {
        input.push(input_load_u8(input.len() as u64) as u8);
    }
    let mut out = Vec::with_capacity(2 * n);
    run(&input, &mut out);
    let to = alloc(out.len() as u64);
    let words = out.chunks_exact(8);
    let rest = words.remainder();
    for (i, w) in words.enumerate() {
        let mut word = [0; 8];
        word.copy_from_slice(w);
        store_u64(to + 8 * i as u64, u64::from_le_bytes(word));
    }
    for (i, b) in rest.iter().enumerate() {
        store_u8(to + (out.len() - rest.len() + i) as u64, *b as u32);
    }
    output_set(to, out.len() as u64);
    0
}
