package build_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins/build"
)

// native is one function in each language: the value of /user/id with # for its
// numbers, "secret" when it begins so, and null when there is none.
var native = map[build.Language]string{
	build.Go: `package main

import "sample/tm"

func init() {
	tm.Plugin("sample", "1.0.0")
	tm.Natives("regex", "json")
	tm.Function("sample", "text:utf8", "out:utf8", func(r tm.Row, out *tm.Out) error {
		id, ok := tm.JSON("/user/id", r.Bytes(0))
		if !ok {
			return nil
		}
		if from, _, found := tm.Find("secret", id); found && from == 0 {
			out.Text(0, "secret")
			return nil
		}
		out.Bytes(0, tm.Replace("[0-9]+", id, "#"))
		return nil
	})
}

func main() {}
`,
	build.C: `#define TM_NATIVES "\"regex\",\"json\""
#include "tidemark.h"

static void call(tm_row *in, tm_out *out) {
  tm_text id, changed;
  tm_u32 from, to;
  if (!tm_json("/user/id", tm_get_text(in, 0), &id)) return;
  if (tm_find("secret", id, &from, &to) && from == 0) {
    tm_put_text(out, 0, id.at, to);
    return;
  }
  changed = tm_replace("[0-9]+", id, "#");
  tm_put_text(out, 0, changed.at, changed.size);
}

TM_PLUGIN("sample", "1.0.0", "", TM_FUNCTION("sample", call, "text:utf8", "out:utf8"))
`,
	build.Rust: `use tidemark_plugin::*;

fn call(r: &Row, out: &mut Out) -> Result<(), String> {
    if let Some(id) = json("/user/id", r.text(0)) {
        match find("secret", &id) {
            Some((0, to)) => out.text(0, &id[..to]),
            _ => out.text(0, &replace("[0-9]+", &id, "#")),
        }
    }
    Ok(())
}

plugin!("sample", "1.0.0", "", natives ["regex", "json"], [function("sample", "text:utf8", "out:utf8", call)]);
`,
	build.AssemblyScript: `import { find, func, json, natives, Out, plugin, replace, Row } from "./tidemark";
export { tm_abi_1, tm_manifest, tm_init, tm_alloc, tm_call } from "./tidemark";

plugin("sample", "1.0.0");
natives("regex,json");
func("sample", "text:utf8", "out:utf8", (r: Row, out: Out): void => {
  const id = json("/user/id", r.text(0));
  if (id === null) return;
  out.text(0, find("secret", id) == 0 ? "secret" : replace("[0-9]+", id, "#"));
});
`,
}

// Every SDK gives what the host does faster, and all come to the same.
func TestNatives(t *testing.T) {
	want := map[string]string{
		`{"user":{"id":"u-17/x-4"}}`: "u-#/x-#", `{"user":{"id":17}}`: "#", `{"user":{"id":"secret 7"}}`: "secret",
		`{"user":{"id":"grüße"}}`: "grüße", `{"user":{"id":""}}`: "", `{"user":{"id":{"a": [1]}}}`: `{"a": [#]}`,
		`{"user":{}}`: "null", `no JSON`: "null", `{"user":[1]}`: "null", `{"user":{"id":1},"user":{"id":"last 2"}}`: "last #",
	}
	for _, language := range build.Languages {
		t.Run(string(language), func(t *testing.T) {
			p := beginWith(t, language, "function", native[language])
			var in, expected []string
			for text, out := range want {
				in, expected = append(in, text), append(expected, out)
			}
			v, err := p.Call(t.Context(), "sample", []engine.Column{texts("text", in...)}, len(in))
			if err != nil || len(v.Errors) > 0 {
				t.Fatal(err, v.Errors)
			}
			for i := range in {
				got := "null"
				if !v.Column.IsNull(i) {
					got = string(v.Column.Text(i))
				}
				if got != expected[i] {
					t.Errorf("%s: got %q, want %q", in[i], got, expected[i])
				}
			}
		})
	}
}

// finding is a function of Go's that has its bytes looked for by the host, by two
// sets and in two inputs.
const finding = `package main

import (
	"fmt"

	"sample/tm"
)

var numbers, ends tm.Set

func init() {
	for b := range 10 {
		numbers['0'+b] = tm.First | tm.Word
	}
	ends['.'], ends['@'] = tm.Found, tm.Found
	tm.Plugin("sample", "1.0.0")
	tm.Natives("bytes")
	tm.Function("sample", "a:utf8,b:utf8", "out:utf8", func(r tm.Row, out *tm.Out) error {
		out.Text(0, fmt.Sprint(r.Find(0, &numbers), r.Find(1, &numbers), r.Find(0, &ends)))
		return nil
	})
}

func main() {}
`

// What Go finds is what stands in each row's texts, in one batch after the other
// and when there is more than the room that was made for it.
func TestGoFinds(t *testing.T) {
	p := beginWith(t, build.Go, "function", finding)
	for _, c := range []struct{ a, b, want []string }{
		{[]string{"ann7@10.0.0.1", "", "55"}, []string{"", "1 2", "a 3"}, []string{"[3 5 8 10 12] [] [4 7 9 11]", "[] [0 2] []", "[0] [2] []"}},
		{[]string{strings.Repeat(".", 2000)}, []string{"x"}, []string{"[] [] " + fmt.Sprint(upTo(2000))}},
		{[]string{"9"}, []string{""}, []string{"[0] [] []"}},
	} {
		v, err := p.Call(t.Context(), "sample", []engine.Column{texts("a", c.a...), texts("b", c.b...)}, len(c.a))
		if err != nil || len(v.Errors) > 0 {
			t.Fatal(err, v.Errors)
		}
		for i, want := range c.want {
			if got := string(v.Column.Text(i)); got != want {
				t.Errorf("%.20q and %q: got %.80s, want %.80s", c.a[i], c.b[i], got, want)
			}
		}
	}
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// source writes another source into a plugin that was begun.
func source(t *testing.T, dir, text string) {
	t.Helper()
	if text == "" {
		return
	}
	_, main, err := build.Detect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Clean(main), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
