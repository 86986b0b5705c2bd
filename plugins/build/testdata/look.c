// Says what the SDK sees in a text from a byte on; text_test.go knows what it should.
#include "tidemark.h"

#define WORD(c) (((c) >= '0' && (c) <= '9') || (((c) | 32) >= 'a' && ((c) | 32) <= 'z') || (c) == '_' || (c) == '-')
#define ODD(c) ((c) == 0 || (c) == '@' || ((c) >= 0xc3 && (c) <= 0xdf))
#define OTHER(c) (!WORD(c))
static const tm_set sets[] = {TM_SET(WORD), TM_SET(ODD), TM_SET(OTHER)};

static char *hex(char *to, tm_u64 n) {
  tm_u32 digits = 1;
  while (digits < 16 && n >> (4 * digits)) digits++;
  while (digits--) *to++ = "0123456789abcdef"[n >> (4 * digits) & 15];
  *to++ = ' ';
  return to;
}

static void look(tm_row *in, tm_out *out) {
  tm_text t = tm_get_text(in, 0);
  tm_u32 from = (tm_u32)tm_get_i64(in, 1);
  tm_block b = tm_block_at(t, from);
  char *begin = tm_room(out, 0, 256), *to = begin;
  for (int i = 0; i < 3; i++) {
    tm_u64 mask = tm_in(&b, &sets[i]);
    to = hex(hex(hex(to, mask), tm_run_end(t, from, &sets[i])), tm_run_start(t, from, &sets[i]));
    if (mask) to = hex(to, tm_first(mask));
  }
  to = hex(hex(to, tm_is(&b, 'a')), tm_between(&b, '0', '9'));
  tm_used(out, 0, (tm_u32)(to - begin));
}

static void same(tm_row *in, tm_out *out) {
  tm_text t = tm_get_text(in, 0);
  tm_put_text(out, 0, t.at, t.size);
}

TM_PLUGIN("look", "1.0.0", "", TM_FUNCTION("look", look, "text:utf8,at:i64", "seen:utf8"), TM_FUNCTION("same", same, "text:utf8", "text:utf8"))
