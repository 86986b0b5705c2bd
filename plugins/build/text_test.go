package build_test

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins/build"
)

// looks are the sources that say what the SDK of a language sees in a text.
var looks = map[build.Language]string{
	build.C: "look.c", build.Rust: "look.rs", build.AssemblyScript: "look.ts",
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|32 >= 'a' && c|32 <= 'z' || c == '_' || c == '-'
}

// seen is what looking at a text from a byte on must see: byte for byte.
func seen(text string, from int) string {
	mask := func(in func(byte) bool) (m uint64) {
		for i := from; i < min(len(text), from+64); i++ {
			if in(text[i]) {
				m |= 1 << (i - from)
			}
		}
		return m
	}
	var out strings.Builder
	for _, in := range []func(byte) bool{
		isWord,
		func(c byte) bool { return c == 0 || c == '@' || c >= 0xc3 && c <= 0xdf },
		func(c byte) bool { return !isWord(c) },
	} {
		end, start, m := from, from, mask(in)
		for end < len(text) && in(text[end]) {
			end++
		}
		for start > 0 && in(text[start-1]) {
			start--
		}
		fmt.Fprintf(&out, "%x %x %x ", m, end, start)
		if m != 0 {
			fmt.Fprintf(&out, "%x ", bits.TrailingZeros64(m))
		}
	}
	fmt.Fprintf(&out, "%x %x ", mask(func(c byte) bool { return c == 'a' }), mask(func(c byte) bool { return c >= '0' && c <= '9' }))
	return out.String()
}

// someText has runs of each kind, and any bytes at all.
func someText() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.StringMatching(`[0-9a-z_-]{0,40}`),
		rapid.StringMatching(`[ @.,/]{0,40}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 100), func(b []byte) string { return string(b) }),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
	})
}

// TestText looks at random texts from each byte on in the real host, and
// compares with walking over them byte by byte. What lies behind a text in the
// frame is the next one.
func TestText(t *testing.T) {
	for language, file := range looks {
		t.Run(string(language), func(t *testing.T) {
			source, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			p := beginWith(t, language, "function", string(source))
			rapid.Check(t, func(rt *rapid.T) {
				at := engine.Column{Name: "at", Type: engine.BigInt}
				var values []string
				for _, text := range rapid.SliceOfN(someText(), 1, 4).Draw(rt, "texts") {
					for from := range len(text) + 1 {
						values, at.Ints = append(values, text), append(at.Ints, int64(from))
					}
				}
				v, err := p.Call(t.Context(), "look", []engine.Column{texts("text", values...), at}, len(values))
				if err != nil || len(v.Errors) > 0 {
					rt.Fatal(err, v.Errors)
				}
				for i, text := range values {
					if got, want := string(v.Column.Text(i)), seen(text, int(at.Ints[i])); got != want {
						rt.Fatalf("%q from %d:\n%s, not\n%s", text, at.Ints[i], got, want)
					}
				}
			})
			t.Run("copies", func(t *testing.T) {
				var values []string
				for n := range 600 {
					values = append(values, strings.Repeat("0123456789abcdefghi", n/19+1)[:n])
				}
				v, err := p.Call(t.Context(), "same", []engine.Column{texts("text", values...)}, len(values))
				if err != nil || len(v.Errors) > 0 {
					t.Fatal(err, v.Errors)
				}
				for i, text := range values {
					if got := string(v.Column.Text(i)); got != text {
						t.Fatalf("%q became %q", text, got)
					}
				}
			})
		})
	}
}
