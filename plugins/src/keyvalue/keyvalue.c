// keyvalue reads lines of key=value (logfmt): level=info msg="hello there" took=1.5 done
//
// A value is a number or true or false where it is written like one of JSON,
// else a text; a key alone is true. A line without any key=value is no logfmt
// and is set aside.
#include "tidemark.h"

static tm_bool space(char c) { return c == ' ' || c == '\t'; }
static tm_bool digit(char c) { return c >= '0' && c <= '9'; }

// number reports whether a text is a number of JSON.
static tm_bool number(const char *s, tm_u32 n) {
  tm_u32 i = n && s[0] == '-', from = i;
  while (i < n && digit(s[i])) i++;
  if (i == from || n > 40 || (s[from] == '0' && i > from + 1)) return 0;
  if (i < n && s[i] == '.') {
    from = ++i;
    while (i < n && digit(s[i])) i++;
    if (i == from) return 0;
  }
  if (i < n && (s[i] | 32) == 'e') {
    i++;
    if (i < n && (s[i] == '+' || s[i] == '-')) i++;
    from = i;
    while (i < n && digit(s[i])) i++;
    if (i == from) return 0;
  }
  return i == n;
}

// sequence is the length of the UTF-8 character at s, or 0 when it is none.
static tm_u32 sequence(const tm_u8 *s, tm_u32 n) {
  tm_u32 size = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
  if (size == 0 || size > n) return 0;
  for (tm_u32 i = 1; i < size; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
  return size;
}

// text writes a JSON text. escaped says that the source has escapes of its
// own, as Go writes them.
static char *text(char *to, const char *s, tm_u32 n, tm_bool escaped) {
  static const char hex[] = "0123456789abcdef";
  *to++ = '"';
  for (tm_u32 i = 0; i < n;) {
    tm_u8 c = s[i];
    if (escaped && c == '\\' && i + 1 < n) {
      c = s[i + 1];
      i += 2;
      c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      if (c >= 0x80) i--;
    } else if (c >= 0x80) {
      tm_u32 size = sequence((const tm_u8 *)s + i, n - i);
      if (size == 0) { // not UTF-8: the replacement character
        *to++ = '\xef', *to++ = '\xbf', *to++ = '\xbd';
        i++;
      }
      while (size--) *to++ = s[i++];
      continue;
    } else {
      i++;
    }
    if (c >= 0x80) continue;
    if (c == '"' || c == '\\') {
      *to++ = '\\';
      *to++ = c;
    } else if (c < 0x20 || c == 0x7f) {
      *to++ = '\\', *to++ = 'u', *to++ = '0', *to++ = '0', *to++ = hex[c >> 4], *to++ = hex[c & 15];
    } else {
      *to++ = c;
    }
  }
  *to++ = '"';
  return to;
}

static void keyvalue(tm_row *in, tm_out *out) {
  tm_text line = tm_get_text(in, 0);
  const char *s = line.at;
  tm_u32 n = line.size, i = 0;
  tm_bool pairs = 0;
  // A character becomes six at most, and a key alone gets quotes and true.
  char *json = tm_room(out, 0, 12 * n + 16), *to = json;
  *to++ = '{';
  while (1) {
    while (i < n && space(s[i])) i++;
    if (i >= n) break;
    tm_u32 key = i;
    while (i < n && !space(s[i]) && s[i] != '=' && s[i] != '"') i++;
    if (i == key) {
      tm_fail(out, "a key is missing: a line is key=value key=\"a value\"");
      return;
    }
    if (to > json + 1) *to++ = ',';
    to = text(to, s + key, i - key, 0);
    *to++ = ':';
    if (i >= n || s[i] != '=') {
      __builtin_memcpy(to, "true", 4);
      to += 4;
      continue;
    }
    pairs = 1;
    i++;
    if (i < n && s[i] == '"') {
      tm_u32 from = ++i;
      while (i < n && s[i] != '"') i += s[i] == '\\' ? 2 : 1;
      if (i >= n) {
        tm_fail(out, "a value in quotes does not end");
        return;
      }
      to = text(to, s + from, i - from, 1);
      i++;
      continue;
    }
    tm_text v = {s + i, 0};
    while (i < n && !space(s[i])) i++;
    v.size = (tm_u32)(s + i - v.at);
    if (number(v.at, v.size) || tm_equal(v, "true") || tm_equal(v, "false") || tm_equal(v, "null")) {
      __builtin_memcpy(to, v.at, v.size);
      to += v.size;
    } else {
      to = text(to, v.at, v.size, 0);
    }
  }
  if (!pairs) {
    tm_fail(out, "the line has no key=value");
    return;
  }
  *to++ = '}';
  tm_emit(out);
  tm_used(out, 0, (tm_u32)(to - json));
}

TM_PLUGIN("keyvalue", "1.0.0", "", TM_DECODER("keyvalue", keyvalue, "$record:json"))
