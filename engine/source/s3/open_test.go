package s3

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

func TestConflict(t *testing.T) {
	server, dir := bucket(t)
	s := source(t, server.Endpoint, "s3://logs")
	put(t, s, map[string]string{"tagged": "one"})
	drop(t, dir, map[string]string{"plain": "one"})
	for _, o := range list(t, s) {
		if text, err := read(t, s, o); err != nil || text != "one" {
			t.Errorf("%s: %q, %v", o.Key, text, err)
		}
	}
	stale := list(t, s)
	put(t, s, map[string]string{"tagged": "two"})
	at := filepath.Join(dir, "plain")
	if err := errors.Join(os.WriteFile(at, []byte("two"), 0o600), os.Chtimes(at, time.Time{}, time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	for _, o := range stale {
		if _, err := read(t, s, o); engine.KindOf(err) != engine.Conflict {
			t.Errorf("%s: %v", o.Key, err)
		}
	}
	os.Remove(at)
	if _, err := read(t, s, stale[0]); engine.KindOf(err) != engine.NotFound {
		t.Errorf("removed: %v", err)
	}
}

func TestBytesAsStored(t *testing.T) {
	server, _ := bucket(t)
	s := source(t, server.Endpoint, "s3://logs")
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	io.WriteString(w, letters(5000))
	w.Close()
	_, err := s.client.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: &s.bucket, Key: aws.String("a.json"), Body: bytes.NewReader(packed.Bytes()), ContentEncoding: aws.String("gzip"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := read(t, s, list(t, s)[0]); err != nil || text != packed.String() {
		t.Errorf("%d bytes, want %d, %v", len(text), packed.Len(), err)
	}
}

func TestResume(t *testing.T) {
	server, dir := bucket(t)
	text := letters(3 << 20)
	size := int64(len(text))
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"tagged": text})
	drop(t, dir, map[string]string{"plain": text})
	slow := fault{status: 503, code: "SlowDown"}
	for _, c := range []struct {
		name   string
		script []fault
		ranges string
	}{
		{"whole", nil, ""},
		{"cut once", []fault{{cut: 1000}}, " bytes=1000-"},
		{"cut at once", []fault{{cut: 1}, {cut: 1}}, " bytes=1- bytes=2-"},
		{"cut before the end", []fault{{cut: size - 1}}, fmt.Sprintf(" bytes=%d-", size-1)},
		{"failing at first", []fault{{status: 500, code: "InternalError"}, slow, {status: 502}}, "   "},
		{"failing in between", []fault{{cut: 1000}, slow, slow, {cut: 1 << 20}}, " bytes=1000- bytes=1000- bytes=1000- bytes=1049576-"},
		{"stalled", []fault{{stall: 4096}}, " bytes=4096-"},
		{"cut often but getting on", slices.Repeat([]fault{{cut: 300 << 10}}, 8), " bytes=307200- bytes=614400- bytes=921600- bytes=1228800- bytes=1536000- bytes=1843200- bytes=2150400- bytes=2457600-"},
	} {
		for _, key := range []string{"plain", "tagged"} {
			p := through(t, server)
			s := source(t, p.URL, "s3://logs/"+key, func(c *Config) { c.Stall = 200 * time.Millisecond; c.Retry.Attempts = 5 })
			o := list(t, s)[0]
			p.then(c.script...)
			got, err := read(t, s, o)
			if err != nil || got != text {
				t.Errorf("%s, %s: %d bytes, %v", c.name, key, len(got), err)
			}
			if ranges := strings.Join(p.ranges, " "); ranges != c.ranges {
				t.Errorf("%s, %s: ranges %q, want %q", c.name, key, ranges, c.ranges)
			}
			for _, match := range p.matches {
				if want := `"` + o.ETag + `"`; key == "tagged" && match != want || key == "plain" && match != "" {
					t.Errorf("%s, %s: If-Match %s", c.name, key, match)
				}
			}
			if fetched := s.Stats().BytesFetched; fetched != size {
				t.Errorf("%s, %s: fetched %d of %d bytes", c.name, key, fetched, size)
			}
		}
	}
}

func TestResumeGivesUp(t *testing.T) {
	server, _ := bucket(t)
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"a": letters(9000)})
	for _, c := range []struct {
		name, message string
		script        []fault
	}{
		{"cut", "the download broke 4 times, the last at byte 4000 of 9000", slices.Repeat([]fault{{cut: 1000}}, 4)},
		{"stalled", "the last at byte 4000 of 9000: nothing came for too long", slices.Repeat([]fault{{stall: 1000}}, 4)},
		{"overloaded", "the server is overloaded (SlowDown)", append([]fault{{cut: 1000}}, slices.Repeat([]fault{{status: 503, code: "SlowDown"}}, 4)...)},
	} {
		p := through(t, server)
		s := source(t, p.URL, "s3://logs/a", func(c *Config) { c.Stall = 100 * time.Millisecond })
		o := list(t, s)[0]
		p.then(c.script...)
		_, err := read(t, s, o)
		if engine.KindOf(err) != engine.Unavailable || !strings.Contains(fmt.Sprint(err), c.message) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestChangedWhileBroken(t *testing.T) {
	server, _ := bucket(t)
	direct := source(t, server.Endpoint, "s3://logs")
	put(t, direct, map[string]string{"a": letters(9000)})
	p := through(t, server)
	s := source(t, p.URL, "s3://logs/a")
	o := list(t, s)[0]
	p.then(fault{cut: 1000})
	r, err := s.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	put(t, direct, map[string]string{"a": strings.ToUpper(letters(9000))})
	text, err := io.ReadAll(r)
	if engine.KindOf(err) != engine.Conflict || string(text) != letters(9000)[:1000] {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// A server that knows neither If-Match nor Range is seen through.
func TestSimpleServer(t *testing.T) {
	server, _ := bucket(t)
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"a": letters(9000)})
	p := through(t, server)
	inner := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("list-type") {
			inner.ServeHTTP(w, r)
			return
		}
		p.next(r)
		w.Header().Set("ETag", `"other"`)
		w.Header().Set("Content-Length", "9000")
		if len(p.ranges) == 1 {
			w.Write([]byte(letters(9000)[:2000])) // less than announced: cut
			return
		}
		io.WriteString(w, letters(9000))
	})
	s := source(t, p.URL, "s3://logs/a")
	o := list(t, s)[0]
	if _, err := read(t, s, o); engine.KindOf(err) != engine.Conflict {
		t.Errorf("another ETag: %v", err)
	}
	p.then()
	o.ETag = "other"
	if text, err := read(t, s, o); err != nil || text != letters(9000) {
		t.Errorf("a Range without effect: %d bytes, %v", len(text), err)
	}
	if len(p.ranges) != 2 {
		t.Errorf("%d requests", len(p.ranges))
	}
}

func TestDamaged(t *testing.T) {
	server, dir := bucket(t)
	s := source(t, server.Endpoint, "s3://logs")
	put(t, s, map[string]string{"a": letters(9000)})
	o := list(t, s)[0]
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte(strings.ToUpper(letters(9000))), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := read(t, s, o)
	if engine.KindOf(err) != engine.Unavailable || !strings.Contains(fmt.Sprint(err), "checksum") {
		t.Errorf("bytes that rotted on the server: %v", err)
	}
}

func TestCancel(t *testing.T) {
	server, _ := bucket(t)
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"a": letters(9000)})
	for name, script := range map[string][]fault{
		"a download that stands still":  {{stall: 1000}},
		"a pause before the next try":   {{cut: 1000}},
		"a server that does not answer": {{cut: 1000}, {before: time.Second}},
	} {
		p := through(t, server)
		s := source(t, p.URL, "s3://logs/a", func(c *Config) { c.Retry.Base, c.Retry.Max = time.Hour, time.Hour })
		if strings.Contains(name, "answer") {
			s.config.Retry = quick.withDefaults()
		}
		o := list(t, s)[0]
		p.then(script...)
		ctx, cancel := context.WithCancel(t.Context())
		r, err := s.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(50*time.Millisecond, cancel)
		text, err := io.ReadAll(r)
		if engine.KindOf(err) != engine.Canceled || len(text) != 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		r.Close()
		if err := s.List(ctx, func(engine.Object) bool { return true }); engine.KindOf(err) != engine.Canceled {
			t.Errorf("a listing: %v", err)
		}
	}
}

func TestClosed(t *testing.T) {
	server, _ := bucket(t)
	s := source(t, server.Endpoint, "s3://logs")
	put(t, s, map[string]string{"a": letters(9000)})
	r, err := s.Open(t.Context(), list(t, s)[0])
	if err != nil {
		t.Fatal(err)
	}
	before := s.Stats().Requests
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if n, err := r.Read(make([]byte, 10)); n != 0 || err == nil || s.Stats().Requests != before {
		t.Errorf("a closed reader read %d bytes, %v", n, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	server, dir := bucket(t)
	objects := map[string]string{}
	for i := range 64 {
		objects[fmt.Sprintf("%02d", i)] = letters(200000 + i)[i:]
	}
	drop(t, dir, objects)
	s := source(t, server.Endpoint, "s3://logs")
	work := make(chan engine.Object)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for o := range work {
				if text, err := read(t, s, o); err != nil || text != objects[o.Key] {
					t.Errorf("%s: %d bytes, %v", o.Key, len(text), err)
				}
			}
		})
	}
	for _, o := range list(t, s) {
		work <- o
	}
	close(work)
	all.Wait()
	if got := s.Stats(); got.Requests != 65 || got.BytesFetched != 64*200000 {
		t.Errorf("%+v", got)
	}
}

// Pauses stay within their bounds and never turn negative.
func TestPause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Retry{
			Base:   time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "base")),
			Max:    time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "max")),
			Jitter: func() float64 { return rapid.Float64Range(0, 1).Draw(t, "jitter") },
		}.withDefaults()
		n := rapid.IntRange(0, 1000).Draw(t, "n")
		if p := r.pause(n); p < 0 || p > r.Max || n == 0 && p > r.Base {
			t.Fatalf("a pause of %v", p)
		}
	})
}
