//! Writes Tidemark plugins in Rust. No crates are needed.
//!
//! ```ignore
//! use tidemark_plugin::*;
//!
//! fn shout(r: &Row, out: &mut Out) -> Result<(), String> {
//!     out.text(0, &r.text(0).to_uppercase());
//!     Ok(())
//! }
//!
//! plugin!("shout", "1.0.0", "", [function("shout", "text:utf8", "loud:utf8", shout)]);
//! ```
//!
//! Each function is called for one row after the other; it reads its inputs and
//! gives its outputs by number. What is given no value is null. An error
//! rejects the row with that reason. A transform or a decoder calls
//! [`Out::emit`] for each record it makes; without it the record is dropped.

mod text;

pub use text::{places, put, run_end, run_start, Block, Set};

/// What a plugin's function is.
pub type Call = fn(&Row, &mut Out) -> Result<(), String>;

/// One function of a plugin.
pub struct Function {
    kind: &'static str,
    name: &'static str,
    inputs: &'static str,
    outputs: &'static str,
    call: Call,
}

/// A function of SQL; inputs and output are `name:type`, with commas between.
/// Types are bool, i64, f64, utf8, timestamp and json.
pub fn function(name: &'static str, inputs: &'static str, output: &'static str, call: Call) -> Function {
    Function { kind: "function", name, inputs, outputs: output, call }
}

/// A transform of records.
pub fn transform(name: &'static str, inputs: &'static str, outputs: &'static str, call: Call) -> Function {
    Function { kind: "transform", name, inputs, outputs, call }
}

/// A decoder of lines: its input 0 is the line.
pub fn decoder(name: &'static str, outputs: &'static str, call: Call) -> Function {
    Function { kind: "decoder", name, inputs: "", outputs, call }
}

/// One row of a request.
pub struct Row<'a> {
    frame: &'a [u8],
    row: usize,
}

fn word(b: &[u8], at: usize) -> usize {
    let mut out = [0; 4];
    out.copy_from_slice(&b[at..at + 4]);
    u32::from_le_bytes(out) as usize
}

impl<'a> Row<'a> {
    fn data(&self, i: usize) -> usize {
        word(self.frame, 32 + 32 * i + 16)
    }

    fn long(&self, i: usize) -> [u8; 8] {
        let at = self.data(i) + 8 * self.row;
        let mut out = [0; 8];
        out.copy_from_slice(&self.frame[at..at + 8]);
        out
    }

    #[inline]
    pub fn is_null(&self, i: usize) -> bool {
        let d = 32 + 32 * i;
        self.frame[d + 1] & 1 != 0 && self.frame[word(self.frame, d + 8) + self.row / 8] >> (self.row % 8) & 1 == 0
    }

    /// The bytes of a text; a null is empty.
    #[inline]
    pub fn bytes(&self, i: usize) -> &'a [u8] {
        let d = 32 + 32 * i;
        let offsets = word(self.frame, d + 12) + 4 * self.row;
        let data = word(self.frame, d + 16);
        &self.frame[data + word(self.frame, offsets)..data + word(self.frame, offsets + 4)]
    }

    /// A text or JSON. The host checks that it is UTF-8, but for a decoder's
    /// line: what is not UTF-8 there is the empty text.
    pub fn text(&self, i: usize) -> &'a str {
        std::str::from_utf8(self.bytes(i)).unwrap_or("")
    }

    pub fn i64(&self, i: usize) -> i64 {
        i64::from_le_bytes(self.long(i))
    }

    pub fn f64(&self, i: usize) -> f64 {
        f64::from_le_bytes(self.long(i))
    }

    pub fn bool(&self, i: usize) -> bool {
        self.frame[self.data(i) + self.row] != 0
    }
}

#[derive(Default)]
struct Column {
    code: u8,
    width: usize,
    rows: usize,
    nulls: u32,
    valid: Vec<u8>, // a byte a row, once there is a null
    offsets: Vec<u32>,
    data: Vec<u8>,
}

impl Column {
    fn reset(&mut self, code: u8) {
        self.code = code;
        self.width = match code {
            1 => 1,
            4 | 8 => 0,
            _ => 8,
        };
        self.valid.clear();
        self.offsets.clear();
        self.offsets.push(0);
        self.data.clear();
        self.rows = 0;
        self.nulls = 0;
    }

    #[inline]
    fn mark(&mut self) {
        if self.width == 0 {
            self.offsets.push(self.data.len() as u32);
        }
        self.rows += 1;
        if self.nulls > 0 {
            self.valid.push(1);
        }
    }

    #[inline]
    fn fill(&mut self, rows: usize) {
        while self.rows < rows {
            self.skip();
        }
    }

    /// Adds a null.
    fn skip(&mut self) {
        if self.nulls == 0 {
            self.valid.resize(self.rows, 1);
        }
        self.nulls += 1;
        self.valid.push(0);
        self.rows += 1;
        match self.width {
            0 => self.offsets.push(self.data.len() as u32),
            1 => self.data.push(0),
            _ => self.data.extend_from_slice(&[0; 8]),
        }
    }
}

/// Takes what a function gives.
#[derive(Default)]
pub struct Out {
    columns: Vec<Column>,
    error: Column,
    source: Vec<u32>,
    row: u32,
    failed: bool,
}

impl Out {
    /// Begins a record.
    #[inline]
    pub fn emit(&mut self) {
        self.close();
        self.source.push(self.row);
    }

    #[inline]
    fn close(&mut self) {
        let rows = self.source.len();
        for c in &mut self.columns {
            c.fill(rows);
        }
    }

    #[inline]
    pub fn text(&mut self, i: usize, value: &str) {
        self.write(i, |to| put(to, value.as_bytes()));
    }

    /// Gives a text piece by piece: the function adds to its argument.
    #[inline]
    pub fn write(&mut self, i: usize, fill: impl FnOnce(&mut Vec<u8>)) {
        let c = &mut self.columns[i];
        fill(&mut c.data);
        c.mark();
    }

    #[inline]
    pub fn i64(&mut self, i: usize, value: i64) {
        self.columns[i].data.extend_from_slice(&value.to_le_bytes());
        self.columns[i].mark();
    }

    #[inline]
    pub fn f64(&mut self, i: usize, value: f64) {
        self.columns[i].data.extend_from_slice(&value.to_le_bytes());
        self.columns[i].mark();
    }

    #[inline]
    pub fn bool(&mut self, i: usize, value: bool) {
        self.columns[i].data.push(value as u8);
        self.columns[i].mark();
    }

    fn reject(&mut self, why: &str) {
        if self.source.last() != Some(&self.row) {
            self.emit();
        }
        self.failed = true;
        let rows = self.source.len();
        self.error.fill(rows - 1);
        self.error.data.extend_from_slice(why.as_bytes());
        self.error.mark();
    }
}

/// The setting of a name in the configuration, as JSON text. The host has
/// checked it against the plugin's schema.
pub fn setting(name: &str) -> Option<&'static str> {
    let config = state().config.as_str();
    let (b, mut depth, mut i) = (config.as_bytes(), 0, 0);
    while i < b.len() {
        match b[i] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let end = quoted(b, i);
                if depth == 1 && b.get(end) == Some(&b':') {
                    let value = end + 1;
                    let to = value_end(b, value);
                    if &config[i + 1..end - 1] == name {
                        return Some(&config[value..to]);
                    }
                    i = to;
                    continue;
                }
                i = end;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    None
}

/// A setting that is true or false.
pub fn setting_bool(name: &str, usual: bool) -> bool {
    setting(name).map_or(usual, |v| v == "true")
}

fn quoted(b: &[u8], mut i: usize) -> usize {
    i += 1;
    while i < b.len() && b[i] != b'"' {
        i += if b[i] == b'\\' { 2 } else { 1 };
    }
    i + 1
}

fn value_end(b: &[u8], mut i: usize) -> usize {
    let mut depth = 0;
    while i < b.len() {
        match b[i] {
            b'"' => {
                i = quoted(b, i);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => return i,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        i += 1;
    }
    i
}

/// Says something in the host's log: level 0 debug, 1 info, 2 warning, 3 error.
pub fn log(level: u32, text: &str) {
    #[cfg(target_arch = "wasm32")]
    unsafe {
        host_log(level, text.as_ptr(), text.len())
    }
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{} {}", level, text);
}

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "tidemark")]
extern "C" {
    #[link_name = "log"]
    fn host_log(level: u32, at: *const u8, size: usize);
}

/// Where the first match of a regular expression begins and ends. The host does
/// it; it wants the native "regex", as [`replace`] does.
#[cfg(target_arch = "wasm32")]
pub fn find(pattern: &str, text: &str) -> Option<(usize, usize)> {
    let found = unsafe { regex_find(pattern.as_ptr(), pattern.len(), text.as_ptr(), text.len()) };
    if found < 0 { None } else { Some(((found >> 32) as usize, found as u32 as usize)) }
}

/// Puts one text, as it is, in the place of all matches.
#[cfg(target_arch = "wasm32")]
pub fn replace(pattern: &str, text: &str, with: &str) -> String {
    unsafe { taken(regex_replace(pattern.as_ptr(), pattern.len(), text.as_ptr(), text.len(), with.as_ptr(), with.len())) }
}

/// A value by a JSON pointer such as `/user/id`: what a text says, of all else
/// its JSON. It wants the native "json".
#[cfg(target_arch = "wasm32")]
pub fn json(pointer: &str, text: &str) -> Option<String> {
    let size = unsafe { json_get(pointer.as_ptr(), pointer.len(), text.as_ptr(), text.len()) };
    if size < 0 { None } else { Some(unsafe { taken(size) }) }
}

#[cfg(target_arch = "wasm32")]
unsafe fn taken(size: i32) -> String {
    let mut b = vec![0; size as usize];
    take(b.as_mut_ptr());
    String::from_utf8_lossy(&b).into_owned()
}

#[cfg(target_arch = "wasm32")]
#[link(wasm_import_module = "tm1")]
extern "C" {
    fn regex_find(pattern: *const u8, pattern_size: usize, text: *const u8, size: usize) -> i64;
    fn regex_replace(pattern: *const u8, pattern_size: usize, text: *const u8, size: usize, with: *const u8, with_size: usize) -> i32;
    fn json_get(pointer: *const u8, pointer_size: usize, text: *const u8, size: usize) -> i32;
    fn take(at: *mut u8);
}

// ---- What plugin! exports ----

#[doc(hidden)]
#[derive(Default)]
pub struct State {
    request: Vec<u64>,
    answer: Vec<u8>,
    config: String,
    manifest: String,
    out: Out,
}

#[doc(hidden)]
pub fn state() -> &'static mut State {
    static mut STATE: Option<State> = None;
    // A module has one thread, and the host never calls into a call.
    #[allow(unknown_lints, static_mut_refs)]
    unsafe {
        STATE.get_or_insert_with(State::default)
    }
}

fn packed(at: *const u8, size: usize) -> u64 {
    (at as usize as u64) << 32 | size as u64
}

fn fields(list: &str) -> String {
    let one = |f: &str| {
        let (name, kind) = f.split_once(':').unwrap_or((f, ""));
        format!("{{\"field\":\"{}\",\"type\":\"{}\"}}", name, kind)
    };
    let all: Vec<String> = list.split(',').filter(|f| !f.is_empty()).map(one).collect();
    format!("[{}]", all.join(","))
}

#[doc(hidden)]
pub fn manifest(name: &str, version: &str, schema: &str, natives: &[&str], functions: &[Function]) -> u64 {
    let config = if schema.is_empty() { String::new() } else { format!(",\"config\":{}", schema) };
    let one = |f: &Function| {
        let framing = if f.kind == "decoder" { ",\"framing\":\"line\"" } else { "" };
        format!(
            "{{\"name\":\"{}\",\"kind\":\"{}\"{},\"inputs\":{},\"outputs\":{}}}",
            f.name, f.kind, framing, fields(f.inputs), fields(f.outputs)
        )
    };
    let all: Vec<String> = functions.iter().map(one).collect();
    let words: Vec<String> = natives.iter().map(|n| format!("\"{}\"", n)).collect();
    let abi = if natives.is_empty() { "\"1.1\"".into() } else { format!("\"1.2\",\"natives\":[{}]", words.join(",")) };
    let text = &mut state().manifest;
    *text = format!(
        "{{\"name\":\"{}\",\"version\":\"{}\",\"abi\":{},\"deterministic\":true{},\"functions\":[{}]}}",
        name, version, abi, config, all.join(",")
    );
    packed(text.as_ptr(), text.len())
}

#[doc(hidden)]
pub fn alloc(size: usize) -> *mut u8 {
    let request = &mut state().request;
    request.resize(request.len().max(size / 8 + 1), 0);
    request.as_mut_ptr() as *mut u8
}

#[doc(hidden)]
pub unsafe fn init(at: *const u8, size: usize) -> u64 {
    std::panic::set_hook(Box::new(|p| log(3, &p.to_string())));
    state().config = String::from_utf8_lossy(std::slice::from_raw_parts(at, size)).into_owned();
    0
}

fn region(answer: &mut Vec<u8>, bytes: &[u8]) -> u32 {
    let at = answer.len();
    answer.extend_from_slice(bytes);
    answer.resize((answer.len() + 7) & !7, 0);
    at as u32
}

fn set(answer: &mut [u8], at: usize, v: u32) {
    answer[at..at + 4].copy_from_slice(&v.to_le_bytes());
}

fn words(values: &[u32]) -> &[u8] {
    // WebAssembly is little-endian, as the frame is.
    unsafe { std::slice::from_raw_parts(values.as_ptr() as *const u8, 4 * values.len()) }
}

fn describe(answer: &mut Vec<u8>, d: usize, c: &Column) {
    answer[d] = c.code;
    if c.nulls > 0 {
        let mut bits = vec![0u8; (c.valid.len() + 7) / 8];
        for (r, v) in c.valid.iter().enumerate() {
            bits[r / 8] |= v << (r % 8);
        }
        answer[d + 1] = 1;
        let at = region(answer, &bits);
        set(answer, d + 4, c.nulls);
        set(answer, d + 8, at);
    }
    if c.width == 0 {
        let at = region(answer, words(&c.offsets));
        set(answer, d + 12, at);
    }
    let at = region(answer, &c.data);
    set(answer, d + 16, at);
    set(answer, d + 20, c.data.len() as u32);
}

fn code(field: &str) -> u8 {
    match field.rsplit(':').next() {
        Some("bool") => 1,
        Some("i64") => 2,
        Some("f64") => 3,
        Some("utf8") => 4,
        Some("timestamp") => 6,
        _ => 8,
    }
}

#[doc(hidden)]
pub unsafe fn call(f: &Function, at: *const u8, size: usize) -> u64 {
    let frame = std::slice::from_raw_parts(at, size);
    let s = state();
    let out = &mut s.out;
    let kinds: Vec<u8> = f.outputs.split(',').map(code).collect();
    out.columns.resize_with(kinds.len(), Column::default);
    for (c, k) in out.columns.iter_mut().zip(&kinds) {
        c.reset(*k);
    }
    out.error.reset(4);
    out.source.clear();
    out.failed = false;
    let scalar = f.kind == "function";
    for row in 0..word(frame, 8) {
        out.row = row as u32;
        if scalar {
            out.emit();
        }
        if let Err(why) = (f.call)(&Row { frame, row }, out) {
            out.reject(&why);
        }
        out.close();
    }
    let answer = &mut s.answer;
    let first = !scalar as usize;
    let count = first + out.columns.len() + out.failed as usize;
    answer.clear();
    answer.resize(32 + 32 * count, 0);
    if !scalar {
        answer[32] = 7;
        let at = region(answer, words(&out.source));
        set(answer, 32 + 16, at);
        set(answer, 32 + 20, 4 * out.source.len() as u32);
    }
    for (i, c) in out.columns.iter().enumerate() {
        describe(answer, 32 + 32 * (first + i), c);
    }
    if out.failed {
        out.error.fill(out.source.len());
        describe(answer, 32 + 32 * (count - 1), &out.error);
    }
    let total = answer.len() as u32;
    for (at, v) in [(0, 0x31424d54), (8, out.source.len() as u32), (12, count as u32), (16, total)] {
        set(answer, at, v);
    }
    packed(answer.as_ptr(), answer.len())
}

/// Lists what a plugin has: its name, version, the JSON Schema of its
/// configuration or "", what it wants of the host's natives, if anything, and its
/// functions.
#[macro_export]
macro_rules! plugin {
    ($name:expr, $version:expr, $schema:expr, [$($f:expr),+ $(,)?]) => {
        $crate::plugin!($name, $version, $schema, natives [], [$($f),+]);
    };
    ($name:expr, $version:expr, $schema:expr, natives [$($native:expr),*], [$($f:expr),+ $(,)?]) => {
        fn tidemark_functions() -> Vec<$crate::Function> {
            vec![$($f),+]
        }

        #[no_mangle]
        pub extern "C" fn tm_abi_1() -> u32 {
            let natives: &[&str] = &[$($native),*];
            if natives.is_empty() { 1 } else { 2 }
        }

        #[no_mangle]
        pub extern "C" fn tm_manifest() -> u64 {
            $crate::manifest($name, $version, $schema, &[$($native),*], &tidemark_functions())
        }

        #[no_mangle]
        pub extern "C" fn tm_alloc(size: usize) -> *mut u8 {
            $crate::alloc(size)
        }

        #[no_mangle]
        pub unsafe extern "C" fn tm_init(at: *const u8, size: usize) -> u64 {
            $crate::init(at, size)
        }

        #[no_mangle]
        pub unsafe extern "C" fn tm_call(n: usize, at: *const u8, size: usize) -> u64 {
            $crate::call(&tidemark_functions()[n], at, size)
        }
    };
}
