// Writes transforms for Tidemark's plugin ABI 1.0 (see ABI.md beside this
// folder). Text stays UTF-8 bytes; nothing is converted to UTF-16.
//
// A plugin calls `plugin(manifest)` and `rewriteText(f)` once, and re-exports
// the functions whose names begin with tm_.

const MAGIC: u32 = 0x31424d54;
const HEADER: u32 = 32;
const COLUMN: u32 = 32;

/** Two arenas that are used again for every call: the request's and ours. */
let request: usize = 0;
let requestSize: usize = 0;
let answer: usize = 0;
let answerSize: usize = 0;

function reserve(at: usize, have: usize, want: usize): usize {
  if (want <= have) return at;
  const size = (want + 0xffff) & ~0xffff;
  return (heap.alloc(size + 8) + 7) & ~7;
}

let manifestText: ArrayBuffer = new ArrayBuffer(0);

/** Sets the manifest. */
export function plugin(manifest: string): void {
  manifestText = String.UTF8.encode(manifest);
}

/** A text column of the batch. */
export class TextColumn {
  constructor(
    private validity: usize,
    private offsets: usize,
    private data: usize,
  ) {}

  isNull(row: u32): bool {
    return this.validity != 0 && ((load<u8>(this.validity + (row >> 3)) >> <u8>(row & 7)) & 1) == 0;
  }

  start(row: u32): usize {
    return this.data + load<u32>(this.offsets + 4 * row);
  }

  end(row: u32): usize {
    return this.data + load<u32>(this.offsets + 4 * row + 4);
  }
}

/** Rewrites one text: reads [from, to), writes at `into`, returns its end. */
export type Rewrite = (from: usize, to: usize, into: usize) => usize;

/** What a text may grow to, in bytes for each byte of it, and at least. */
export const GROWTH: usize = 2;

let rewrite: Rewrite = (from: usize, to: usize, into: usize): usize => {
  memory.copy(into, from, to - from);
  return into + (to - from);
};

/** Registers the function that the plugin's one text field goes through. */
export function rewriteText(f: Rewrite): void {
  rewrite = f;
}

const names: string[] = [];
const values: bool[] = [];

/** Declares a setting that is true or false; option(its number) reads it. */
export function declare(name: string, usual: bool): i32 {
  names.push(name);
  values.push(usual);
  return names.length - 1;
}

/** The value of a setting. */
export function option(i: i32): bool {
  return unchecked(values[i]);
}

/** Reads an object of settings; what is wrong with it, or "". */
function configure(text: string): string {
  let i = skip(text, 0);
  if (text.charAt(i) != "{") return "settings must be names with values";
  i = skip(text, i + 1);
  while (text.charAt(i) == '"') {
    const end = text.indexOf('"', i + 1);
    if (end < 0) break;
    const name = text.substring(i + 1, end);
    const known = names.indexOf(name);
    if (known < 0) return "there is no setting " + name + "; there are " + names.join(", ");
    i = skip(text, end + 1);
    if (text.charAt(i) != ":") break;
    i = skip(text, i + 1);
    const yes = text.startsWith("true", i);
    if (!yes && !text.startsWith("false", i)) return "the setting " + name + " must be true or false";
    values[known] = yes;
    i = skip(text, i + (yes ? 4 : 5));
    if (text.charAt(i) != ",") break;
    i = skip(text, i + 1);
  }
  return text.charAt(i) == "}" && skip(text, i + 1) == text.length ? "" : "settings must be names with true or false";
}

function skip(text: string, i: i32): i32 {
  while (i < text.length && text.charCodeAt(i) <= 32) i++;
  return i;
}

let complaint: ArrayBuffer = new ArrayBuffer(0);

export function tm_init(ptr: u32, len: u32): u64 {
  const wrong = configure(String.UTF8.decodeUnsafe(ptr, len));
  if (wrong.length == 0) return 0;
  complaint = String.UTF8.encode(wrong);
  return (<u64>changetype<usize>(complaint) << 32) | <u64>complaint.byteLength;
}

function align(n: usize): usize {
  return (n + 7) & ~7;
}

export function tm_abi_1(): i32 {
  return 0;
}

export function tm_manifest(): u64 {
  return (<u64>changetype<usize>(manifestText) << 32) | <u64>manifestText.byteLength;
}

export function tm_alloc(size: u32): u32 {
  const at = reserve(request, requestSize, size);
  if (at != request) {
    request = at;
    requestSize = (size + 0xffff) & ~0xffff;
  }
  return <u32>request;
}

export function tm_call(fn: u32, ptr: u32, len: u32): u64 {
  const rows = load<u32>(ptr + 8);
  const d = ptr + HEADER;
  const validity = load<u32>(d + 8);
  const textSize = load<u32>(d + 20);
  const column = new TextColumn(validity == 0 ? 0 : ptr + validity, ptr + load<u32>(d + 12), ptr + load<u32>(d + 16));

  const head: usize = HEADER + 2 * COLUMN;
  const srcAt = head;
  const validAt = align(srcAt + 4 * <usize>rows);
  const validSize: usize = align((<usize>rows + 7) / 8);
  const offsetsAt = validAt + validSize;
  const dataAt = align(offsetsAt + 4 * (<usize>rows + 1));
  const room = dataAt + GROWTH * <usize>textSize + 64;
  const at = reserve(answer, answerSize, room);
  if (at != answer) {
    answer = at;
    answerSize = (room + 0xffff) & ~0xffff;
  }
  memory.fill(answer, 0, head);
  memory.fill(answer + validAt, 0, validSize);

  let out = answer + dataAt;
  let nulls: u32 = 0;
  store<u32>(answer + offsetsAt, 0);
  for (let row: u32 = 0; row < rows; row++) {
    store<u32>(answer + srcAt + 4 * row, row);
    if (column.isNull(row)) {
      nulls++;
    } else {
      const byte = answer + validAt + (row >> 3);
      store<u8>(byte, load<u8>(byte) | (1 << <u8>(row & 7)));
      out = rewrite(column.start(row), column.end(row), out);
    }
    store<u32>(answer + offsetsAt + 4 * (<usize>row + 1), <u32>(out - answer - dataAt));
  }
  const size = align(out - answer);

  store<u32>(answer, MAGIC);
  store<u32>(answer + 8, rows);
  store<u32>(answer + 12, 2);
  store<u32>(answer + 16, <u32>size);
  const src = answer + HEADER;
  store<u8>(src, 7);
  store<u32>(src + 16, <u32>srcAt);
  store<u32>(src + 20, 4 * rows);
  const text = src + COLUMN;
  store<u8>(text, 4);
  store<u8>(text + 1, 1);
  store<u32>(text + 4, nulls);
  store<u32>(text + 8, <u32>validAt);
  store<u32>(text + 12, <u32>offsetsAt);
  store<u32>(text + 16, <u32>dataAt);
  store<u32>(text + 20, <u32>(out - answer - dataAt));
  return (<u64>answer << 32) | <u64>size;
}
