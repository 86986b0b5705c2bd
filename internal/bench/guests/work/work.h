// What the benchmark of plugins does with a record; see work.go.
#include "tidemark_text.h"

typedef unsigned char work_u8;
typedef long long work_i64;
typedef unsigned long long work_u64;

#define WORK_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define WORK_NAME(c) (WORK_DIGIT(c) || (((c) | 32) >= 'a' && ((c) | 32) <= 'z') || (c) == '-')
#define WORK_LABEL(c) (WORK_NAME(c) || (c) == '.')
#define WORK_WORD(c) (WORK_LABEL(c) || (c) == '_' || (c) == '%' || (c) == '+')
static const tm_set work_names = TM_SET(WORK_NAME), work_labels = TM_SET(WORK_LABEL), work_words = TM_SET(WORK_WORD);

// work_domain is where the name of a host with a dot in it ends, or 0.
static inline const work_u8 *work_domain(tm_text all, tm_u32 from) {
  tm_u32 end = tm_run_end(all, from, &work_labels);
  while (end > from && all.at[end - 1] == '.') end--;
  return tm_run_end(all, from, &work_names) < end ? (const work_u8 *)all.at + end : 0;
}

static inline int work_digit(work_u8 c) { return (work_u8)(c - '0') < 10; }

static inline const work_u8 *work_ipv4(const work_u8 *i, const work_u8 *end) {
  for (int part = 0; part < 4; part++) {
    if (part > 0 && (i == end || *i++ != '.')) return 0;
    const work_u8 *from = i;
    int value = 0;
    while (i < end && i < from + 4 && work_digit(*i)) value = 10 * value + (*i++ - '0');
    if (i == from || value > 255) return 0;
  }
  const work_u8 *behind = i + (i < end && *i == '.');
  return behind < end && WORK_WORD(*behind) ? 0 : i;
}

static inline work_i64 work_milliseconds(const work_u8 *i, const work_u8 *end) {
  work_i64 value = 0;
  for (int n = 0; i < end && n < 10; n++) {
    if (!(work_digit(*i))) return i[0] == 'm' && i + 1 < end && i[1] == 's' ? value : -1;
    value = 10 * value + (*i++ - '0');
  }
  return -1;
}

static inline work_u8 *work_put(work_u8 *out, const void *s, long n) {
  tm_copy((char *)out, s, n);
  return out + n;
}

// work_mask writes the masked text, which is never twice as long and 16 more,
// and gives its end. Where it stops is an @, or a digit without a word before
// it.
static work_u8 *work_mask(const work_u8 *text, const work_u8 *end, work_u8 *out, work_i64 *milliseconds) {
  tm_text all = {(const char *)text, end - text};
  const work_u8 *from = text, *to;
  work_u64 carry = 0;
  work_i64 took = -1;
  for (long at = 0; at < end - text; at += 64) {
    tm_block b = tm_block_at(all, at);
    tm_u64 words = tm_in(&b, &work_words), digits = tm_between(&b, '0', '9');
    tm_u64 stops = tm_is(&b, '@') | (digits & ~(words << 1 | carry));
    carry = words >> 63;
    for (; stops; stops &= stops - 1) {
      const work_u8 *i = text + at + tm_first(stops);
      if (i < from) continue;
      if (*i == '@') {
        const work_u8 *begin = text + tm_run_start(all, i - text, &work_words);
        if (begin < from) begin = from;
        if (begin < i && (to = work_domain(all, i + 1 - text))) {
          out = work_put(work_put(out, from, begin - from), "[email]", 7);
          from = to;
        }
      } else if ((to = work_ipv4(i, end))) {
        out = work_put(work_put(out, from, i - from), "[ip]", 4);
        from = to;
      } else if (took < 0 && i - text >= 5 && tm_load4((const char *)i - 5) == 0x6b6f6f74 && i[-1] == ' ') {
        took = work_milliseconds(i, end);
      }
    }
  }
  *milliseconds = took;
  return work_put(out, from, end - from);
}

static inline int work_keeps(const work_u8 *level, int n) {
  return !(n == 5 && level[0] == 'D' && level[1] == 'E' && level[2] == 'B' && level[3] == 'U' && level[4] == 'G');
}
