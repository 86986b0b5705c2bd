package plugins_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

func load(t testing.TB, s plugins.Settings) *plugins.Plugin {
	t.Helper()
	wasm, ok := bundled.Lookup("mask_pii")
	if !ok {
		t.Fatal("mask_pii is not built: run plugins/build.sh")
	}
	h, err := plugins.NewHost(context.Background(), plugins.Options{MaxInstances: 2})
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Load(context.Background(), "mask_pii", wasm, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()); h.Close(context.Background()) })
	return p
}

func texts(name string, values ...string) engine.Column {
	c := engine.Column{Name: name, Type: engine.Varchar, Offsets: []uint32{0}}
	for _, v := range values {
		c.Bytes = append(c.Bytes, v...)
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	}
	return c
}

func mask(t interface{ Fatal(...any) }, p *plugins.Plugin, values ...string) []string {
	r, err := p.Transform(context.Background(), []engine.Column{texts("message", values...)}, len(values))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rejected) > 0 || len(r.Src) != len(values) {
		t.Fatal(r.Rejected, len(r.Src))
	}
	var out []string
	for i := range values {
		out = append(out, string(r.Columns[0].Text(i)))
	}
	return out
}

func TestMaskPII(t *testing.T) {
	p := load(t, plugins.Settings{})
	for in, want := range map[string]string{
		"":                                        "",
		"nothing here":                            "nothing here",
		"mail to ann.lee+x@example.co.uk now":     "mail to [email] now",
		"a@b.co":                                  "[email]",
		"write to bob@example.com.":               "write to [email].",
		"<bob@example.com>, x@y.org":              "<[email]>, [email]",
		"user@host":                               "user@host",
		"@example.com and a@b.c":                  "@example.com and a@b.c",
		"from 10.0.3.7:8080 to 192.168.1.254":     "from [ip]:8080 to [ip]",
		"version 1.2.3.4.5 and 256.1.1.1":         "version 1.2.3.4.5 and 256.1.1.1",
		"at 12:34:56 and 3.14":                    "at 12:34:56 and 3.14",
		"fe80::1ff:fe23:4567:890a up":             "[ip] up",
		"2001:0db8:85a3:0000:0000:8a2e:0370:7334": "[ip]",
		"::1":                             "[ip]",
		"::ffff:10.1.2.3 ok":              "[ip] ok",
		"std::vector a::b":                "std::vector a::b",
		"card 4111 1111 1111 1111 ok":     "card [card] ok",
		"card 4111-1111-1111-1111.":       "card [card].",
		"paid 4111111111111111 200 ms":    "paid [card] 200 ms",
		"paid 12 4111111111111111":        "paid 12 [card]",
		"amex 378282246310005":            "amex [card]",
		"id 4111111111111112":             "id 4111111111111112",
		"order 1234567890123":             "order 1234567890123",
		"Müller müller@example.com grüßt": "Müller [email] grüßt",
		"x4111111111111111":               "x4111111111111111",
		"地址10.0.0.1登录":                    "地址[ip]登录",
		"用户：ann@example.com，登录成功":         "用户：[email]，登录成功",
		"卡4111111111111111。":              "卡[card]。",
		"иван@пример.рф":                  "[email]",
		"ann@xn--mller-kva.xn--p1ai":      "[email]",
		"ann@example.com.5":               "[email].5",
		"10.0.0.1@example.com":            "[email]",
		"ssh root@10.0.0.1":               "ssh root@[ip]",
		"a@b.co_x@y.org":                  "[email][email]",
		"[2001:db8::1]:443":               "[[ip]]:443",
		"at 1767000000007 ms":             "at 1767000000007 ms", // passes the Luhn check
		"a:b:c:d:e:f:a:b":                 "[ip]",
	} {
		if got := mask(t, p, in)[0]; got != want {
			t.Errorf("%q\n got  %q\n want %q", in, got, want)
		}
	}
}

var (
	anyEmail = regexp.MustCompile(`(?:^|[^A-Za-z0-9._%+-])[A-Za-z0-9]+@[A-Za-z0-9]+\.[A-Za-z]{2,}(?:[^A-Za-z0-9.-]|$)`)
	anyIPv4  = regexp.MustCompile(`(?:^| )(?:[1-9]?[0-9]\.){3}[1-9]?[0-9](?: |$)`)
)

func TestNothingPersonalRemains(t *testing.T) {
	p := load(t, plugins.Settings{})
	piece := rapid.SampledFrom([]string{"a", "b1", "@", ".", "ann@example.com", "10.0.0.1", " ", ":", "::", "4111111111111111", "-", "ü", "7", "fe80", "\n", ","})
	rapid.Check(t, func(t *rapid.T) {
		var in []string
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			in = append(in, strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(t, "pieces"), ""))
		}
		for i, out := range mask(t, p, in...) {
			if m := anyEmail.FindString(out); m != "" {
				t.Fatalf("%q became %q, which holds %q", in[i], out, m)
			}
			if m := anyIPv4.FindString(out); m != "" {
				t.Fatalf("%q became %q, which holds %q", in[i], out, m)
			}
		}
	})
}

// TestMaskIsTheSameInGo compares the plugin with a mask written apart from it.
func TestMaskIsTheSameInGo(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"a", "bob", "@", "example.com", ".", "..", "ann@example.com", "co", "10.0.0.1", "256", "1.2.3", "0", "12", "999", " ", ":", "::",
		"fe80", "dead", "::1", "2001:db8::", "a:b:c:d:", "4111111111111111", "4111 1111", "1111-1111", "378282246310005", "1767000000007",
		"-", "_", "%", "ü", "é", "рф", "登", "，", "\u00b7", "\n", ",", "\x00", "g",
	})
	for _, settings := range []maskSettings{
		{email: true, ip: true, card: true},
		{email: true, ip: true, card: true, keepDomain: true},
		{email: true},
		{ip: true},
		{card: true},
		{},
	} {
		p := load(t, plugins.Settings{Config: map[string]any{
			"email": settings.email, "ip": settings.ip, "card": settings.card, "keep_domain": settings.keepDomain,
		}})
		rapid.Check(t, func(t *rapid.T) {
			var in []string
			for range rapid.IntRange(1, 20).Draw(t, "rows") {
				in = append(in, strings.Join(rapid.SliceOfN(piece, 0, 16).Draw(t, "pieces"), ""))
			}
			for i, got := range mask(t, p, in...) {
				if want := string(nativeMaskWith(nil, []byte(in[i]), settings)); got != want {
					t.Fatalf("%+v %q\n plugin %q\n Go     %q", settings, in[i], got, want)
				}
			}
		})
	}
}

func TestMaskSettings(t *testing.T) {
	p := load(t, plugins.Settings{Config: map[string]any{"keep_domain": true, "ip": false}})
	if got := mask(t, p, "ann@example.com at 10.0.0.1")[0]; got != "[email]@example.com at 10.0.0.1" {
		t.Error(got)
	}
	wasm, _ := bundled.Lookup("mask_pii")
	host := must(plugins.NewHost(t.Context(), plugins.Options{}))
	defer host.Close(context.Background())
	for _, c := range []struct {
		config map[string]any
		want   string
	}{
		{map[string]any{"kepp_domain": true}, "config: there is no setting kepp_domain; did you mean keep_domain?"},
		{map[string]any{"card": "no"}, "config.card: must be boolean"},
		{map[string]any{"card": map[string]any{"a": 1}}, "config.card: must be boolean"},
		{map[string]any{"a\"b": true}, "there is no setting a"},
	} {
		_, err := host.Load(t.Context(), "mask_pii", wasm, plugins.Settings{Config: c.config})
		if engine.KindOf(err) != engine.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %s", c.config, err, c.want)
		}
	}
}

// However a text is made up, a byte of it costs about the same.
func TestMaskIsLinear(t *testing.T) {
	p := load(t, plugins.Settings{Deadline: 30 * time.Second})
	for _, piece := range []string{"a@", "a.", "1.", ":", "1:", ".1", "4111 ", "2 ", "a@b.", "::1.", "a-b.c@", "1.1.1.1:", "ü.", "ü@ü."} {
		started := time.Now()
		text := strings.Repeat(piece, 2_000_000/len(piece))
		if mask(t, p, text); time.Since(started) > patience {
			t.Errorf("%q took %v", piece, time.Since(started)) // a second at most; a square of it would take hours
		}
	}
}

func TestNullsAndManyRows(t *testing.T) {
	p := load(t, plugins.Settings{})
	c := texts("message", make([]string, 5000)...)
	c.Null = make([]bool, 5000)
	for i := range c.Null {
		c.Null[i] = i%3 == 0
	}
	r, err := p.Transform(context.Background(), []engine.Column{c}, 5000)
	if err != nil || len(r.Src) != 5000 {
		t.Fatal(err, len(r.Src))
	}
	for i := range 5000 {
		if r.Columns[0].IsNull(i) != (i%3 == 0) {
			t.Fatalf("row %d", i)
		}
	}
}

func TestBoundToFields(t *testing.T) {
	p := load(t, plugins.Settings{Fields: []string{"message", "body.email"}})
	r, err := p.Transform(context.Background(), []engine.Column{texts("message", "from 10.0.0.1", "b"), texts("body.email", "x@y.org", "none")}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(r.Columns[0].Text(0)) + string(r.Columns[1].Text(0)) + string(r.Columns[1].Text(1)); got != "from [ip][email]none" {
		t.Fatal(got)
	}
	if f := p.Inputs(); len(f) != 2 || f[1].Field != "body.email" {
		t.Fatal(f)
	}
}

var shopLine = "POST /checkout 200 in 83 ms for ann.lee@example.com from 10.12.0.7, card 4111 1111 1111 1111, cart 93712, region eu-west-1"

// BenchmarkMaskPII compares the plugin with the same pass in Go, over columns
// both times, and with regular expressions that find less.
func BenchmarkMaskPII(b *testing.B) {
	const rows = 8192
	p := load(b, plugins.Settings{})
	c := texts("message", slices.Repeat([]string{shopLine}, rows)...)
	email := regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)
	ip := regexp.MustCompile(`\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b`)
	b.Run("plugin", func(b *testing.B) {
		for b.Loop() {
			if _, err := p.Transform(context.Background(), []engine.Column{c}, rows); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/record")
	})
	b.Run("go", func(b *testing.B) {
		for b.Loop() {
			out := engine.Column{Offsets: []uint32{0}}
			for i := range rows {
				out.Bytes = nativeMask(out.Bytes, c.Text(i))
				out.Offsets = append(out.Offsets, uint32(len(out.Bytes)))
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/record")
	})
	b.Run("regexp", func(b *testing.B) {
		for b.Loop() {
			for i := range rows {
				ip.ReplaceAll(email.ReplaceAll(c.Text(i), []byte("[email]")), []byte("[ip]"))
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/record")
	})
}
