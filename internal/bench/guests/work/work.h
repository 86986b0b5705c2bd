// What the benchmark of plugins does with a record; see work.go.
typedef unsigned char work_u8;
typedef long long work_i64;

enum { WORK_DIGIT = 1, WORK_WORD = 2, WORK_AT = 4, WORK_LABEL = 8 };

static const work_u8 work_class[256] = {
    ['0' ... '9'] = WORK_DIGIT | WORK_WORD | WORK_LABEL,
    ['A' ... 'Z'] = WORK_WORD | WORK_LABEL,
    ['a' ... 'z'] = WORK_WORD | WORK_LABEL,
    ['.'] = WORK_WORD | WORK_LABEL,
    ['-'] = WORK_WORD | WORK_LABEL,
    ['_'] = WORK_WORD,
    ['%'] = WORK_WORD,
    ['+'] = WORK_WORD,
    ['@'] = WORK_AT};

// Apart from what is around it, the loop has a register for all it needs.
__attribute__((noinline)) static const work_u8 *work_next(const work_u8 *i, const work_u8 *end, unsigned before) {
  for (; i < end; i++) {
    unsigned kind = work_class[*i];
    if (kind & ((~before >> 1 & WORK_DIGIT) | WORK_AT)) break;
    before = kind;
  }
  return i;
}

static inline const work_u8 *work_local(const work_u8 *from, const work_u8 *i) {
  while (i > from && work_class[i[-1]] & WORK_WORD) i--;
  return i;
}

static inline const work_u8 *work_domain(const work_u8 *i, const work_u8 *end) {
  const work_u8 *from = i;
  int dots = 0;
  for (; i < end && work_class[*i] & WORK_LABEL; i++) dots += *i == '.';
  for (; i > from && i[-1] == '.'; i--) dots--;
  return dots < 1 ? 0 : i;
}

static inline const work_u8 *work_ipv4(const work_u8 *i, const work_u8 *end) {
  for (int part = 0; part < 4; part++) {
    if (part > 0 && (i == end || *i++ != '.')) return 0;
    const work_u8 *from = i;
    int value = 0;
    while (i < end && i < from + 4 && work_class[*i] & WORK_DIGIT) value = 10 * value + (*i++ - '0');
    if (i == from || value > 255) return 0;
  }
  const work_u8 *behind = i + (i < end && *i == '.');
  return behind < end && work_class[*behind] & WORK_WORD ? 0 : i;
}

static inline work_i64 work_milliseconds(const work_u8 *i, const work_u8 *end) {
  work_i64 value = 0;
  for (int n = 0; i < end && n < 10; n++) {
    if (!(work_class[*i] & WORK_DIGIT)) return i[0] == 'm' && i + 1 < end && i[1] == 's' ? value : -1;
    value = 10 * value + (*i++ - '0');
  }
  return -1;
}

// work_put copies words, and so up to seven bytes too many: memory.copy leaves
// the sandbox.
static inline work_u8 *work_put(work_u8 *out, const void *s, long n) {
  for (long i = 0; i < n; i += 8) __builtin_memcpy(out + i, (const work_u8 *)s + i, 8);
  return out + n;
}

// work_mask writes the masked text, which is never twice as long and 16 more,
// and gives its end.
static work_u8 *work_mask(const work_u8 *i, const work_u8 *end, work_u8 *out, work_i64 *milliseconds) {
  const work_u8 *text = i, *from = i, *to;
  work_u8 before = 0;
  work_i64 took = -1;
  while ((i = work_next(i, end, before)) < end) {
    if (*i == '@') {
      const work_u8 *begin = work_local(from, i);
      if (begin < i && (to = work_domain(i + 1, end))) {
        out = work_put(work_put(out, from, begin - from), "[email]", 7);
        from = i = to, before = 0;
        continue;
      }
      before = WORK_AT;
    } else {
      if ((to = work_ipv4(i, end))) {
        out = work_put(work_put(out, from, i - from), "[ip]", 4);
        from = i = to, before = 0;
        continue;
      }
      if (took < 0 && i - text >= 5 && i[-5] == 't' && i[-4] == 'o' && i[-3] == 'o' && i[-2] == 'k' && i[-1] == ' ') took = work_milliseconds(i, end);
      before = WORK_WORD;
    }
    i++;
  }
  *milliseconds = took;
  return work_put(out, from, end - from);
}

static inline int work_keeps(const work_u8 *level, int n) {
  return !(n == 5 && level[0] == 'D' && level[1] == 'E' && level[2] == 'B' && level[3] == 'U' && level[4] == 'G');
}
