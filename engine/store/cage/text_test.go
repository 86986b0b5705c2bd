package cage

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzRead(f *testing.F) {
	for _, query := range append(escapes(), "SELECT 'a''b', \"c\"\"d\", $$e$$, $1, $x, E'\\'' -- f\n", "é\u00a0日", "/**/", "a/**/b") {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s, err := read(query)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		// Every byte stands where it stood, or is a space.
		if len(s.run) > len(query) || s.at > len(s.run) || !utf8.ValidString(s.run) {
			t.Fatalf("%q becomes %q from %d", query, s.run, s.at)
		}
		for i := range len(s.run) {
			if s.run[i] != query[i] && s.run[i] != ' ' {
				t.Fatalf("byte %d of %q was %q", i, s.run, query)
			}
		}
		if strings.TrimSpace(s.body()) == "" {
			t.Fatalf("%q has no body", query)
		}
	})
}

// TestTokens pins where texts and comments end.
func TestTokens(t *testing.T) {
	for query, want := range map[string]string{
		"a b":           "a|b",
		"a--b\nc":       "a|c",
		"a--b\rc":       "a|c",
		"a/*b/*c*/d*/e": "a|e",
		"'a''b'c":       "'a''b'|c",
		`"a""b"c`:       `"a""b"|c`,
		`E'a\'b'c`:      `E|'a\'b'|c`,
		`'a\'b`:         `'a\'|b`,
		"$$a;b$$c":      "$$a;b$$|c",
		"$x$a$$b$x$c":   "$x$a$$b$x$|c",
		"$1,$name":      "$1|,|$name",
		"a\u00a0b":      "a|b",
		"é日;x":          "é日|;|x",
		"/*a":           "/|*|a",
		"a::b":          "a|:|:|b",
	} {
		var got []string
		for _, w := range tokens(query) {
			got = append(got, w.of(query))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q is cut into %q", query, got)
		}
	}
}
