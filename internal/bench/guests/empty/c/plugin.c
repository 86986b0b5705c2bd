// A plugin that takes a text and does nothing: what is left is the border.
#include "tidemark.h"

static void pass(tm_row *in, tm_out *out) { tm_emit(out); }

TM_PLUGIN("empty", "1.0.0", "", TM_TRANSFORM("empty", pass, "message:utf8", ""))
