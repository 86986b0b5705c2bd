package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// routed are options that send records to PREFIX followed by their type.
func (b *bench) routed(prefix string, most int, known ...string) pipeline.Options {
	opt := b.options()
	opt.Dataset = prefix + "base"
	own := b.options()
	opt.Route = &pipeline.Route{
		Path: engine.Path{"type"}, Most: most, Known: known,
		Dataset: func(v string) string {
			if v == "none" {
				return ""
			}
			if v == "7" {
				v = "seven"
			}
			return prefix + strings.ToLower(v)
		},
		Options: func(_ context.Context, name string) (pipeline.Options, error) {
			o := own
			o.Dataset = name
			return o, nil
		},
	}
	return opt
}

func TestRoute(t *testing.T) {
	b := newBench(t)
	text := `{"type":"Order","ts":"2026-01-01T00:00:00Z","n":1}
{"type":"click","at":"x"}
{"n":"no type"}
{"type":"order","ts":"2026-01-01T00:00:01Z","n":2} {"type":"click","at":"y"}
{"type":7,"n":[1]}
{"type":{"a":1},"n":true}
{"type":"none","n":null}
{"type":"order","n":"broken
`
	counts := b.pull(b.routed("", 10), b.object("a", text))
	if counts.Records != 8 || counts.Quarantined != 1 || counts.Read != 9 {
		t.Errorf("%+v", counts)
	}
	want := map[string]pipeline.Share{"order": {Records: 2}, "click": {Records: 2}, "seven": {Records: 1}, "base": {Records: 3, Quarantined: 1}}
	if diff := cmp.Diff(want, counts.Routed); diff != "" {
		t.Error(diff)
	}
	b.want(`SELECT body.n::VARCHAR, event_time IS NOT NULL FROM "order" ORDER BY 1`, "1 | true", "2 | true")
	b.want(`SELECT column_name FROM (DESCRIBE (SELECT body.* FROM click)) ORDER BY 1`, "at", "type")
	b.want(`SELECT count(*)::VARCHAR FROM all_events`, "8")
	b.want(`SELECT dataset, records::VARCHAR, stored::VARCHAR, quarantined::VARCHAR FROM tidemark.objects`, "base | 8 | 8 | 1")
	b.want(`SELECT dataset, position FROM tidemark.quarantine`, "base | "+b.dir+"/in/a#8")

	again := b.object("a", text)
	again.Replace = true
	other := b.options()
	other.Source, other.Dataset = "other", "click"
	b.pull(other, b.object("b", `{"type":"click","at":"z"}`))
	b.pull(b.routed("", 10, "order", "click", "seven"), again)
	b.want(`SELECT count(*)::VARCHAR, count(DISTINCT _position)::VARCHAR FROM all_events`, "9 | 8")
	b.want(`SELECT count(*)::VARCHAR FROM click WHERE _source = 'other'`, "1")
}

// TestRouteLimit: what is over the limit of datasets stays with the source's.
func TestRouteLimit(t *testing.T) {
	b := newBench(t)
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, `{"type":"t%d","n":%d}`+"\n", i%5, i)
	}
	counts := b.pull(b.routed("", 3, "t4"), b.object("a", text.String()))
	if counts.Over != 20 || counts.Routed["base"].Records != 20 || counts.Routed["t4"].Records != 10 || len(counts.Routed) != 4 {
		t.Errorf("%+v", counts)
	}
}

// TestRouteFailsWhole: where one of the datasets cannot take its rows, none
// of them changes.
func TestRouteFailsWhole(t *testing.T) {
	b := newBench(t)
	opt := b.routed("", 10)
	make := opt.Route.Options
	opt.Route.Options = func(ctx context.Context, name string) (pipeline.Options, error) {
		o, err := make(ctx, name)
		if name == "bad" {
			o.Dedup = engine.Path{"body", "nothing", "there"}
			o.Dataset = "all_events" // a name that is taken
		}
		return o, err
	}
	task := b.object("a", `{"type":"good","n":1}`+"\n"+`{"type":"bad","n":2}`+"\n"+`{"n":3}`)
	if _, err := pipeline.Pull(context.Background(), opt, []pipeline.Task{task}); err == nil {
		t.Fatal("no error")
	}
	b.want(`SELECT count(*)::VARCHAR FROM tidemark.schemas`, "0")
	b.want(`SELECT count(*)::VARCHAR FROM tidemark.objects`, "0")
	b.want(`SELECT count(*)::VARCHAR FROM tidemark.routes`, "0")
}

// TestRoutedSplitsAgree: however the records fall into objects and pulls, the
// tables are the same, and those that one pull per dataset would make.
func TestRoutedSplitsAgree(t *testing.T) {
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		kinds := []string{"a", "b", "C", ""}
		lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			n := rapid.IntRange(-9, 9).Draw(t, "n")
			return fmt.Sprintf(`{"type":%q,"n%s":%d,"l":[%q]}`, kind, strings.ToLower(kind), n, kind)
		}), 1, 9).Draw(t, "lines")
		var made []string
		load := func(pulls int) []string {
			prefix := fmt.Sprintf("r%d_", datasets.Add(1))
			known := map[string]bool{}
			for at := 0; at < len(lines); pulls-- {
				n := len(lines) - at
				if pulls > 1 {
					n = rapid.IntRange(1, n).Draw(t, "part")
				}
				opt := b.routed(prefix, 10)
				opt.Source = prefix
				counts := b.pull(opt, b.object(fmt.Sprintf("%s-%d", prefix, at), strings.Join(lines[at:at+n], "\n")))
				var sum int64
				for name, s := range counts.Routed {
					sum += s.Records
					known[name] = known[name] || s.Records > 0
				}
				if sum != int64(n) {
					t.Fatalf("%d of %d: %+v", sum, n, counts)
				}
				at += n
			}
			var rows []string
			for _, kind := range []string{"a", "b", "c", "base"} {
				if !known[prefix+kind] {
					continue
				}
				made = append(made, prefix+kind)
				for _, row := range b.rows(fmt.Sprintf(inOrder, prefix+kind)) {
					rows = append(rows, kind+" "+sortedRow(row))
				}
			}
			return rows
		}
		if diff := cmp.Diff(load(1), load(3)); diff != "" {
			t.Fatalf("%s\n%s", strings.Join(lines, "\n"), diff)
		}
		for i := range made { // routed ones before their ledger's
			if err := b.Drop(context.Background(), made[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
}
