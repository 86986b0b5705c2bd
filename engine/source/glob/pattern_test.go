package glob

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTakes(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"", []string{"a", "a/b.json", "_x/y"}, []string{"a/", ".git/x", "x/_SUCCESS"}},
		{"app", []string{"app", "app/x"}, []string{"app-old/x", "apple", "app/.x", "app/_temporary/0/x"}},
		{"app/", []string{"app/x"}, []string{"app/", "app-old/x"}},
		{"app/dt=2026-0?/*.gz", []string{"app/dt=2026-01/x.gz"}, []string{"app/dt=2026-01/x/y", "app/dt=2026-11/x.gz"}},
		{"app/dt=2026-*", []string{"app/dt=2026-01/h=3/x.gz"}, []string{"app/dt=2025-12/x.gz", "app/dt=2026-01/x.gz.crc"}},
		{"**/*.json", []string{"a.json", "a/b/c.json"}, []string{"a/b.jsonl", "a/.b.json", ".a/b.json"}},
		{"{a,b/c}/*.json", []string{"a/x.json", "b/c/x.json"}, []string{"b/x.json"}},
		{".hidden/*", []string{".hidden/x"}, []string{".hidden/.x"}},
		{"one.json*", []string{"one.json", "one.json.bak", "one.json.d/x"}, []string{"one.json.d/.x", "one.json.crc"}},
		{"a/*.crc", []string{"a/x.crc"}, nil},
		{"_SUCCESS", []string{"_SUCCESS"}, nil},
		{"b/**", []string{"b/x", "b/c/x"}, []string{"b"}},
		{`a\[1\].json`, []string{"a[1].json"}, []string{"a1.json"}},
		{"logs", nil, []string{"logs/CloudTrail-Digest/x.gz", "logs/aws-logs-write-test", "logs/d_$folder$", "logs/_committed_1"}},
		{"über/日*", []string{"über/日本.json"}, []string{"uber/日本.json"}},
	} {
		p, err := Parse(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range c.yes {
			if !p.Takes(key) {
				t.Errorf("%q does not take %q", c.pattern, key)
			}
		}
		for _, key := range c.no {
			if p.Takes(key) {
				t.Errorf("%q takes %q", c.pattern, key)
			}
		}
	}
}

func TestParts(t *testing.T) {
	for _, c := range []struct {
		pattern, prefix, dir string
		literal              bool
	}{
		{"", "", "", true},
		{"app", "app", "", true},
		{"a/app/", "a/app/", "a/app/", true},
		{"a/app/x*", "a/app/x", "a/app/", false},
		{`a/\[b\]/x`, "a/[b]/x", "a/[b]/", true},
		{"**/x", "", "", false},
	} {
		p, err := Parse(c.pattern)
		if err != nil || p.Prefix() != c.prefix || p.Dir() != c.dir || p.Literal() != c.literal {
			t.Errorf("%q: prefix %q dir %q literal %v, %v", c.pattern, p.Prefix(), p.Dir(), p.Literal(), err)
		}
	}
	for _, bad := range []string{"a[b", "{a", `a\`, "\xff", strings.Repeat("{a,a}", 10)} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

var (
	name    = rapid.StringOfN(rapid.SampledFrom([]rune("ab._-é[*?{},\\")), 1, 4, -1)
	segment = rapid.OneOf(name, rapid.SampledFrom([]string{"*", "**", "a*", "?", "[ab]", "{a,b}", "{a/b,c}"}))
)

// Whatever a pattern takes begins with its prefix, and all folders above it
// are entered.
func TestPrefixAndEntersNeverLose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "pattern"), "/")
		key := strings.Join(rapid.SliceOfN(rapid.StringMatching(`[ab]{1,2}`), 1, 5).Draw(t, "key"), "/")
		p, err := Parse(text)
		if err != nil || !p.Takes(key) {
			return
		}
		if !strings.HasPrefix(key, p.Prefix()) {
			t.Fatalf("%q takes %q without its prefix %q", text, key, p.Prefix())
		}
		for i, c := range key {
			if c == '/' && !p.Enters(key[:i]) {
				t.Fatalf("%q takes %q but does not enter %q", text, key, key[:i])
			}
		}
	})
}

// A quoted name is a plain name again.
func TestQuote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := name.Draw(t, "name")
		p, err := Parse(Quote(want))
		if err != nil || !p.Literal() || p.Prefix() != want || !p.Takes(want) {
			t.Fatalf("%q: %v, %+v", want, err, p)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a/**/*.gz", "{a,b}[!c]", `\*`, "a//b/"} {
		f.Add(seed, "a/b.gz")
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		if p, err := Parse(text); err == nil && p.Takes(key) && !strings.HasPrefix(key, strings.TrimRight(p.Prefix(), "/")) {
			t.Fatalf("%q takes %q", text, key)
		}
	})
}
