// Writes Tidemark plugins in C: no C library is needed.
//
// A plugin lists its functions once, with TM_PLUGIN. Each is called for one row
// after the other: it reads its inputs by number, and gives its outputs by
// number. What is given no value is null.
//
//   static void shout(tm_row *in, tm_out *out) {
//     tm_text t = tm_get_text(in, 0);
//     char *to = tm_room(out, 0, t.size);
//     for (tm_u32 i = 0; i < t.size; i++) to[i] = upper(t.at[i]);
//     tm_used(out, 0, t.size);
//   }
//   TM_PLUGIN("shout", "1.0.0", "", TM_FUNCTION("shout", shout, "text:utf8", "loud:utf8"))
//
// Inputs and outputs are "name:type,name:type"; types are bool, i64, f64, utf8,
// timestamp (an i64 of microseconds) and json. Compile with
//
//   clang --target=wasm32 -O3 -mbulk-memory -msimd128 -nostdlib -Wl,--no-entry
#ifndef TIDEMARK_H
#define TIDEMARK_H

#include "tidemark_text.h"

typedef long long tm_i64;
typedef _Bool tm_bool;

#define TM_MAX_FIELDS 32
// TM_NATIVES, defined before this file is included, asks for work that the host
// does: "\"regex\"", "\"json\"" or "\"regex\",\"json\"".
#ifndef TM_NATIVES
#define TM_NATIVES ""
#endif
#define TM_EXPORT(name) __attribute__((export_name(name)))

// ---- What clang itself may call ----

void *memcpy(void *to, const void *from, unsigned long n) { return __builtin_memcpy(to, from, n); }
void *memmove(void *to, const void *from, unsigned long n) { return __builtin_memmove(to, from, n); }
void *memset(void *to, int c, unsigned long n) { return __builtin_memset(to, c, n); }

// ---- Memory: buffers that grow and are used again ----

typedef struct {
  tm_u8 *at;
  tm_u32 size, room;
} tm_buffer;

extern tm_u8 __heap_base;
static tm_u8 *tm_heap;

static tm_u8 *tm_more(tm_u32 n) {
  if (!tm_heap) tm_heap = &__heap_base;
  tm_u8 *at = (tm_u8 *)(((tm_u32)tm_heap + 15) & ~15u);
  tm_u64 end = (tm_u64)(tm_u32)at + n;
  tm_u64 have = (tm_u64)__builtin_wasm_memory_size(0) << 16;
  if (end > have && __builtin_wasm_memory_grow(0, (tm_u32)((end - have + 0xffff) >> 16)) == (unsigned long)-1) __builtin_trap();
  tm_heap = (tm_u8 *)(tm_u32)end;
  return at;
}

static __attribute__((noinline)) void tm_widen(tm_buffer *b, tm_u32 n) {
  tm_u64 room = b->room * 2ull;
  if (room < (tm_u64)b->size + n) room = (tm_u64)b->size + n;
  if (room < 4096) room = 4096;
  if (room > 0x7fffffff) __builtin_trap();
  if (b->at && b->at + b->room == tm_heap) { // the last one grows where it is
    tm_more((tm_u32)room - b->room);
  } else {
    tm_u8 *at = tm_more((tm_u32)room);
    __builtin_memcpy(at, b->at, b->size);
    b->at = at;
  }
  b->room = (tm_u32)room;
}

// tm_grow makes room for n more bytes.
static inline tm_u8 *tm_grow(tm_buffer *b, tm_u32 n) {
  if (n > b->room - b->size) tm_widen(b, n);
  return b->at + b->size;
}

static inline void tm_add_u32(tm_buffer *b, tm_u32 v) {
  *(tm_u32 *)tm_grow(b, 4) = v;
  b->size += 4;
}

static void tm_add(tm_buffer *b, const void *from, tm_u32 n) {
  tm_copy((char *)tm_grow(b, n), (const char *)from, n);
  b->size += n;
}

static inline tm_u32 tm_length(const char *s) {
  tm_u32 n = 0;
  while (s[n]) n++;
  return n;
}

static void tm_say(tm_buffer *b, const char *s) { tm_add(b, s, tm_length(s)); }

static inline tm_bool tm_equal(tm_text t, const char *s) {
  for (tm_u32 i = 0; i < t.size; i++)
    if (s[i] != t.at[i]) return 0;
  return s[t.size] == 0;
}

// ---- Frames ----

typedef struct {
  tm_u8 *frame; // the request
  tm_u32 row;
} tm_row;

// tm_column is one output, a value a row.
typedef struct {
  tm_u8 type, width; // width 0: texts
  tm_u32 rows, nulls;
  tm_buffer valid; // a byte a row, once there is a null
  tm_buffer offsets, data;
} tm_column;

typedef struct {
  tm_column columns[TM_MAX_FIELDS];
  tm_column error;
  tm_buffer source;
  tm_u32 count, rows, row; // row: of the request
  tm_bool open, failed;    // open: there is a row that is being filled
  tm_bool record;          // rows are begun by tm_emit
} tm_out;

#define TM_WORD(p, at) (*(const tm_u32 *)((p) + (at)))
#define TM_IN(in, i) ((in)->frame + 32 + 32 * (i))

static inline tm_bool tm_is_null(tm_row *in, int i) {
  const tm_u8 *d = TM_IN(in, i);
  return (d[1] & 1) && !(in->frame[TM_WORD(d, 8) + in->row / 8] >> (in->row % 8) & 1);
}

// tm_get_text is a text, or JSON, or bytes; a null is empty.
static inline tm_text tm_get_text(tm_row *in, int i) {
  const tm_u8 *d = TM_IN(in, i);
  const tm_u32 *offsets = (const tm_u32 *)(in->frame + TM_WORD(d, 12)) + in->row;
  tm_text t = {(const char *)in->frame + TM_WORD(d, 16) + offsets[0], offsets[1] - offsets[0]};
  return t;
}

static inline tm_i64 tm_get_i64(tm_row *in, int i) { return ((const tm_i64 *)(in->frame + TM_WORD(TM_IN(in, i), 16)))[in->row]; }
static inline double tm_get_f64(tm_row *in, int i) { return ((const double *)(in->frame + TM_WORD(TM_IN(in, i), 16)))[in->row]; }
static inline tm_bool tm_get_bool(tm_row *in, int i) { return in->frame[TM_WORD(TM_IN(in, i), 16) + in->row] != 0; }

// ---- Outputs ----

static inline void tm_mark(tm_column *c) {
  c->rows++;
  if (c->nulls) {
    *tm_grow(&c->valid, 1) = 1;
    c->valid.size++;
  }
}

static void tm_skip(tm_column *c) { // a null
  if (!c->nulls++) {
    __builtin_memset(tm_grow(&c->valid, c->rows), 1, c->rows);
    c->valid.size = c->rows;
  }
  *tm_grow(&c->valid, 1) = 0;
  c->valid.size++;
  c->rows++;
  if (c->width) {
    __builtin_memset(tm_grow(&c->data, 8), 0, 8);
    c->data.size += c->width;
  } else {
    tm_add_u32(&c->offsets, c->data.size);
  }
}

static inline void tm_close(tm_out *out) {
  if (!out->open) return;
  for (tm_u32 i = 0; i < out->count; i++)
    while (out->columns[i].rows < out->rows) tm_skip(&out->columns[i]);
  out->open = 0;
}

static inline void tm_begin(tm_out *out) {
  tm_close(out);
  tm_add_u32(&out->source, out->row);
  out->rows++;
  out->open = 1;
}

// tm_emit begins a record of a transform or decoder; without it the record is
// dropped.
static inline void tm_emit(tm_out *out) { tm_begin(out); }

// tm_room gives at least n bytes to write a text to; tm_used says how many it
// has become. Each output is given once for a record.
static inline char *tm_room(tm_out *out, int i, tm_u32 n) { return (char *)tm_grow(&out->columns[i].data, n); }

static inline void tm_used(tm_out *out, int i, tm_u32 n) {
  tm_column *c = &out->columns[i];
  c->data.size += n;
  tm_add_u32(&c->offsets, c->data.size);
  tm_mark(c);
}

static inline void tm_put_text(tm_out *out, int i, const char *at, tm_u32 n) {
  tm_copy(tm_room(out, i, n), at, n);
  tm_used(out, i, n);
}

static inline void tm_put_i64(tm_out *out, int i, tm_i64 v) {
  tm_column *c = &out->columns[i];
  *(tm_i64 *)tm_grow(&c->data, 8) = v;
  c->data.size += 8;
  tm_mark(c);
}

static inline void tm_put_f64(tm_out *out, int i, double v) {
  tm_i64 bits;
  __builtin_memcpy(&bits, &v, 8);
  tm_put_i64(out, i, bits);
}

static inline void tm_put_bool(tm_out *out, int i, tm_bool v) {
  tm_column *c = &out->columns[i];
  *tm_grow(&c->data, 1) = v;
  c->data.size++;
  tm_mark(c);
}

// tm_fail rejects the record with a reason.
static void tm_fail(tm_out *out, const char *why) {
  if (!out->open) tm_begin(out);
  tm_column *c = &out->error;
  if (c->rows >= out->rows) return;
  while (c->rows < out->rows - 1) tm_skip(c);
  tm_say(&c->data, why);
  tm_add_u32(&c->offsets, c->data.size);
  tm_mark(c);
  out->failed = 1;
}

// ---- Log ----

__attribute__((import_module("tidemark"), import_name("log"))) void tm_host_log(tm_u32 level, const char *at, tm_u32 size);

static inline void tm_log(tm_u32 level, const char *text) { tm_host_log(level, text, tm_length(text)); }

// ---- Natives: what the host does faster ----

#define TM_NATIVE(name) __attribute__((import_module("tm1"), import_name(name)))
TM_NATIVE("regex_find") tm_i64 tm_host_find(const char *pattern, tm_u32 pattern_size, const char *text, tm_u32 size);
TM_NATIVE("regex_replace")
int tm_host_replace(const char *pattern, tm_u32 pattern_size, const char *text, tm_u32 size, const char *with, tm_u32 with_size);
TM_NATIVE("json_get") int tm_host_json(const char *pointer, tm_u32 pointer_size, const char *text, tm_u32 size);
TM_NATIVE("take") void tm_host_take(void *at);

static tm_buffer tm_native;

static inline tm_text tm_taken(int size) { // valid until the next one
  tm_native.size = 0;
  tm_text t = {(const char *)tm_grow(&tm_native, (tm_u32)size + 1), (tm_u32)size};
  tm_host_take(tm_native.at);
  return t;
}

// tm_find gives where the first match of a regular expression begins and ends.
static inline tm_bool tm_find(const char *pattern, tm_text text, tm_u32 *from, tm_u32 *to) {
  tm_i64 found = tm_host_find(pattern, tm_length(pattern), text.at, text.size);
  if (found < 0) return 0;
  *from = (tm_u32)(found >> 32), *to = (tm_u32)found;
  return 1;
}

// tm_replace puts one text, as it is, in the place of all matches.
static inline tm_text tm_replace(const char *pattern, tm_text text, const char *with) {
  return tm_taken(tm_host_replace(pattern, tm_length(pattern), text.at, text.size, with, tm_length(with)));
}

// tm_json finds a value by a JSON pointer such as /user/id: what a text says,
// of all else its JSON.
static inline tm_bool tm_json(const char *pointer, tm_text text, tm_text *value) {
  int size = tm_host_json(pointer, tm_length(pointer), text.at, text.size);
  if (size < 0) return 0;
  *value = tm_taken(size);
  return 1;
}

// ---- The plugin ----

typedef void (*tm_row_function)(tm_row *in, tm_out *out);

typedef struct {
  const char *kind, *name, *inputs, *outputs, *framing;
  tm_row_function call;
  void (*start)(void); // after the configuration is there
} tm_function;

#define TM_FUNCTION(name, call, inputs, output) {"function", name, inputs, output, 0, call, 0}
#define TM_TRANSFORM(name, call, inputs, outputs) {"transform", name, inputs, outputs, 0, call, 0}
#define TM_DECODER(name, call, outputs) {"decoder", name, "", outputs, "line", call, 0}

extern const char *const tm_name, *const tm_version, *const tm_schema;
extern const tm_function tm_functions[];
extern const tm_u32 tm_function_count;

// TM_PLUGIN lists what the plugin has; schema is the JSON Schema of its
// configuration, or "".
#define TM_PLUGIN(name, version, schema, ...)                                                                     \
  const char *const tm_name = name, *const tm_version = version, *const tm_schema = schema;                       \
  const tm_function tm_functions[] = {__VA_ARGS__};                                                               \
  const tm_u32 tm_function_count = sizeof(tm_functions) / sizeof(tm_functions[0]);

static tm_buffer tm_request, tm_answer, tm_manifest_text, tm_config;
static tm_out tm_result;

static tm_u64 tm_packed(const void *at, tm_u32 size) { return (tm_u64)(tm_u32)at << 32 | size; }

static void tm_fields(tm_buffer *b, const char *s) {
  tm_say(b, "[");
  while (*s) {
    tm_say(b, "{\"field\":\"");
    for (; *s && *s != ':'; s++) tm_add(b, s, 1);
    tm_say(b, "\",\"type\":\"");
    for (s += *s == ':'; *s && *s != ','; s++) tm_add(b, s, 1);
    tm_say(b, "\"}");
    if (*s == ',') {
      tm_say(b, ",");
      s++;
    }
  }
  tm_say(b, "]");
}

TM_EXPORT("tm_abi_1") tm_u32 tm_abi_1(void) { return sizeof(TM_NATIVES) > 1 ? 2 : 1; }

TM_EXPORT("tm_manifest") tm_u64 tm_manifest(void) {
  tm_buffer *b = &tm_manifest_text;
  b->size = 0;
  tm_say(b, "{\"name\":\"");
  tm_say(b, tm_name);
  tm_say(b, "\",\"version\":\"");
  tm_say(b, tm_version);
  tm_say(b, sizeof(TM_NATIVES) > 1 ? "\",\"abi\":\"1.2\",\"natives\":[" TM_NATIVES "],\"deterministic\":true"
                                   : "\",\"abi\":\"1.1\",\"deterministic\":true");
  if (tm_schema[0]) {
    tm_say(b, ",\"config\":");
    tm_say(b, tm_schema);
  }
  tm_say(b, ",\"functions\":[");
  for (tm_u32 i = 0; i < tm_function_count; i++) {
    const tm_function *f = &tm_functions[i];
    tm_say(b, i ? ",{\"name\":\"" : "{\"name\":\"");
    tm_say(b, f->name);
    tm_say(b, "\",\"kind\":\"");
    tm_say(b, f->kind);
    if (f->framing) {
      tm_say(b, "\",\"framing\":\"");
      tm_say(b, f->framing);
    }
    tm_say(b, "\",\"inputs\":");
    tm_fields(b, f->inputs);
    tm_say(b, ",\"outputs\":");
    tm_fields(b, f->outputs);
    tm_say(b, "}");
  }
  tm_say(b, "]}");
  return tm_packed(b->at, b->size);
}

TM_EXPORT("tm_alloc") tm_u8 *tm_alloc(tm_u32 size) {
  tm_request.size = 0;
  return tm_grow(&tm_request, size);
}

TM_EXPORT("tm_init") tm_u64 tm_init(const char *config, tm_u32 size) {
  tm_config.size = 0;
  tm_add(&tm_config, config, size);
  return 0;
}

// tm_setting finds a top-level setting's JSON text in the configuration. It is
// checked against the schema before the plugin sees it.
static inline tm_text tm_setting(const char *name) {
  const char *s = (const char *)tm_config.at;
  tm_u32 n = tm_config.size, depth = 0, length = tm_length(name);
  tm_text none = {0, 0};
  for (tm_u32 i = 0; i < n; i++) {
    if (s[i] == '{' || s[i] == '[') depth++;
    if (s[i] == '}' || s[i] == ']') depth--;
    if (s[i] != '"') continue;
    tm_u32 from = ++i;
    for (; i < n && s[i] != '"'; i++) i += s[i] == '\\';
    if (depth != 1 || i + 1 >= n || s[i + 1] != ':' || i - from != length) continue;
    tm_text key = {s + from, length};
    if (!tm_equal(key, name)) continue;
    tm_u32 at = i + 2, inner = 0;
    for (i = at; i < n; i++) {
      if (s[i] == '"')
        for (i++; i < n && s[i] != '"'; i++) i += s[i] == '\\';
      else if (s[i] == '{' || s[i] == '[')
        inner++;
      else if (inner == 0 && (s[i] == ',' || s[i] == '}'))
        break;
      else if (s[i] == '}' || s[i] == ']')
        inner--;
    }
    tm_text found = {s + at, i - at};
    return found;
  }
  return none;
}

static inline tm_bool tm_setting_bool(const char *name, tm_bool usual) {
  tm_text t = tm_setting(name);
  return t.size ? t.at[0] == 't' : usual;
}

static void tm_reset(tm_column *c, tm_u8 type, tm_u8 width) {
  c->type = type, c->width = width, c->rows = c->nulls = 0;
  c->valid.size = c->offsets.size = c->data.size = 0;
  if (!width) {
    tm_add_u32(&c->offsets, 0);
  }
}

static void tm_columns(tm_out *out, const char *s) {
  out->count = 0;
  while (*s) {
    for (; *s && *s != ':'; s++) {}
    s += *s == ':';
    tm_u8 type = *s == 'b' ? 1 : *s == 'i' ? 2 : *s == 'f' ? 3 : *s == 'u' ? 4 : *s == 't' ? 6 : 8;
    tm_reset(&out->columns[out->count++], type, type == 1 ? 1 : type == 4 || type == 8 ? 0 : 8);
    for (; *s && *s != ','; s++) {}
    s += *s == ',';
  }
}

static tm_u32 tm_place(const void *from, tm_u32 n) { // a region of the answer
  tm_u32 at = tm_answer.size, end = (n + 7) & ~7u;
  tm_u8 *to = tm_grow(&tm_answer, end);
  __builtin_memset(to + n, 0, end - n);
  __builtin_memcpy(to, from, n);
  tm_answer.size += end;
  return at;
}

static void tm_write(tm_u32 at, tm_u32 v) { *(tm_u32 *)(tm_answer.at + at) = v; }

static void tm_describe(tm_u32 d, tm_column *c, tm_u32 rows) {
  tm_write(d, c->type | (c->nulls ? 1 << 8 : 0));
  if (c->nulls) {
    tm_u32 n = (rows + 7) / 8, size = (n + 7) & ~7u, at = tm_answer.size;
    tm_u8 *bits = tm_grow(&tm_answer, size);
    __builtin_memset(bits, 0, size);
    for (tm_u32 r = 0; r < rows; r++) bits[r / 8] |= c->valid.at[r] << (r % 8);
    tm_answer.size += size;
    tm_write(d + 4, c->nulls);
    tm_write(d + 8, at);
  }
  if (!c->width) tm_write(d + 12, tm_place(c->offsets.at, c->offsets.size));
  tm_write(d + 16, tm_place(c->data.at, c->data.size));
  tm_write(d + 20, c->data.size);
}

TM_EXPORT("tm_call") tm_u64 tm_call(tm_u32 n, tm_u8 *frame, tm_u32 size) {
  const tm_function *f = &tm_functions[n];
  tm_out *out = &tm_result;
  tm_bool scalar = f->kind[0] == 'f';
  tm_row in = {frame, 0};
  tm_u32 rows = TM_WORD(frame, 8);
  tm_columns(out, f->outputs);
  tm_reset(&out->error, 4, 0);
  out->source.size = out->rows = 0;
  out->open = out->failed = 0;
  for (; in.row < rows; in.row++) {
    out->row = in.row;
    if (scalar) tm_begin(out);
    f->call(&in, out);
    tm_close(out);
  }
  tm_u32 extra = !scalar, count = out->count + extra + out->failed;
  tm_answer.size = 0;
  __builtin_memset(tm_grow(&tm_answer, 32 + 32 * count), 0, 32 + 32 * count);
  tm_answer.size = 32 + 32 * count;
  if (extra) {
    tm_write(32, 7);
    tm_write(32 + 16, tm_place(out->source.at, out->source.size));
    tm_write(32 + 20, out->source.size);
  }
  for (tm_u32 i = 0; i < out->count; i++) tm_describe(32 + 32 * (i + extra), &out->columns[i], out->rows);
  while (out->failed && out->error.rows < out->rows) tm_skip(&out->error);
  if (out->failed) tm_describe(32 + 32 * (count - 1), &out->error, out->rows);
  tm_write(0, 0x31424d54);
  tm_write(8, out->rows);
  tm_write(12, count);
  tm_write(16, tm_answer.size);
  return tm_packed(tm_answer.at, tm_answer.size);
}

#endif
