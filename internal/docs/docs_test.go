package docs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = "# A heading, with `code`\n\n" +
	"[one](two.md#three) and [web](https://example.org)\n\n" +
	"```console\n$ cat <<EOF\n> a\n>\n> b\n> EOF\na\n```\n\n" +
	"```console\n$ ls \\\n> -l\ntotal 0\n\n$ false # exit 1\n```\n\n" +
	"```sh\n# a comment\none\ntwo \\\n  three\n```\n\n" +
	"<!-- not run: it never ends -->\n```sh\nyes\n```\n\n" +
	"```text\n$ not a command\n```\n"

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := &Document{
		Commands: []Command{
			{Line: 6, Text: "cat <<EOF\na\n\nb\nEOF", Shown: []string{"a"}, Compare: true},
			{Line: 15, Text: "ls \\\n-l", Shown: []string{"total 0", ""}, Compare: true},
			{Line: 19, Text: "false # exit 1", Exit: 1, Compare: true},
			{Line: 24, Text: "one"},
			{Line: 25, Text: "two \\\n  three"},
		},
		NotRun:   []string{"line 31: it never ends"},
		Links:    []Link{{3, "two.md#three"}},
		Headings: map[string]bool{"a-heading-with-code": true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Parse([]byte("```console\ntotal 0\n```\n")); err == nil {
		t.Error("a console block without a command was taken")
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		shown, printed string
		want           bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"a", "\na  \n\n", true},
		{"a\nb", "a\nc", false},
		{"a\nb", "a\nb\nc", false},
		{"a\n...", "a\nb\nc", true},
		{"...\nc", "a\nb\nc", true},
		{"...\nb", "a\nb\nc", false},
		{"a\n...\nb\n...\nc", "a\nb\nb\nc", true},
		{"a\n...\nb", "a\nb", true},
		{"...", "", true},
		{"in … s", "in 1.7 s", true},
		{"in … s", "in 1.7 m", false},
		{"a … b … c", "a 1 b 2 c", true},
		{"a … b … c", "a 1 c", false},
		{"…b", "ab", true},
		{"a…", "a", true},
	} {
		if got := Matches(strings.Split(test.shown, "\n"), strings.Split(test.printed, "\n")); got != test.want {
			t.Errorf("%q shows %q: got %v", test.shown, test.printed, got)
		}
	}
}
