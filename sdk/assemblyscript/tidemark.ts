// Writes Tidemark plugins in AssemblyScript (plugin ABI 1.1, see ABI.md). Text
// stays UTF-8 bytes; nothing is converted to UTF-16 unless asked for.
//
//   import { plugin, func, Row, Out } from "./tidemark";
//   export { tm_abi_1, tm_manifest, tm_init, tm_alloc, tm_call } from "./tidemark";
//
//   plugin("shout", "1.0.0");
//   func("shout", "text:utf8", "loud:utf8", (r: Row, out: Out): void => {
//     out.text(0, r.text(0).toUpperCase());
//   });
//
// Each function is called for one row after the other; it reads its inputs and
// gives its outputs by number. What is given no value is null; out.fail()
// rejects the row. A transform or a decoder calls out.emit() for each record it
// makes. Inputs and outputs are "name:type,name:type"; types are bool, i64,
// f64, utf8, timestamp and json.

import { copy } from "./tidemark_text";

export { Block, ByteSet, copy, runEnd, runStart } from "./tidemark_text";

const MAGIC: u32 = 0x31424d54;
const HEADER: u32 = 32;

export type Call = (r: Row, out: Out) => void;

class Function {
  constructor(
    public kind: string,
    public name: string,
    public inputs: string,
    public outputs: string,
    public call: Call,
  ) {}
}

let named = "";
let versioned = "";
let schema = "";
const functions: Function[] = [];

/** Names the plugin; config is the JSON Schema of its configuration. */
export function plugin(name: string, version: string, config: string = ""): void {
  named = name;
  versioned = version;
  schema = config;
}

let wanted = "";

/** Asks for work that the host does: "regex", "json" or "regex,json". */
export function natives(words: string): void {
  wanted = words;
}

/** Adds a function of SQL. */
export function func(name: string, inputs: string, output: string, call: Call): void {
  functions.push(new Function("function", name, inputs, output, call));
}

/** Adds a transform of records. */
export function transform(name: string, inputs: string, outputs: string, call: Call): void {
  functions.push(new Function("transform", name, inputs, outputs, call));
}

/** Adds a decoder of lines; its input 0 is the line. */
export function decoder(name: string, outputs: string, call: Call): void {
  functions.push(new Function("decoder", name, "", outputs, call));
}

/** A buffer that grows and is used again. */
class Buffer {
  at: usize = 0;
  size: usize = 0;
  room: usize = 0;

  @inline
  grow(n: usize): usize {
    if (this.size + n > this.room) this.more(n);
    return this.at + this.size;
  }

  private more(n: usize): void {
    const room = max<usize>(max<usize>(2 * this.room, this.size + n), 4096);
    const at = (heap.alloc(room + 8) + 7) & ~7;
    memory.copy(at, this.at, this.size);
    this.at = at;
    this.room = room;
  }

  @inline
  word(v: u32): void {
    store<u32>(this.grow(4), v);
    this.size += 4;
  }

  @inline
  byte(v: u8): void {
    store<u8>(this.grow(1), v);
    this.size++;
  }
}

function isUTF8(at: usize, end: usize): bool {
  while (at < end) {
    const c = load<u8>(at++);
    if (c < 0x80) continue;
    let more = c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 0;
    if (more == 0 || at + more > end) return false;
    const next = load<u8>(at);
    if ((c == 0xe0 && next < 0xa0) || (c == 0xed && next > 0x9f) || (c == 0xf0 && next < 0x90) || (c == 0xf4 && next > 0x8f)) return false;
    for (; more > 0; more--) if ((load<u8>(at++) & 0xc0) != 0x80) return false;
  }
  return true;
}

/** One row of a request. */
export class Row {
  frame: usize = 0;
  row: u32 = 0;
  broken: bool = false;

  @inline
  private word(i: u32, at: u32): u32 {
    return load<u32>(this.frame + HEADER + 32 * i + at);
  }

  @inline
  isNull(i: u32): bool {
    if ((load<u8>(this.frame + HEADER + 32 * i + 1) & 1) == 0) return false;
    return ((load<u8>(this.frame + this.word(i, 8) + (this.row >> 3)) >> <u8>(this.row & 7)) & 1) == 0;
  }

  /** Where the bytes of a text begin, and where they end. */
  @inline
  start(i: u32): usize {
    return this.frame + this.word(i, 16) + load<u32>(this.frame + this.word(i, 12) + 4 * this.row);
  }

  @inline
  end(i: u32): usize {
    return this.frame + this.word(i, 16) + load<u32>(this.frame + this.word(i, 12) + 4 * this.row + 4);
  }

  /** A text. One that is not UTF-8, which a decoder's line may be, rejects the row. */
  text(i: u32): string {
    const from = this.start(i);
    if (!isUTF8(from, this.end(i))) {
      this.broken = true;
      return "";
    }
    return String.UTF8.decodeUnsafe(from, this.end(i) - from);
  }

  i64(i: u32): i64 {
    return load<i64>(this.frame + this.word(i, 16) + 8 * this.row);
  }

  f64(i: u32): f64 {
    return load<f64>(this.frame + this.word(i, 16) + 8 * this.row);
  }

  bool(i: u32): bool {
    return load<u8>(this.frame + this.word(i, 16) + this.row) != 0;
  }
}

class Column {
  code: u8 = 0;
  width: u32 = 0; // 0: texts
  nulls: u32 = 0;
  rows: u32 = 0;
  valid: Buffer = new Buffer(); // a byte a row, once there is a null
  offsets: Buffer = new Buffer();
  data: Buffer = new Buffer();

  reset(code: u8): void {
    this.code = code;
    this.width = code == 1 ? 1 : code == 4 || code == 8 ? 0 : 8;
    this.nulls = 0;
    this.rows = 0;
    this.valid.size = 0;
    this.data.size = 0;
    this.offsets.size = 0;
    this.offsets.word(0);
  }

  @inline
  mark(): void {
    if (this.width == 0) this.offsets.word(<u32>this.data.size);
    this.rows++;
    if (this.nulls > 0) this.valid.byte(1);
  }

  @inline
  fill(rows: u32): void {
    while (this.rows < rows) this.skip();
  }

  /** Adds a null. */
  private skip(): void {
    if (this.nulls++ == 0) {
      memory.fill(this.valid.grow(this.rows), 1, this.rows);
      this.valid.size = this.rows;
    }
    this.valid.byte(0);
    this.rows++;
    if (this.width == 0) {
      this.offsets.word(<u32>this.data.size);
    } else {
      store<u64>(this.data.grow(8), 0);
      this.data.size += this.width;
    }
  }
}

/** Takes what a function gives. */
export class Out {
  columns: Column[] = [];
  error: Column = new Column();
  source: Buffer = new Buffer();
  row: u32 = 0;
  rows: u32 = 0;
  begun: bool = false;
  failed: bool = false;

  /** Begins a record. */
  @inline
  emit(): void {
    this.close();
    this.source.word(this.row);
    this.rows++;
    this.begun = true;
  }

  @inline
  close(): void {
    for (let i = 0, n = this.columns.length; i < n; i++) {
      const c = unchecked(this.columns[i]);
      c.fill(this.rows);
    }
  }

  /** Room for a text of n bytes at most; used() says how many it has become. */
  @inline
  room(i: u32, n: usize): usize {
    return unchecked(this.columns[i]).data.grow(n);
  }

  @inline
  used(i: u32, n: usize): void {
    const c = unchecked(this.columns[i]);
    c.data.size += n;
    c.mark();
  }

  text(i: u32, value: string): void {
    const n = <usize>String.UTF8.byteLength(value);
    String.UTF8.encodeUnsafe(changetype<usize>(value), value.length, this.room(i, n));
    this.used(i, n);
  }

  i64(i: u32, value: i64): void {
    store<i64>(this.room(i, 8), value);
    this.used(i, 8);
  }

  f64(i: u32, value: f64): void {
    store<f64>(this.room(i, 8), value);
    this.used(i, 8);
  }

  bool(i: u32, value: bool): void {
    store<u8>(this.room(i, 1), value ? 1 : 0);
    this.used(i, 1);
  }

  /** Rejects the row. */
  fail(why: string): void {
    if (!this.begun) this.emit();
    this.failed = true;
    const c = this.error;
    c.fill(this.rows - 1);
    if (c.rows == this.rows) return;
    const n = <usize>String.UTF8.byteLength(why);
    String.UTF8.encodeUnsafe(changetype<usize>(why), why.length, c.data.grow(n));
    c.data.size += n;
    c.mark();
  }
}

// ---- Configuration ----

let config = "{}";

/** The JSON text of a setting, "" when there is none. The host has checked it. */
export function setting(name: string): string {
  const key = '"' + name + '":';
  const at = config.indexOf(key);
  if (at < 0) return "";
  let i = at + key.length;
  const from = i;
  let depth = 0;
  for (; i < config.length; i++) {
    const c = config.charCodeAt(i);
    if (c == 34) {
      for (i++; i < config.length && config.charCodeAt(i) != 34; i++) if (config.charCodeAt(i) == 92) i++;
    } else if (c == 123 || c == 91) depth++;
    else if (depth == 0 && (c == 44 || c == 125)) break;
    else if (c == 125 || c == 93) depth--;
  }
  return config.substring(from, i);
}

/** A setting that is true or false. */
export function settingBool(name: string, usual: bool): bool {
  const v = setting(name);
  return v == "" ? usual : v == "true";
}

let configured: () => void = (): void => {};

/** Registers what to do once the configuration is there. */
export function onConfig(f: () => void): void {
  configured = f;
}

@external("tidemark", "log")
declare function hostLog(level: u32, at: usize, size: usize): void;

/** Says something in the host's log: level 0 debug, 1 info, 2 warning, 3 error. */
export function log(level: u32, text: string): void {
  const b = String.UTF8.encode(text);
  hostLog(level, changetype<usize>(b), b.byteLength);
}

@external("tm1", "regex_find")
declare function hostFind(pattern: usize, patternSize: usize, text: usize, size: usize): i64;
@external("tm1", "regex_replace")
declare function hostReplace(pattern: usize, patternSize: usize, text: usize, size: usize, wit: usize, witSize: usize): i32;
@external("tm1", "json_get")
declare function hostJSON(pointer: usize, pointerSize: usize, text: usize, size: usize): i32;
@external("tm1", "take")
declare function hostTake(at: usize): void;

function taken(size: i32): string {
  const b = new ArrayBuffer(size);
  hostTake(changetype<usize>(b));
  return String.UTF8.decode(b);
}

/** Where the first match of a regular expression begins, in bytes, or -1. Wants natives("regex"). */
export function find(pattern: string, text: string): i32 {
  const p = String.UTF8.encode(pattern);
  const t = String.UTF8.encode(text);
  return <i32>(hostFind(changetype<usize>(p), p.byteLength, changetype<usize>(t), t.byteLength) >> 32);
}

/** Puts one text, as it is, in the place of all matches. Wants natives("regex"). */
export function replace(pattern: string, text: string, by: string): string {
  const p = String.UTF8.encode(pattern);
  const t = String.UTF8.encode(text);
  const b = String.UTF8.encode(by);
  return taken(hostReplace(changetype<usize>(p), p.byteLength, changetype<usize>(t), t.byteLength, changetype<usize>(b), b.byteLength));
}

/**
 * A value by a JSON pointer such as /user/id: what a text says, of all else its
 * JSON; null when there is none. Wants natives("json").
 */
export function json(pointer: string, text: string): string | null {
  const p = String.UTF8.encode(pointer);
  const t = String.UTF8.encode(text);
  const size = hostJSON(changetype<usize>(p), p.byteLength, changetype<usize>(t), t.byteLength);
  return size < 0 ? null : taken(size);
}

// ---- What the host calls ----

function packed(at: usize, size: usize): u64 {
  return (<u64>at << 32) | <u64>size;
}

export function tm_abi_1(): i32 {
  return wanted == "" ? 1 : 2;
}

function fields(list: string): string {
  if (list == "") return "[]";
  const all = list.split(",");
  let out = "[";
  for (let i = 0; i < all.length; i++) {
    const f = all[i].trim();
    const colon = f.indexOf(":");
    out += (i > 0 ? "," : "") + '{"field":"' + f.substring(0, colon) + '","type":"' + f.substring(colon + 1) + '"}';
  }
  return out + "]";
}

let manifestText: ArrayBuffer = new ArrayBuffer(0);

export function tm_manifest(): u64 {
  const abi = wanted == "" ? '"1.1"' : '"1.2","natives":["' + wanted.split(",").join('","') + '"]';
  let text = '{"name":"' + named + '","version":"' + versioned + '","abi":' + abi + ',"deterministic":true';
  if (schema != "") text += ',"config":' + schema;
  text += ',"functions":[';
  for (let i = 0; i < functions.length; i++) {
    const f = functions[i];
    text += (i > 0 ? "," : "") + '{"name":"' + f.name + '","kind":"' + f.kind + '"';
    if (f.kind == "decoder") text += ',"framing":"line"';
    text += ',"inputs":' + fields(f.inputs) + ',"outputs":' + fields(f.outputs) + "}";
  }
  manifestText = String.UTF8.encode(text + "]}");
  return packed(changetype<usize>(manifestText), manifestText.byteLength);
}

const request = new Buffer();
const answer = new Buffer();
const row = new Row();
const out = new Out();

export function tm_alloc(size: u32): usize {
  request.size = 0;
  return request.grow(size);
}

export function tm_init(ptr: usize, len: usize): u64 {
  config = String.UTF8.decodeUnsafe(ptr, len);
  configured();
  return 0;
}

function codes(list: string): u8[] {
  const kinds: u8[] = [];
  if (list == "") return kinds;
  const all = list.split(",");
  for (let i = 0; i < all.length; i++) {
    const c = all[i].charCodeAt(all[i].indexOf(":") + 1);
    kinds.push(c == 98 ? 1 : c == 105 ? 2 : c == 102 ? 3 : c == 117 ? 4 : c == 116 ? 6 : 8);
  }
  return kinds;
}

let prepared: i32 = -1;
let kinds: u8[] = [];

export function tm_call(n: i32, frame: usize, size: u32): u64 {
  const f = functions[n];
  if (prepared != n) {
    kinds = codes(f.outputs);
    out.columns = [];
    for (let i = 0; i < kinds.length; i++) out.columns.push(new Column());
    prepared = n;
  }
  for (let i = 0; i < kinds.length; i++) out.columns[i].reset(kinds[i]);
  out.error.reset(4);
  out.source.size = 0;
  out.rows = 0;
  out.failed = false;
  row.frame = frame;
  const scalar = f.kind == "function";
  const rows = load<u32>(frame + 8);
  const call = f.call;
  for (let r: u32 = 0; r < rows; r++) {
    row.row = r;
    out.row = r;
    out.begun = false;
    if (scalar) out.emit();
    row.broken = false;
    call(row, out);
    if (row.broken) out.fail("it is not UTF-8");
    out.close();
  }
  return write(scalar);
}

function region(from: usize, n: usize): u32 {
  const at = answer.size;
  const end = (n + 7) & ~7;
  const to = answer.grow(end);
  memory.copy(to, from, n);
  memory.fill(to + n, 0, end - n);
  answer.size += end;
  return <u32>at;
}

function set(at: usize, v: u32): void {
  store<u32>(answer.at + at, v);
}

function describe(d: usize, c: Column): void {
  set(d, c.code);
  if (c.nulls > 0) {
    const n = (c.rows + 7) >> 3;
    const size = (<usize>n + 7) & ~7;
    const bits = answer.grow(size);
    memory.fill(bits, 0, size);
    for (let r: u32 = 0; r < c.rows; r++) {
      const at = bits + (r >> 3);
      store<u8>(at, load<u8>(at) | (load<u8>(c.valid.at + r) << <u8>(r & 7)));
    }
    store<u8>(answer.at + d + 1, 1);
    set(d + 4, c.nulls);
    set(d + 8, <u32>answer.size);
    answer.size += size;
  }
  if (c.width == 0) set(d + 12, region(c.offsets.at, c.offsets.size));
  set(d + 16, region(c.data.at, c.data.size));
  set(d + 20, <u32>c.data.size);
}

function write(scalar: bool): u64 {
  const first: u32 = scalar ? 0 : 1;
  const count = first + out.columns.length + (out.failed ? 1 : 0);
  answer.size = 0;
  const head = HEADER + 32 * count;
  memory.fill(answer.grow(head), 0, head);
  answer.size = head;
  if (!scalar) {
    set(HEADER, 7);
    set(HEADER + 16, region(out.source.at, out.source.size));
    set(HEADER + 20, <u32>out.source.size);
  }
  for (let i = 0; i < out.columns.length; i++) describe(HEADER + 32 * (first + i), out.columns[i]);
  if (out.failed) {
    out.error.fill(out.rows);
    describe(32 * count, out.error);
  }
  set(0, MAGIC);
  set(8, out.rows);
  set(12, count);
  set(16, <u32>answer.size);
  return packed(answer.at, answer.size);
}
