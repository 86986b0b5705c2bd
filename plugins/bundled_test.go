package plugins_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// come loads a bundled plugin; one whose compiler was missing when it was
// built is not there.
func come(t testing.TB, name string, s plugins.Settings) *plugins.Plugin {
	t.Helper()
	wasm, ok := bundled.Lookup(name)
	if !ok {
		t.Skipf("%s was left out of this build", name)
	}
	host := must(plugins.NewHost(context.Background(), plugins.Options{}))
	p := must(host.Load(context.Background(), name, wasm, s))
	t.Cleanup(func() { p.Close(context.Background()); host.Close(context.Background()) })
	return p
}

func callOne(t interface{ Fatal(...any) }, p *plugins.Plugin, name, arg string) string {
	v, err := p.Call(context.Background(), name, []engine.Column{texts("x", arg)}, 1)
	if err != nil || len(v.Errors) > 0 {
		t.Fatal(err, v.Errors)
	}
	return string(v.Column.Text(0))
}

// TestBundledAreDescribed because their functions are offered by that alone.
func TestBundledAreDescribed(t *testing.T) {
	for _, name := range bundled.Names() {
		var about plugins.Info
		if err := json.Unmarshal(bundled.About(name), &about); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := come(t, name, plugins.Settings{}).Info(); got.SHA256 != about.SHA256 || len(got.Functions) != len(about.Functions) {
			t.Errorf("%s says %v of itself, and is %v", name, about, got)
		}
	}
}

func TestMaskTokens(t *testing.T) {
	p := come(t, "mask_pii", plugins.Settings{})
	key := strings.Repeat("aB3", 14)
	for in, want := range map[string]string{
		"key AKIAIOSFODNN7EXAMPLE.":            "key [token].",
		"key=ASIAIOSFODNN7EXAMPLE, ok":         "key=[token], ok",
		"Bearer eyJhbGciOi.eyJzdWIiOiIx.abc-_": "Bearer [token]",
		"ghp_" + key[:36] + " pushed":          "[token] pushed",
		"xoxb-123456789012-abcdefgh":           "[token]",
		"sk_live_4eC39HqLyjWDarjtT1zdp7dc":     "[token]",
		"AIza" + key[:35]:                      "[token]",
		"AKIASHORT":                            "AKIASHORT",
		"eyJ.is.short":                         "eyJ.is.short",
		"sk_something_that_is_a_long_name":     "sk_something_that_is_a_long_name",
		"risk_free":                            "risk_free",
	} {
		if got := callOne(t, p, "mask_pii", in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestParseUserAgent(t *testing.T) {
	p := come(t, "parse_user_agent", plugins.Settings{})
	for _, c := range [][2]string{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", `{"browser":"Chrome","version":"126.0.0.0","os":"Windows","os_version":"10.0","device":"computer"}`},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", `{"browser":"Safari","version":"17.5","os":"iOS","os_version":"17.5","device":"phone"}`},
		{"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.6422.53 Mobile Safari/537.36", `{"browser":"Chrome","version":"125.0.6422.53","os":"Android","os_version":"14","device":"phone"}`},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", `{"browser":"Firefox","version":"127.0","os":"Linux","os_version":null,"device":"computer"}`},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", `{"browser":"Googlebot","version":"2.1","os":null,"os_version":null,"device":"bot"}`},
		{"curl/8.5.0", `{"browser":"curl","version":"8.5.0","os":null,"os_version":null,"device":"program"}`},
		{"", `{"browser":null,"version":null,"os":null,"os_version":null,"device":"unknown"}`},
	} {
		if got := callOne(t, p, "parse_user_agent", c[0]); got != c[1] {
			t.Errorf("%s:\n got %s\nwant %s", c[0], got, c[1])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if got := callOne(t, p, "parse_user_agent", rapid.String().Draw(t, "user agent")); !json.Valid([]byte(got)) {
			t.Fatal(got)
		}
	})
}

func TestLogTemplate(t *testing.T) {
	p := come(t, "log_template", plugins.Settings{})
	for in, want := range map[string]string{
		"user 17 logged in from 10.0.0.1":       "user <*> logged in from <*>",
		"took 15ms for /a/b, id=77 retry=x":     "took <*> for <*>, id=<*> retry=<*>",
		`opened "the file" at 0xdeadbeef: done`: `opened "<*>" at <*>: done`,
		"it's Ann's turn":                       "it's Ann's turn",
		"":                                      "",
	} {
		if got := callOne(t, p, "log_template", in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestSampleByKey(t *testing.T) {
	p := come(t, "sample_by_key", plugins.Settings{Config: map[string]any{"keep": 0.25}})
	var keys, levels []string
	for i := range 4000 {
		keys, levels = append(keys, fmt.Sprint("trace-", i%1000)), append(levels, []string{"INFO", "error"}[i%1000%2*(i/3000)])
	}
	r := must(p.Transform(t.Context(), []engine.Column{texts("trace_id", keys...), texts("level", levels...)}, 4000))
	kept := map[string]int{}
	for _, src := range r.Src {
		if levels[src] == "INFO" {
			kept[keys[src]]++
		}
	}
	if len(kept) < 200 || len(kept) > 300 {
		t.Errorf("%d of 1000 keys are kept", len(kept))
	}
	for src, level := range levels {
		if level == "error" && !slices.Contains(r.Src, uint32(src)) {
			t.Fatalf("the error %d is gone", src)
		}
	}
	if _, err := must(plugins.NewHost(t.Context(), plugins.Options{})).Load(t.Context(), "sample_by_key", must2(bundled.Lookup("sample_by_key")), plugins.Settings{Config: map[string]any{"keep": 2}}); err == nil || !strings.Contains(err.Error(), "config.keep: maximum") {
		t.Error(err)
	}
}

func must2(b []byte, _ bool) []byte { return b }

// TestKeyValue compares the decoder with what encoding/json makes of the same.
func TestKeyValue(t *testing.T) {
	p := come(t, "keyvalue", plugins.Settings{Deadline: time.Minute})
	decode := func(t interface{ Fatal(...any) }, line string) (out, problem string) {
		err := p.Decode(context.Background(), strings.NewReader(line), func(d plugins.Decoded) error {
			out, problem = string(d.JSON), d.Problem
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out, problem
	}
	for in, want := range map[string]string{
		`a=1 b=x c="y z" d`:          `{"a":1,"b":"x","c":"y z","d":true}`,
		`a=007 b=1.5e3 c=-0 d=1. e=`: `{"a":"007","b":1.5e3,"c":-0,"d":"1.","e":""}`,
		`m="say \"hi\"\n" é=ü`:       `{"m":"say \"hi\"\u000a","é":"ü"}`,
	} {
		if got, why := decode(t, in); got != want {
			t.Errorf("%s: got %s %s, want %s", in, got, why, want)
		}
	}
	for in, want := range map[string]string{`a="x`: "does not end", `just words`: "no key=value", `=x a=b`: "a key is missing"} {
		if got, why := decode(t, in); !strings.Contains(why, want) {
			t.Errorf("%s: got %s %s, want %s", in, got, why, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SliceOf(rapid.SampledFrom([]string{"a", "=", `"`, `\`, " ", "é", "\xff", "\x01", "1", "-", ".", "e", "true", "\xed\xa0\x80"})).Draw(t, "line")
		got, why := decode(t, strings.Join(line, ""))
		if got != "" && (!json.Valid([]byte(got)) || why != "") {
			t.Fatal(got, why)
		}
	})
}
