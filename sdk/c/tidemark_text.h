// Walks over text sixteen bytes at a time, where the compiler is given
// -msimd128, as tidemark plugin build does; otherwise it gives the same slowly.
// It reads nothing that is not the text's.
//
// A set of bytes is made of a macro that says of a byte whether it is in:
//
//   #define WORD(c) (((c) >= 'a' && (c) <= 'z') || (c) == '_')
//   static const tm_set word = TM_SET(WORD);
//
// A text is looked at in blocks of 64 bytes, of which a mask says with a bit
// each, the lowest first, which are in a set. This visits what is in:
//
//   for (tm_u32 from = 0; from < t.size; from += 64) {
//     tm_block b = tm_block_at(t, from);
//     for (tm_u64 in = tm_in(&b, &word); in; in &= in - 1) {
//       tm_u32 i = from + tm_first(in);
//
// Masks are numbers: a & ~b is what is in one set and not in the other, a << 1
// what follows one of a, and the bit that falls out goes on in the next block.
//
// What begins and ends with bytes of a set is found by tm_run_start and
// tm_run_end.
#ifndef TIDEMARK_TEXT_H
#define TIDEMARK_TEXT_H

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

typedef unsigned char tm_u8;
typedef unsigned int tm_u32;
typedef unsigned long long tm_u64;

typedef struct {
  const char *at;
  tm_u32 size;
} tm_text;

typedef tm_u8 tm_v16 __attribute__((vector_size(16)));

// tm_set has, for the upper half of a byte under 128 and of one over it, the
// bits of those halves that each lower half is in with.
typedef struct {
  tm_v16 low, high;
} tm_set;

#define TM_SET_BIT(in, c) ((in(c)) ? 1 << ((c) >> 4 & 7) : 0)
#define TM_SET_8(in, c)                                                                                       \
  (TM_SET_BIT(in, c) | TM_SET_BIT(in, (c) + 16) | TM_SET_BIT(in, (c) + 32) | TM_SET_BIT(in, (c) + 48) |       \
   TM_SET_BIT(in, (c) + 64) | TM_SET_BIT(in, (c) + 80) | TM_SET_BIT(in, (c) + 96) | TM_SET_BIT(in, (c) + 112))
#define TM_SET_16(in, c)                                                                                      \
  {TM_SET_8(in, c),       TM_SET_8(in, (c) + 1),  TM_SET_8(in, (c) + 2),  TM_SET_8(in, (c) + 3),              \
   TM_SET_8(in, (c) + 4), TM_SET_8(in, (c) + 5),  TM_SET_8(in, (c) + 6),  TM_SET_8(in, (c) + 7),              \
   TM_SET_8(in, (c) + 8), TM_SET_8(in, (c) + 9),  TM_SET_8(in, (c) + 10), TM_SET_8(in, (c) + 11),             \
   TM_SET_8(in, (c) + 12), TM_SET_8(in, (c) + 13), TM_SET_8(in, (c) + 14), TM_SET_8(in, (c) + 15)}
#define TM_SET(in) {TM_SET_16(in, 0), TM_SET_16(in, 128)}

// tm_block is 64 bytes of a text, or those that it still has.
typedef struct {
  tm_v16 part[4];
  tm_u64 there; // the bits of those that it has
} tm_block;

static inline tm_v16 tm_load16(const char *at) {
  tm_v16 v;
  __builtin_memcpy(&v, at, 16);
  return v;
}

static inline tm_u64 tm_load8(const char *at) {
  tm_u64 v;
  __builtin_memcpy(&v, at, 8);
  return v;
}

static inline tm_u32 tm_load4(const char *at) {
  tm_u32 v;
  __builtin_memcpy(&v, at, 4);
  return v;
}

// tm_copy copies a text. Short ones are copied here: memory.copy leaves the
// sandbox, and that takes as long as some hundred bytes.
static inline void tm_copy(char *to, const char *from, tm_u32 n) {
  if (n > 256) {
    __builtin_memcpy(to, from, n);
  } else if (n >= 16) {
    for (tm_u32 i = 0; i + 16 < n; i += 16) __builtin_memcpy(to + i, from + i, 16);
    __builtin_memcpy(to + n - 16, from + n - 16, 16);
  } else if (n >= 8) {
    tm_u64 last = tm_load8(from + n - 8);
    __builtin_memcpy(to, from, 8);
    __builtin_memcpy(to + n - 8, &last, 8);
  } else if (n >= 4) {
    tm_u32 last = tm_load4(from + n - 4);
    __builtin_memcpy(to, from, 4);
    __builtin_memcpy(to + n - 4, &last, 4);
  } else {
    for (tm_u32 i = 0; i < n; i++) to[i] = from[i];
  }
}

// tm_swizzle gives for each byte of at the one of from that it counts, and 0
// where it is over 15.
static inline tm_v16 tm_swizzle(tm_v16 from, tm_v16 at) {
#ifdef __wasm_simd128__
  return (tm_v16)wasm_i8x16_swizzle((v128_t)from, (v128_t)at);
#else
  tm_v16 v;
  for (int i = 0; i < 16; i++) v[i] = at[i] < 16 ? from[at[i]] : 0;
  return v;
#endif
}

// tm_bits gives the uppermost bit of each byte.
static inline tm_u64 tm_bits(tm_v16 v) {
#ifdef __wasm_simd128__
  return (tm_u32)wasm_i8x16_bitmask((v128_t)v);
#else
  tm_u64 bits = 0;
  for (int i = 0; i < 16; i++) bits |= (tm_u64)(v[i] >> 7) << i;
  return bits;
#endif
}

// tm_short is a text of 15 bytes or less, and zeros behind it.
static inline tm_v16 tm_short(const char *at, tm_u32 n) {
  tm_u64 v[2] = {0, 0};
  if (n >= 8) {
    v[0] = tm_load8(at);
    if (n > 8) v[1] = tm_load8(at + n - 8) >> (128 - 8 * n);
  } else if (n >= 4) {
    v[0] = tm_load4(at) | (tm_u64)tm_load4(at + n - 4) << (8 * n - 32);
  } else if (n) {
    v[0] = (tm_u8)at[0] | (tm_u64)(tm_u8)at[n / 2] << (n / 2 * 8) | (tm_u64)(tm_u8)at[n - 1] << (8 * n - 8);
  }
  return tm_load16((const char *)v);
}

// tm_rest is the last n bytes of a text, under 16, and zeros behind: nothing is
// read that is not the text's.
static inline tm_v16 tm_rest(tm_text t, tm_u32 n) {
  static const tm_v16 count = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const char *end = t.at + t.size;
  return t.size < 16 ? tm_short(end - n, n) : tm_swizzle(tm_load16(end - 16), count + (tm_u8)(16 - n));
}

// tm_block_at is the block that begins at a byte of a text.
static inline tm_block tm_block_at(tm_text t, tm_u32 from) {
  const char *at = t.at + from;
  tm_u32 n = t.size - from;
  tm_block b;
  if (n >= 64) {
    for (int i = 0; i < 4; i++) b.part[i] = tm_load16(at + 16 * i);
    b.there = ~0ull;
    return b;
  }
  tm_v16 none = {0};
  tm_v16 rest = n & 15 ? tm_rest(t, n & 15) : none;
  b.part[0] = n >= 16 ? tm_load16(at) : rest;
  b.part[1] = n >= 32 ? tm_load16(at + 16) : n >= 16 ? rest : none;
  b.part[2] = n >= 48 ? tm_load16(at + 32) : n >= 32 ? rest : none;
  b.part[3] = n >= 48 ? rest : none;
  b.there = (1ull << n) - 1;
  return b;
}

#define TM_MASK(b, test)                                                              \
  tm_u64 mask = 0;                                                                    \
  for (int i = 0; i < 4; i++) {                                                       \
    tm_v16 v = (b)->part[i];                                                          \
    mask |= tm_bits((tm_v16)(test)) << (16 * i);                                      \
  }                                                                                   \
  return mask & (b)->there

static inline tm_v16 tm_in16(tm_v16 v, const tm_set *s) {
  static const tm_v16 bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  tm_v16 halves = tm_swizzle(s->low, v & 0x8f) | tm_swizzle(s->high, (v ^ 0x80) & 0x8f);
  return (tm_v16)((halves & tm_swizzle(bit, v >> 4)) != 0);
}

// tm_in says which bytes of a block are in a set.
static inline tm_u64 tm_in(const tm_block *b, const tm_set *s) { TM_MASK(b, tm_in16(v, s)); }

// tm_is says which bytes of a block are c.
static inline tm_u64 tm_is(const tm_block *b, char c) { TM_MASK(b, v == (tm_u8)c); }

// tm_between says which are from low to high, both included.
static inline tm_u64 tm_between(const tm_block *b, char low, char high) {
  TM_MASK(b, v - (tm_u8)low <= (tm_u8)(high - low));
}

// tm_first gives where the lowest bit of a mask stands; the mask is not 0.
static inline tm_u32 tm_first(tm_u64 mask) { return (tm_u32)__builtin_ctzll(mask); }


// tm_run_end gives where the bytes in a set that begin at from end: from itself
// when the byte there is not in it.
static inline tm_u32 tm_run_end(tm_text t, tm_u32 from, const tm_set *s) {
  for (; from + 16 <= t.size; from += 16) {
    tm_u32 out = (tm_u32)tm_bits(tm_in16(tm_load16(t.at + from), s)) ^ 0xffff;
    if (out) return from + tm_first(out);
  }
  tm_u32 n = t.size - from;
  if (!n) return from;
  return from + tm_first(~tm_bits(tm_in16(tm_rest(t, n), s)) | 1 << n);
}

// tm_run_start gives where the bytes in a set that end before to begin.
static inline tm_u32 tm_run_start(tm_text t, tm_u32 to, const tm_set *s) {
  for (; to >= 16; to -= 16) {
    tm_u32 out = (tm_u32)tm_bits(tm_in16(tm_load16(t.at + to - 16), s)) ^ 0xffff;
    if (out) return to + 16 - (tm_u32)__builtin_clz(out);
  }
  tm_v16 v = t.size < 16 ? tm_short(t.at, t.size) : tm_load16(t.at);
  tm_u32 out = ~(tm_u32)tm_bits(tm_in16(v, s)) & ((1u << to) - 1);
  return out ? 32 - (tm_u32)__builtin_clz(out) : 0;
}

#endif
