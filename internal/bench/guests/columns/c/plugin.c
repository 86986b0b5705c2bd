// The work of the benchmark as a plugin in C.
#include "../../work/work.h"
#include "tidemark.h"

static void work(tm_row *in, tm_out *out) {
  tm_text message = tm_get_text(in, 0), level = tm_get_text(in, 1);
  if (!work_keeps((const work_u8 *)level.at, level.size)) return;
  tm_emit(out);
  const work_u8 *from = (const work_u8 *)message.at;
  work_u8 *room = (work_u8 *)tm_room(out, 0, 2 * message.size + 16);
  work_i64 took;
  tm_used(out, 0, work_mask(from, from + message.size, room, &took) - room);
  if (took >= 0) tm_put_i64(out, 1, took);
}

TM_PLUGIN("work", "1.0.0", "", TM_TRANSFORM("work", work, "message:utf8,level:utf8", "message:utf8,took_ms:i64"))
