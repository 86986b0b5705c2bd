package result

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// appendJSON writes a value that Value made, on one line and with < > & as
// they are.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int8:
		return strconv.AppendInt(b, int64(v), 10)
	case int16:
		return strconv.AppendInt(b, int64(v), 10)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint8:
		return strconv.AppendUint(b, uint64(v), 10)
	case uint16:
		return strconv.AppendUint(b, uint64(v), 10)
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float32:
		return appendReal(b, float64(v), 32)
	case float64:
		return appendReal(b, v, 64)
	case string:
		return appendString(b, v)
	case json.RawMessage:
		return appendRaw(b, v)
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.Name), ':')
			b = appendJSON(b, m.Value)
		}
		return append(b, '}')
	}
	other, err := json.Marshal(v)
	if err != nil {
		return appendString(b, fmt.Sprint(v))
	}
	return append(b, other...)
}

// appendReal writes a finite number in the shortest form that reads back as
// the same one.
func appendReal(b []byte, v float64, bits int) []byte {
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, bits)
}

// appendString writes a JSON string. What could steer a terminal is escaped,
// so that the text can be shown there; bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i, r := range s {
		if r != '"' && r != '\\' && r != utf8.RuneError && !unsafe(r) {
			continue
		}
		b = append(b, s[start:i]...)
		size := utf8.RuneLen(r)
		switch r {
		case '"', '\\':
			b = append(b, '\\', byte(r))
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		case utf8.RuneError:
			_, size = utf8.DecodeRuneInString(s[i:])
			b = append(b, "\ufffd"...)
		default:
			b = appendEscape(b, r)
		}
		start = i + size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendEscape writes a character as \uXXXX, or two of them.
func appendEscape(b []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendEscape(appendEscape(b, high), low)
	}
	return fmt.Appendf(b, "\\u%04x", r)
}

// appendRaw writes JSON text as it is, on one line. In valid JSON a control
// character can only be a space between the tokens, and any other character
// that is no sign of JSON stands in a string.
func appendRaw(b []byte, raw []byte) []byte {
	if !strings.ContainsFunc(string(raw), unsafe) {
		return append(b, raw...)
	}
	for _, r := range string(raw) {
		switch {
		case r < ' ':
			b = append(b, ' ')
		case unsafe(r):
			b = appendEscape(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// Text writes a value for people: in a table, in CSV, in Markdown. Null is
// the empty text; nested values are JSON on one line.
func Text(v any, typeName string) string {
	return string(appendText(nil, Value(v, typeName)))
}

// appendText writes a value that Value made.
func appendText(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return b
	case string:
		return append(b, v...)
	}
	return appendJSON(b, v)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Visible replaces what could steer a terminal or reorder a line (control
// characters, bidirectional overrides) by something that shows it.
func Visible(s string) string {
	if !strings.ContainsFunc(s, unsafe) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString("⏎")
		case r == '\t':
			b.WriteString("⇥")
		case r < 0x20:
			b.WriteRune('␀' + r)
		case r == 0x7f:
			b.WriteRune('␡')
		case r == utf8.RuneError && s[i] != 0xef: // a byte that is no UTF-8
			fmt.Fprintf(&b, "\\x%02x", s[i])
		case unsafe(r):
			fmt.Fprintf(&b, "\\u{%x}", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unsafe(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // direction
		return true
	case r == 0x2028, r == 0x2029, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb: // line ends, marks
		return true
	case r >= 0xe0000 && r <= 0xe007f: // tags: text that nobody sees
		return true
	}
	return false
}
