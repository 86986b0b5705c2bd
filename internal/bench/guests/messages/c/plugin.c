// The work of the benchmark for Extism in C; see messages/go.
#include "../../work/work.h"

typedef unsigned long long u64;
typedef unsigned int u32;

#define EXTISM(name) __attribute__((import_module("extism:host/env"), import_name(#name)))
EXTISM(input_length) u64 input_length(void);
EXTISM(input_load_u8) u32 input_load_u8(u64 at);
EXTISM(input_load_u64) u64 input_load_u64(u64 at);
EXTISM(alloc) u64 extism_alloc(u64 size);
EXTISM(store_u8) void store_u8(u64 at, u32 v);
EXTISM(store_u64) void store_u64(u64 at, u64 v);
EXTISM(output_set) void output_set(u64 at, u64 size);

void *memcpy(void *to, const void *from, unsigned long n) { return __builtin_memcpy(to, from, n); }
void *memset(void *to, int c, unsigned long n) { return __builtin_memset(to, c, n); }

extern work_u8 __heap_base;

// room gives the memory behind the heap's base, at least n bytes of it.
static work_u8 *room(u64 n) {
  u64 end = (u32)&__heap_base + n, have = (u64)__builtin_wasm_memory_size(0) << 16;
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (unsigned long)-1) __builtin_trap();
  return &__heap_base;
}

static u32 number(const work_u8 **at, int bytes) {
  u32 v = 0;
  while (bytes--) v = v << 8 | *(*at)++;
  return v;
}

static u32 array(const work_u8 **at) {
  work_u8 c = *(*at)++;
  return c == 0xdc ? number(at, 2) : c == 0xdd ? number(at, 4) : c & 0x0f;
}

static u32 text(const work_u8 **at) {
  work_u8 c = *(*at)++;
  return c == 0xd9 ? number(at, 1) : c == 0xda ? number(at, 2) : c == 0xdb ? number(at, 4) : c & 0x1f;
}

static void put32(work_u8 *at, u32 v) {
  for (int i = 3; i >= 0; i--, v >>= 8) at[i] = (work_u8)v;
}

__attribute__((export_name("mask"))) int mask(void) {
  u64 n = input_length(), i = 0;
  // A record takes 3 bytes and its text, and 23 and twice its text in the answer.
  work_u8 *input = room(n * 9 + 64);
  for (; i + 8 <= n; i += 8) {
    u64 word = input_load_u64(i);
    __builtin_memcpy(input + i, &word, 8);
  }
  for (; i < n; i++) input[i] = (work_u8)input_load_u8(i);
  work_u8 *output = input + n, *out = output + 5;
  const work_u8 *at = input;
  u32 kept = 0;
  for (u32 rows = array(&at); rows > 0; rows--) {
    array(&at);
    u32 size = text(&at);
    const work_u8 *message = at;
    at += size;
    u32 level = text(&at);
    at += level;
    if (!work_keeps(at - level, level)) continue;
    kept++;
    out[0] = 0x92, out[1] = 0xdb;
    work_i64 took;
    work_u8 *end = work_mask(message, message + size, out + 6, &took);
    put32(out + 2, end - out - 6);
    if (took < 0) {
      *end++ = 0xc0;
    } else {
      *end = 0xcf;
      put32(end + 1, (u64)took >> 32);
      put32(end + 5, (u32)took);
      end += 9;
    }
    out = end;
  }
  output[0] = 0xdd;
  put32(output + 1, kept);
  n = out - output;
  u64 to = extism_alloc(n);
  for (i = 0; i + 8 <= n; i += 8) {
    u64 word;
    __builtin_memcpy(&word, output + i, 8);
    store_u64(to + i, word);
  }
  for (; i < n; i++) store_u8(to + i, output[i]);
  output_set(to, n);
  return 0;
}
