package schema

import (
	"bytes"
	"strings"

	"pgregory.net/rapid"
)

// loneSurrogate: encoding/json reads half a surrogate pair as U+FFFD.
func loneSurrogate(line []byte) bool { return bytes.Contains(bytes.ToLower(line), []byte(`\ud`)) }

func deep(v any, left int) bool {
	if left == 0 {
		return true
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if deep(e, left-1) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if deep(e, left-1) {
				return true
			}
		}
	}
	return false
}

// jsonText draws the text of a value, with the spellings that parsers differ on.
func jsonText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		top := 6
		if depth == 0 {
			top = 4
		}
		space := rapid.SampledFrom([]string{"", "", "", " ", "\n\t"})
		switch rapid.IntRange(0, top).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom([]string{"null", "true", "false", "[]", "{}", "[ ]", "{ }"}).Draw(t, "word")
		case 1, 2:
			return rapid.SampledFrom([]string{
				"0", "-0", "1", "1.0", "1.7", "-2.50", "1e3", "1E+400", "-1e400", "1e-400", "0e999", "9007199254740993", "9223372036854775808", "-9223372036854775808",
				"170141183460469231731687303715884105727", "170141183460469231731687303715884105728", "0.1000000000000000055511151231257827", "1767225600", "1767225600123456789", "1767225600.1234567",
			}).Draw(t, "number")
		case 3:
			return rapid.SampledFrom([]string{
				`"2026-01-01T00:00:00Z"`, `"2026-01-01T02:00:00+02:00"`, `"2026-01-01 00:00:00.1234567Z"`, `"2016-12-31T23:59:60Z"`, `"2026-01-01"`, `"1767225600"`, `"soon"`, `"0000-01-01"`, `"9999-12-31"`,
				`"5b8aa5a2-d2c8-72e8-321c-f37308d69df2"`, `"5B8AA5A2-d2c8-72e8-321c-f37308d69df2"`, `"12.50"`, `"-0.10"`,
			}).Draw(t, "time")
		case 4:
			return rapid.SampledFrom([]string{`""`, `"x"`, `"12"`, `"\u00e9\n\"\\\/"`, `"\ud83d\ude00"`, `"\u0000"`, `"é"`, `"a,b}"`}).Draw(t, "text")
		case 5:
			elems := rapid.SliceOfN(jsonText(depth-1), 1, 3).Draw(t, "elems")
			return "[" + space.Draw(t, "s") + strings.Join(elems, space.Draw(t, "s")+",") + "]"
		}
		return objectText(depth).Draw(t, "object")
	})
}

func objectText(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "A", "b", "o", "t", "l", "ts", "msg", "message", "service", "name", "region", "level", "a.b", "", `\u0061`, `q\"`, "_raw", "body", "é",
			"u", "d", "on", "h", "many",
		}), 0, 4).Draw(t, "names")
		var members []string
		for _, name := range names {
			members = append(members, `"`+name+`":`+jsonText(depth-1).Draw(t, name))
		}
		return "{" + strings.Join(members, ", ") + "}"
	})
}
