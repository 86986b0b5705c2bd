package store_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// version of a record in a test: n is the key, s the state.
type change struct {
	key, minute, row int
	object           string
	state            string
}

func (c change) line() string {
	return fmt.Sprintf(`%s,"body":{"n":%d,"s":%q}`, at(time.Duration(c.minute)*time.Minute), c.key, c.state)
}

// newest is the answer, by the words of the documentation.
func newest(changes []change) []string {
	best := map[int]change{}
	for _, c := range changes {
		b, has := best[c.key]
		if !has || c.minute > b.minute || c.minute == b.minute && (c.object > b.object || c.object == b.object && c.row > b.row) {
			best[c.key] = c
		}
	}
	out := []string{}
	for _, c := range best {
		if c.state != "deleted" {
			out = append(out, fmt.Sprintf("%d | %s", c.key, c.state))
		}
	}
	slices.Sort(out)
	return out
}

// Whatever the order of records and however they fall into batches, the table
// is the newest version of each key; deleted keys stay deleted.
func TestVersionsInAnyOrder(t *testing.T) {
	d := newDesk(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		n := rapid.IntRange(1, 25).Draw(t, "n")
		var changes []change
		for i := range n {
			changes = append(changes, change{
				key: rapid.IntRange(1, 4).Draw(t, "key"), minute: rapid.IntRange(0, 3).Draw(t, "minute"), row: i + 1,
				object: rapid.SampledFrom([]string{"a", "b", "c#1"}).Draw(t, "object"),
				state:  rapid.SampledFrom([]string{"new", "paid", "sent", "deleted"}).Draw(t, "state") + fmt.Sprint(i),
			})
			if strings.HasPrefix(changes[i].state, "deleted") {
				changes[i].state = "deleted"
			}
		}
		name := fmt.Sprintf("orders_%d", run)
		left, first := rapid.Permutation(changes).Draw(t, "order"), true
		var done engine.Committed
		for len(left) > 0 {
			size := rapid.IntRange(1, len(left)).Draw(t, "batch")
			var lines []string
			for _, c := range left[:size] {
				lines = append(lines, c.line())
			}
			b := d.batch(lines...)
			b.Dataset, b.Key, b.Deleted = name, []engine.Path{{"body", "n"}}, engine.Path{"body", "s"}
			b.Origins = nil
			rewriteOrigins(d, &b, left[:size])
			if first {
				v := version(1, body)
				v.Dataset = name
				b.Schema, first = v, false
			}
			one := d.commit(b)
			done.Stored += one.Stored
			done.Duplicates += one.Duplicates
			left = left[size:]
		}
		if got, want := d.rows("SELECT body.n, body.s FROM "+name+" ORDER BY ALL"), newest(changes); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v of %v", got, want, changes)
		}
		if done.Stored+done.Duplicates != int64(n) {
			t.Fatalf("%+v of %d", done, n)
		}
		if err := d.Drop(d.t.Context(), name); err != nil {
			t.Fatal(err)
		}
	})
}

// rewriteOrigins gives each line of a batch the object and row of its change.
func rewriteOrigins(d *desk, b *engine.Batch, changes []change) {
	lines := strings.Split(readFile(d, b.Lines), "\n")
	for i, c := range changes {
		b.Origins = append(b.Origins, engine.Origin{Source: "src", URL: c.object, Arrival: base})
		lines[i] = strings.Replace(lines[i], fmt.Sprintf(`{"_o":0,"_r":%d,`, i+1), fmt.Sprintf(`{"_o":%d,"_r":%d,`, i, c.row), 1)
	}
	writeFile(d, b.Lines, strings.Join(lines, "\n"))
}

func TestRowsWithoutAKeyAreKept(t *testing.T) {
	d := newDesk(t)
	b := d.batch(`"body":{"n":1,"s":"x"}`, `"body":{"s":"y"}`, `"body":{"s":"z"}`, at(0)+`,"body":{"n":1,"s":"later"}`)
	b.Schema, b.Key = version(1, body), []engine.Path{{"body", "n"}}
	if done := d.commit(b); done.Stored != 3 || done.Duplicates != 1 {
		t.Errorf("%+v", done)
	}
	d.want("SELECT body.s FROM logs ORDER BY ALL", "later", "y", "z")
}

func readFile(d *desk, path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func writeFile(d *desk, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// Of one time, the later place in a shard is the newer version: a sequence
// number is longer than any integer, and one of its records may be many.
func TestVersionsOfAStream(t *testing.T) {
	const sequence = "4966816064270486513524815014285390251838974896000000"
	places := []string{
		"9", "10", sequence + "0002", sequence + "0010", sequence + "0011.2", sequence + "0011.10", sequence + "0011.11/2", sequence + "0011.11/10", sequence + "0012/0",
		"1" + sequence + "0001", "2" + strings.Repeat("7", 128),
	}
	d := newDesk(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		name := fmt.Sprintf("stream_%d", run)
		order := rapid.Permutation(places).Draw(t, "order")
		gone := rapid.SampledFrom(places).Draw(t, "gone")
		newest, first := "", true
		for len(order) > 0 {
			size := rapid.IntRange(1, len(order)).Draw(t, "batch")
			var lines []string
			for _, place := range order[:size] {
				state := place
				if place == gone {
					state = "deleted"
				}
				lines = append(lines, fmt.Sprintf(`"_a":0,"_p":%q,%s,"body":{"n":1,"s":%q}`, "stream/shard#"+place, at(0), state))
				if slices.Index(places, place) > slices.Index(places, newest) {
					newest = place
				}
			}
			b := d.batch(lines...)
			b.Dataset, b.Key, b.Deleted, b.Live = name, []engine.Path{{"body", "n"}}, engine.Path{"body", "s"}, &engine.LiveState{}
			if first {
				b.Schema, first = version(1, body), false
				b.Schema.Dataset = name
			}
			d.commit(b)
			want := []string{newest}
			if newest == gone {
				want = []string{}
			}
			if got := d.rows("SELECT body.s FROM " + name); !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			order = order[size:]
		}
		if err := d.Drop(d.t.Context(), name); err != nil {
			t.Fatal(err)
		}
	})
}
