package s3

import (
	"io"
	"slices"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

func readRange(t testing.TB, s *Source, o engine.Object, offset, n int64) (string, error) {
	t.Helper()
	r, err := s.OpenRange(t.Context(), o, offset, n)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

// A part of an object comes whole and nothing else does, whatever breaks.
func TestRange(t *testing.T) {
	server, dir := bucket(t)
	text := letters(1 << 20)
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"tagged": text})
	drop(t, dir, map[string]string{"plain": text})
	slow := fault{status: 503, code: "SlowDown"}
	for _, key := range []string{"plain", "tagged"} {
		for _, c := range []struct {
			name      string
			offset, n int64
			script    []fault
			ranges    string
		}{
			{"the start", 0, 4, nil, "bytes=0-3"},
			{"the middle", 1000, 5000, nil, "bytes=1000-5999"},
			{"the end", 1<<20 - 8, 8, nil, "bytes=1048568-"},
			{"all of it", 0, 1 << 20, nil, ""},
			{"cut", 1000, 5000, []fault{{cut: 10}, slow, {cut: 4000}}, "bytes=1000-5999 bytes=1010-5999 bytes=1010-5999 bytes=5010-5999"},
			{"a broken gateway", 7, 7, []fault{{status: 500, code: "InternalError"}, {status: 502}}, "bytes=7-13 bytes=7-13 bytes=7-13"},
		} {
			p := through(t, server)
			s := source(t, p.URL, "s3://logs/"+key)
			o := list(t, s)[0]
			p.then(c.script...)
			got, err := readRange(t, s, o, c.offset, c.n)
			if want := text[c.offset : c.offset+c.n]; err != nil || got != want {
				t.Errorf("%s, %s: %d bytes, want %d, %v", c.name, key, len(got), len(want), err)
			}
			if ranges := strings.Join(p.ranges, " "); ranges != c.ranges {
				t.Errorf("%s, %s: ranges %q, want %q", c.name, key, ranges, c.ranges)
			}
			if fetched := s.Stats().BytesFetched; fetched != c.n {
				t.Errorf("%s, %s: fetched %d of %d bytes", c.name, key, fetched, c.n)
			}
			for _, match := range p.matches {
				if key == "tagged" && match != `"`+o.ETag+`"` {
					t.Errorf("%s: If-Match %s", c.name, match)
				}
			}
		}
	}
}

// What changes between two parts is a conflict and never a mixture.
func TestRangeOfChangedObject(t *testing.T) {
	server, _ := bucket(t)
	p := through(t, server)
	s := source(t, p.URL, "s3://logs")
	put(t, s, map[string]string{"a": letters(9000)})
	o := list(t, s)[0]
	if _, err := readRange(t, s, o, 0, 100); err != nil {
		t.Fatal(err)
	}
	put(t, s, map[string]string{"a": strings.ToUpper(letters(9000))})
	if _, err := readRange(t, s, o, 100, 100); engine.KindOf(err) != engine.Conflict {
		t.Errorf("changed: %v", err)
	}
	o = list(t, s)[0]
	p.then(fault{cut: 10}) // it changes while it is read
	r, err := s.OpenRange(t.Context(), o, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	put(t, s, map[string]string{"a": letters(9000)})
	if _, err := io.ReadAll(r); engine.KindOf(err) != engine.Conflict {
		t.Errorf("changed in between: %v", err)
	}
}

// A listing that lies about an object's size is found out before its bytes are
// taken for others.
func TestRangeOfLyingListing(t *testing.T) {
	server, dir := bucket(t)
	s := source(t, server.Endpoint, "s3://logs")
	put(t, s, map[string]string{"tagged": letters(9000)})
	drop(t, dir, map[string]string{"plain": letters(9000)})
	for _, o := range list(t, s) {
		o.Size += 100
		if _, err := readRange(t, s, o, 0, 100); engine.KindOf(err) != engine.Conflict {
			t.Errorf("%s is shorter than listed: %v", o.Key, err)
		}
		if _, err := readRange(t, s, o, 9050, 50); engine.KindOf(err) != engine.Conflict {
			t.Errorf("%s ends before the part: %v", o.Key, err)
		}
	}
	o := list(t, s)[0]
	for _, wrong := range [][2]int64{{-1, 5}, {0, 0}, {8999, 2}, {1 << 62, 1 << 62}} {
		if _, err := readRange(t, s, o, wrong[0], wrong[1]); engine.KindOf(err) != engine.Invalid {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

// A server that knows no ranges sends everything; only the part is read.
func TestRangeFromServerWithoutRanges(t *testing.T) {
	server, _ := bucket(t)
	text := letters(9000)
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"a": text})
	real := list(t, source(t, server.Endpoint, "s3://logs"))[0]
	whole := fault{status: 200, body: text, header: map[string][]string{"ETag": {`"` + real.ETag + `"`}, "Content-Length": {"9000"}}}
	p := through(t, server)
	s := source(t, p.URL, "s3://logs")
	for _, offset := range []int64{0, 5000} {
		p.then(whole)
		if got, err := readRange(t, s, real, offset, 100); err != nil || got != text[offset:offset+100] {
			t.Errorf("from %d: %d bytes, %v", offset, len(got), err)
		}
	}
}

func TestRangeFailures(t *testing.T) {
	server, _ := bucket(t)
	put(t, source(t, server.Endpoint, "s3://logs"), map[string]string{"a": letters(9000)})
	p := through(t, server)
	s := source(t, p.URL, "s3://logs")
	o := list(t, s)[0]
	for _, c := range []struct {
		name   string
		script []fault
		kind   engine.Kind
		says   string
	}{
		{"throttled for ever", slices.Repeat([]fault{{status: 503, code: "SlowDown"}}, 9), engine.Unavailable, ""},
		{"expired credentials", []fault{{status: 400, code: "ExpiredToken"}}, engine.Unavailable, "expired"},
		{"gone", []fault{{status: 404, code: "NoSuchKey"}}, engine.NotFound, "gone"},
		{"truncated for ever", slices.Repeat([]fault{{cut: 1}}, 9), engine.Unavailable, "broke"},
	} {
		p.then(c.script...)
		_, err := readRange(t, s, o, 0, 100)
		if engine.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
