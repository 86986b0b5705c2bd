package s3

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

func TestListPages(t *testing.T) {
	server, dir := bucket(t)
	want := []string{}
	objects := map[string]string{}
	for i := range 1203 {
		key := fmt.Sprintf("app/%02d/%04d.json", i%7, i)
		want, objects[key] = append(want, key), "x"
	}
	slices.Sort(want)
	drop(t, dir, objects)
	for pageSize, requests := range map[int32]int64{0: 2, 100: 13} {
		s := source(t, server.Endpoint, "s3://logs/app/", func(c *Config) { c.PageSize = pageSize })
		if got := keys(list(t, s)); got != strings.Join(want, " ") {
			t.Errorf("pages of %d: got %d characters of keys", pageSize, len(got))
		}
		if got := s.Stats().Requests; got != requests {
			t.Errorf("pages of %d: %d requests, want %d", pageSize, got, requests)
		}
	}
	s := source(t, server.Endpoint, "s3://logs/app/", func(c *Config) { c.PageSize = 10 })
	if first, err := s.Test(t.Context(), 3); err != nil || keys(first) != strings.Join(want[:3], " ") || s.Stats().Requests != 1 {
		t.Errorf("the first: %s, %d requests, %v", keys(first), s.Stats().Requests, err)
	}
}

func TestListTakes(t *testing.T) {
	server, dir := bucket(t)
	all := source(t, server.Endpoint, "s3://logs")
	put(t, all, map[string]string{
		"app/": "", "app/a.json": "1", "app/dt=2026-01-01/b.json.gz": "22", "app/dt=2026-01-02/c.json.gz": "333",
		"app-old/d.json": "", "app/_SUCCESS": "", "app/_temporary/0/e.json": "", "app/.a.json.crc": "", "one.json": "1", "one.json.bak": "",
		"odd/a b+c%41&d=?.json": "4", "odd/日本/ü.json": "", "odd/x[1].json": "",
	})
	drop(t, dir, map[string]string{"raw/f.json": "55555"})
	for _, c := range []struct{ url, want string }{
		{"s3://logs/app/", "app/a.json app/dt=2026-01-01/b.json.gz app/dt=2026-01-02/c.json.gz"},
		{"s3://logs/app", "app/a.json app/dt=2026-01-01/b.json.gz app/dt=2026-01-02/c.json.gz"},
		{"s3://logs/one.json", "one.json"},
		{"s3://logs/one.json*", "one.json one.json.bak"},
		{"s3://logs/app/dt=*/*.gz", "app/dt=2026-01-01/b.json.gz app/dt=2026-01-02/c.json.gz"},
		{"s3://logs/app/dt=2026-01-02/", "app/dt=2026-01-02/c.json.gz"},
		{"s3://logs/**/*.json", "app-old/d.json app/a.json odd/a b+c%41&d=?.json odd/x[1].json odd/日本/ü.json one.json raw/f.json"},
		{"s3://logs/odd/日*", "odd/日本/ü.json"},
		{`s3://logs/odd/x\[1\].json`, "odd/x[1].json"},
		{"s3://logs/{app-old,raw}", "app-old/d.json raw/f.json"},
	} {
		if got := keys(list(t, source(t, server.Endpoint, c.url))); got != c.want {
			t.Errorf("%s\n got %q\nwant %q", c.url, got, c.want)
		}
	}
	for _, o := range list(t, source(t, server.Endpoint, "s3://logs/{app,odd,raw}/**")) {
		text, err := read(t, all, o)
		if err != nil || int64(len(text)) != o.Size {
			t.Errorf("%q: %q, %v", o.Key, text, err)
		}
		if o.Source != "archive" || o.URL != "s3://logs/"+o.Key || o.ETag == "" || time.Since(o.Modified) > time.Hour {
			t.Errorf("%+v", o)
		}
	}
}

// Keys that XML cannot hold come in URL encoding, from servers that know it.
func TestEncodedKeys(t *testing.T) {
	server, _ := bucket(t)
	page := `<ListBucketResult><Name>logs</Name><KeyCount>2</KeyCount><EncodingType>url</EncodingType>` +
		`<Contents><Key>a%02b+c%2B/d.json</Key><ETag>"x"</ETag></Contents><Contents><Key>%C3%BC.json</Key></Contents></ListBucketResult>`
	p := through(t, server, fault{status: 200, body: page}, fault{status: 200, body: strings.ReplaceAll(page, "%02", "%zz")})
	s := source(t, p.URL, "s3://logs")
	if got := keys(list(t, s)); got != "a\x02b c+/d.json ü.json" {
		t.Errorf("%q", got)
	}
	if err := reach(t, s); engine.KindOf(err) != engine.Unavailable {
		t.Errorf("a broken encoding: %v", err)
	}
}

func TestNothing(t *testing.T) {
	server, dir := bucket(t)
	drop(t, dir, map[string]string{"app-logs/2026/a.json": "", "app-logs/readme.md": "", "web/b.json": ""})
	for url, hint := range map[string]string{
		"s3://logs/app-logz/":              "did you mean s3://logs/app-logs?",
		"s3://logs/app-logs/2027/01/*.gz":  "did you mean s3://logs/app-logs/2026?",
		"s3://logs/app-logs/2026/*.gz":     "change the path; s3://logs/app-logs/2026 holds a.json",
		"s3://logs/quite/different/place/": "change the path; s3://logs/ holds app-logs/, web/",
		"s3://logs/*.parquet":              "change the path; s3://logs/ holds app-logs/, web/",
	} {
		_, err := source(t, server.Endpoint, url).Test(t.Context(), 1)
		var e *engine.Error
		if !errors.As(err, &e) || e.Kind != engine.NotFound || e.Hint != hint {
			t.Errorf("%s: %v, %+v", url, err, e)
		}
	}
	server, _ = bucket(t)
	_, err := source(t, server.Endpoint, "s3://logs/x/").Test(t.Context(), 1)
	var e *engine.Error
	if !errors.As(err, &e) || e.Kind != engine.NotFound || !strings.Contains(e.Hint, "the bucket is empty") {
		t.Errorf("an empty bucket: %v, %+v", err, e)
	}
}

func TestURL(t *testing.T) {
	for url, kind := range map[string]engine.Kind{
		"s3://" + strings.Repeat("x", 255): "", "s3://" + strings.Repeat("x", 256): engine.Invalid, "s3://xy": "", "s3://x": engine.Invalid,
		"s3://logs": "", "s3://logs/": "", "s3://my.logs-1/a/**": "",
		"": engine.Invalid, "logs/app": engine.Invalid, "s3://": engine.Invalid, "s3:///app": engine.Invalid, "S3://logs": engine.Invalid,
		"s3://arn:aws:s3:eu-west-1:123:accesspoint/x": engine.Invalid, "s3://logs/a[": engine.Invalid, "https://logs.s3.amazonaws.com/": engine.Invalid,
	} {
		if _, err := New(t.Context(), Config{URL: url}); engine.KindOf(err) != kind {
			t.Errorf("%q: %v", url, err)
		}
	}
	for endpoint, kind := range map[string]engine.Kind{
		"http://127.0.0.1:9000": "", "https://s3.example.com": "",
		"127.0.0.1:9000": engine.Invalid, "localhost:9000": engine.Invalid, "http://": engine.Invalid, "http://me:hunter2@host": engine.Invalid, "http://me:hunter2@ho st": engine.Invalid,
	} {
		_, err := New(t.Context(), Config{URL: "s3://logs", Endpoint: endpoint})
		if engine.KindOf(err) != kind || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("s3://logs/app/**/*.gz")
	f.Add("s3://logs")
	f.Fuzz(func(t *testing.T, text string) {
		bucket, prefix, err := parseURL(text)
		if err == nil && !strings.HasPrefix(text, "s3://"+bucket) {
			t.Errorf("%q: %q, %q", text, bucket, prefix)
		}
	})
}
