package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// asked is a source made of a function.
type asked func(ctx context.Context, key []string) ([]json.RawMessage, bool, error)

func (a asked) Get(ctx context.Context, key []string) ([]json.RawMessage, bool, error) {
	return a(ctx, key)
}

func keys(names ...string) [][]string {
	var out [][]string
	for _, n := range names {
		out = append(out, []string{n})
	}
	return out
}

func echo(_ context.Context, key []string) ([]json.RawMessage, bool, error) {
	text, err := json.Marshal(key[0])
	return []json.RawMessage{text}, true, err
}

func atOnce(context.Context, time.Duration) error { return nil }

type clock struct{ at time.Time }

func (c *clock) Now() time.Time { return c.at }

// TestOrder: ordered answers come in the order of the records; unordered ones
// in any, and each record has the answer of its own key.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 40).Draw(t, "keys")
		unordered := rapid.Bool().Draw(t, "unordered")
		l := New(Config{Take: []string{"v"}, Unordered: unordered, Capacity: rapid.IntRange(1, 4).Draw(t, "capacity")}, asked(echo))
		for round := range 2 { // the second is answered from memory
			got, err := l.Batch(context.Background(), keys(names...))
			if err != nil || len(got) != len(names) {
				t.Fatalf("%d of %d: %v", len(got), len(names), err)
			}
			rows := make([]int, len(got))
			for i, a := range got {
				rows[i] = a.Row
				if string(a.Values[0]) != `"`+names[a.Row]+`"` {
					t.Fatalf("row %d has %s", a.Row, a.Values[0])
				}
			}
			if (!unordered || round == 1) && !slices.IsSorted(rows) {
				t.Fatalf("the order is %v", rows)
			}
			slices.Sort(rows)
			for i, r := range rows {
				if i != r {
					t.Fatalf("the rows are %v", rows)
				}
			}
		}
	})
}

// TestUnorderedGoesByAnswers holds the first question back until the third is
// asked, which takes the place of the second once that has its turn.
func TestUnorderedGoesByAnswers(t *testing.T) {
	third := make(chan struct{})
	s := asked(func(ctx context.Context, key []string) ([]json.RawMessage, bool, error) {
		switch key[0] {
		case "third":
			close(third)
		case "first":
			<-third
		}
		return echo(ctx, key)
	})
	l := New(Config{Take: []string{"v"}, Unordered: true, Capacity: 2}, s)
	got, err := l.Batch(t.Context(), keys("first", "second", "third"))
	if err != nil || len(got) != 3 || got[0].Row != 1 {
		t.Errorf("%v %+v", err, got)
	}
}

func TestCapacityIsHeld(t *testing.T) {
	const capacity = 3
	var now, most atomic.Int64
	gate := make(chan struct{}, capacity)
	s := asked(func(ctx context.Context, key []string) ([]json.RawMessage, bool, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n > capacity {
			t.Errorf("%d at once", n)
		}
		gate <- struct{}{}
		<-gate
		return echo(ctx, key)
	})
	l := New(Config{Take: []string{"v"}, Capacity: capacity}, s)
	var run sync.WaitGroup
	for b := range 3 { // several batches share it
		run.Go(func() {
			var all [][]string
			for i := range 50 {
				all = append(all, []string{fmt.Sprint(b, i)})
			}
			if _, err := l.Batch(t.Context(), all); err != nil {
				t.Error(err)
			}
		})
	}
	run.Wait()
	if s := l.Stats(); s.Most > capacity || s.Asked != 150 || s.InFlight != 0 || s.Records != 150 {
		t.Errorf("%+v", s)
	}
}

func TestEachKeyIsAskedOnce(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	l := New(Config{Take: []string{"v"}, TTL: time.Minute, Clock: c, Cache: 2}, asked(echo))
	batch := func(names ...string) {
		t.Helper()
		if _, err := l.Batch(t.Context(), keys(names...)); err != nil {
			t.Fatal(err)
		}
	}
	batch("a", "a", "b", "a")
	batch("b")
	if s := l.Stats(); s.Asked != 2 || s.Cached != 1 {
		t.Errorf("%+v", s)
	}
	batch("c") // takes the place of a
	batch("a")
	if s := l.Stats(); s.Asked != 4 {
		t.Errorf("%+v", s)
	}
	c.at = c.at.Add(2 * time.Minute)
	batch("a")
	if s := l.Stats(); s.Asked != 5 {
		t.Errorf("too old an answer was taken: %+v", s)
	}
}

func TestPolicies(t *testing.T) {
	unknown := asked(func(context.Context, []string) ([]json.RawMessage, bool, error) { return nil, false, nil })
	failing := asked(func(context.Context, []string) ([]json.RawMessage, bool, error) {
		return nil, false, errors.New("no route")
	})
	for _, c := range []struct {
		name   string
		config Config
		source Source
		want   string
	}{
		{"kept", Config{}, unknown, "[]"},
		{"kept with a fallback", Config{Fallback: map[string]json.RawMessage{"v": json.RawMessage(`"none"`)}}, unknown, `["none"]`},
		{"dropped", Config{Missing: Drop}, unknown, "dropped"},
		{"set aside", Config{Missing: Quarantine}, unknown, `the lookup x does not know "k"`},
		{"failed", Config{}, failing, "the lookup x failed: no route"},
		{"failed and kept", Config{Failure: Keep}, failing, "[]"},
		{"failed and dropped", Config{Failure: Drop}, failing, "dropped"},
		{"stopped", Config{Failure: Stop}, failing, "look up x: no route"},
	} {
		c.config.Name, c.config.Take, c.config.Wait = "x", []string{"v"}, atOnce
		got, err := New(c.config, c.source).Batch(t.Context(), keys("k"))
		text := fmt.Sprint(err)
		if err == nil {
			text = fmt.Sprintf("%s", got[0].Values)
			if got[0].Drop {
				text = "dropped"
			}
			if got[0].Rejected != "" {
				text = got[0].Rejected
			}
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

func TestRetriesAndTheFuse(t *testing.T) {
	c := &clock{time.Unix(0, 0)}
	var asks int
	fail := errors.New("busy")
	l := New(Config{Name: "x", Take: []string{"v"}, Capacity: 1, Retries: 2, Clock: c, Wait: atOnce, Cache: -1}, asked(func(ctx context.Context, key []string) ([]json.RawMessage, bool, error) {
		if asks++; asks <= 2 && fail != nil {
			return nil, false, fail
		}
		return echo(ctx, key)
	}))
	if got, err := l.Batch(t.Context(), keys("k")); err != nil || got[0].Rejected != "" || asks != 3 {
		t.Errorf("%v %+v after %d", err, got, asks)
	}
	asks = -1000 // it fails from now on
	for range fuseFailures {
		if _, err := l.Batch(t.Context(), keys("k")); err != nil {
			t.Fatal(err)
		}
	}
	before := asks
	got, err := l.Batch(t.Context(), keys("k"))
	if err != nil || asks != before || !strings.Contains(got[0].Rejected, "not asked for a while") {
		t.Errorf("%v %+v, %d more", err, got, asks-before)
	}
	c.at = c.at.Add(fuseTime + time.Second)
	fail = nil
	if got, err := l.Batch(t.Context(), keys("k")); err != nil || got[0].Rejected != "" {
		t.Errorf("%v %+v", err, got)
	}
}

func TestATryIsTimed(t *testing.T) {
	l := New(Config{Name: "x", Take: []string{"v"}, Timeout: time.Millisecond, Retries: -1}, asked(func(ctx context.Context, _ []string) ([]json.RawMessage, bool, error) {
		<-ctx.Done()
		return nil, false, ctx.Err()
	}))
	got, err := l.Batch(t.Context(), keys("k"))
	if err != nil || !strings.Contains(got[0].Rejected, "no answer within 1ms") {
		t.Errorf("%v %+v", err, got)
	}
}

func endpoint(t *testing.T, e Endpoint) *Endpoint {
	t.Helper()
	out, err := NewEndpoint(e, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Close)
	return out
}

func TestEndpoint(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() {
		case "/hosts/web%2F1":
			fmt.Fprint(w, "{\"owner\": {\"team\":\n \"shop\"}, \"tier\": null, \"q\": \""+r.URL.Query().Get("q")+r.Header.Get("X-Key")+"\"}")
		case "/hosts/away":
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		case "/hosts/list":
			fmt.Fprint(w, "[1]")
		case "/hosts/large":
			fmt.Fprint(w, `{"a":"`+strings.Repeat("x", 2<<20)+`"}`)
		case "/hosts/broken":
			w.WriteHeader(503)
		default:
			w.WriteHeader(404)
		}
	}))
	defer s.Close()
	e := endpoint(t, Endpoint{URL: s.URL + "/hosts/{host}?q={host}", Keys: []string{"host"}, Take: []string{"owner.team", "tier", "q", "none.at.all"}, Private: true, Header: map[string]string{"X-Key": "!"}})
	v, found, err := e.Get(t.Context(), []string{"web/1"})
	if err != nil || !found || fmt.Sprintf("%s", v) != `["shop"  "web/1!" ]` {
		t.Errorf("%s %v %v", v, found, err)
	}
	for key, want := range map[string]string{"away": "it answered 302", "list": "no JSON object", "large": "more than 1 MB", "broken": "it answered 503"} {
		_, _, err := e.Get(t.Context(), []string{key})
		var permanent Permanent
		if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, &permanent) == (key == "broken") {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"nobody", "..", ".", ""} {
		if _, found, err := e.Get(t.Context(), []string{key}); found || err != nil {
			t.Errorf("%q: %v %v", key, found, err)
		}
	}
	// Without being told so it reaches no machine of its own network.
	shy := endpoint(t, Endpoint{URL: s.URL + "/hosts/{host}", Keys: []string{"host"}})
	if _, _, err := shy.Get(t.Context(), []string{"web"}); err == nil || !strings.Contains(err.Error(), "set network: private") {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"93.184.216.34:443": "public", "[2606:2800:220:1::1]:443": "public",
		"127.0.0.1:80": "private", "10.1.2.3:80": "private", "[::1]:80": "private", "[fd12::1]:80": "private", "100.64.1.1:80": "private",
		"[::ffff:127.0.0.1]:80": "private", "[64:ff9b::7f00:1]:80": "private", "192.168.0.1:1": "private",
		"169.254.169.254:80": "never", "[fe80::1%eth0]:80": "never", "0.0.0.0:80": "never", "224.0.0.1:80": "never", "[::]:80": "never",
		"[::ffff:169.254.169.254]:80": "never", "[fd00:ec2::254]:80": "never", "nonsense": "never",
	} {
		got := "public"
		if mayDial(address, false) != nil {
			got = "private"
		}
		if mayDial(address, true) != nil {
			got = "never"
		}
		if got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}

func TestURLs(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example/{id}": "", "http://a.example/x?id={id}": "",
		"ftp://a/{id}": "does not begin with", "/x/{id}": "does not begin with", "https://{id}.example/": "which host", "https://a:b@c/{id}": "which host",
		"https://a.example/{other}": "none of the key", "https://a.example/": "no {NAME}",
	} {
		err := CheckURL(text, []string{"id"})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTable(t *testing.T) {
	table := NewTable()
	for i, key := range [][]string{{"a", "b"}, {"ab", ""}, {"a", "b"}} {
		if err := table.Add(key, []json.RawMessage{json.RawMessage(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	v, found, err := table.Get(t.Context(), []string{"a", "b"})
	if err != nil || !found || string(v[0]) != "0" || table.Len() != 2 {
		t.Errorf("%s %v %v", v, found, err)
	}
	if _, found, _ := table.Get(t.Context(), []string{"", "ab"}); found {
		t.Error("another key was found")
	}
}
