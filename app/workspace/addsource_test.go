package workspace

import (
	"testing"

	"tidemark.dev/tidemark/engine"
)

func TestWithSource(t *testing.T) {
	t.Parallel()
	files := SourceSpec{Type: "file", Path: "a b/*.json", Dataset: "x"}
	const line = `more: {type: file, path: "a b/*.json", dataset: x}`
	for name, test := range map[string]struct{ text, want string }{
		"none":      {"name: a\n", "name: a\n\nsources:\n  " + line + "\n"},
		"empty":     {"sources: {}   # none yet\nname: a\n", "sources: # none yet\n  " + line + "\nname: a\n"},
		"nothing":   {"name: a\nsources:\n", "name: a\nsources:\n  " + line + "\n"},
		"comments":  {"sources:\n    # one\n    a: {type: file, path: x, dataset: y}  # yes\n    # two\n\n# limits\nlimits: {threads: 1}\n", "sources:\n    # one\n    a: {type: file, path: x, dataset: y}  # yes\n    # two\n    " + line + "\n\n# limits\nlimits: {threads: 1}\n"},
		"block":     {"sources:\n  a:\n    type: file\n    path: x\n    dataset: y\nname: n", "sources:\n  a:\n    type: file\n    path: x\n    dataset: y\n  " + line + "\nname: n\n"},
		"variables": {"sources:\n  a: {type: s3, url: \"${BUCKET}\", dataset: y}\n", "sources:\n  a: {type: s3, url: \"${BUCKET}\", dataset: y}\n  " + line + "\n"},
		"windows":   {"sources:\r\n  a: {type: file, path: x, dataset: y}\r\nname: n\r\n", "sources:\r\n  a: {type: file, path: x, dataset: y}\r\n  " + line + "\r\nname: n\r\n"},
	} {
		got, err := WithSource([]byte(test.text), "more", files)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", name, err, got, test.want)
		}
	}
	team := SourceSpec{
		Type: "s3", URL: "s3://logs/", Dataset: "x", Profile: "team", RoleARN: "arn:aws:iam::123456789012:role/r",
		Include: []string{"team-*", "a, b"}, Exclude: []string{"*.tmp"},
	}
	const chosen = `s: {type: s3, url: "s3://logs/", profile: team, role_arn: "arn:aws:iam::123456789012:role/r", include: ["team-*", "a, b"], exclude: ["*.tmp"], dataset: x}`
	if got, err := WithSource([]byte("name: a\n"), "s", team); err != nil || string(got) != "name: a\n\nsources:\n  "+chosen+"\n" {
		t.Errorf("%v\n%s", err, got)
	}
	for name, test := range map[string]struct {
		text, name string
		spec       SourceSpec
		kind       engine.Kind
	}{
		"taken":     {"sources:\n  more: {type: file, path: x, dataset: y}\n", "more", files, engine.Conflict},
		"flow":      {"sources: {a: {type: file, path: x, dataset: y}}\n", "more", files, engine.Inexpressible},
		"a name":    {"name: a\n", "x: y", files, engine.Invalid},
		"no path":   {"name: a\n", "more", SourceSpec{Type: "file", Dataset: "x"}, engine.Invalid},
		"a kind":    {"name: a\n", "more", SourceSpec{Type: "ftp", Dataset: "x"}, engine.Invalid},
		"a dataset": {"name: a\n", "more", SourceSpec{Type: "file", Path: "x", Dataset: "a, b: c"}, engine.Invalid},
	} {
		if got, err := WithSource([]byte(test.text), test.name, test.spec); engine.KindOf(err) != test.kind {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}
