package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/workbench"
)

func TestRules(t *testing.T) {
	s := openSmall(t)
	states := map[string]string{}
	for _, r := range answered[[]RuleListed](s, "GET", "/rules", nil) {
		states[r.Name] = r.State
		if r.State == "invalid" && (len(r.Problems) != 1 || r.Problems[0].Line != 5 || r.Problems[0].File != "rules/broken.yaml") {
			t.Errorf("%+v", r.Problems)
		}
	}
	if states["errors"] != "ok" || states["broken"] != "invalid" || states["later"] != "unchecked" {
		t.Error(states)
	}
	c := answered[RuleChecked](s, "POST", "/rules/check", object{"file": "rules/new.yaml", "text": smallRule})
	if len(c.Problems) != 0 || c.Window != "1m" || !slices.Equal(c.Measures, []string{"n", "errors"}) || !slices.Equal(c.Watched, []string{"errors", "n"}) || c.SQL == "" {
		t.Errorf("%+v", c)
	}
	if got := fmt.Sprint(c.Types); got != "[{n 7 bigint} {errors 8 bigint}]" {
		t.Errorf("the types are %s", got)
	}
	c = answered[RuleChecked](s, "POST", "/rules/check", object{"file": "rules/new.yaml", "text": strings.Replace(smallRule, "count(level", "cuont(level", 1)})
	if got := fmt.Sprint(c.Types); got != "[{n 7 bigint}]" {
		t.Errorf("the types of what is right are %s", got)
	}
	if len(c.Problems) == 0 || c.Problems[0].Line != 8 || c.Problems[0].Hint != "did you mean count?" || c.Rule != "errors" {
		t.Errorf("%+v", c)
	}
}

func TestBacktest(t *testing.T) {
	s := openSmall(t)
	b := answered[BacktestReply](s, "POST", "/rules/backtest", object{"name": "errors"})
	if len(b.Episodes) != 1 || b.Episodes[0].Key["service"] != "shop" || b.Windows != 20 || len(b.Datapoints) != 20 {
		t.Errorf("%+v", b)
	}
	if want := []BacktestThreshold{{"errors", ">", 1.0}, {"n", ">=", 2.0}}; !reflect.DeepEqual(b.Thresholds, want) {
		t.Errorf("%+v", b.Thresholds)
	}
	if again := answered[BacktestReply](s, "POST", "/rules/backtest", object{"name": "errors"}); len(again.Datapoints) != 20 {
		t.Errorf("%+v", again)
	}
	strict := answered[BacktestReply](s, "POST", "/rules/backtest", object{"text": smallRule, "set": object{"when": "errors > 100"}, "datapoints": false})
	if !b.Scanned || strict.Scanned {
		t.Errorf("records were read for the first: %v, and for another threshold: %v", b.Scanned, strict.Scanned)
	}
	if len(strict.Episodes) != 0 || len(strict.Datapoints) != 0 {
		t.Errorf("%+v", strict)
	}
	if p := s.refused(404, "POST", "/rules/backtest", object{"name": "error"}); p.Hint != "did you mean errors?" {
		t.Errorf("%+v", p)
	}
	s.refused(404, "POST", "/rules/backtest", object{"name": "later"})
	// The records behind each window are those that it counted.
	for _, d := range b.Datapoints {
		q := answered[workbench.ComposedQuery](s, "POST", "/rules/rows", object{"name": "errors", "key": d.Key, "start": d.Start, "end": d.End})
		if rows := s.run(q); float64(len(rows)) != d.Values["n"] {
			t.Errorf("%d rows, %v counted\n%s", len(rows), d.Values["n"], q.SQL)
		}
	}
	s.refused(400, "POST", "/rules/rows", object{"name": "errors", "key": object{"nope": 1}, "start": b.Datapoints[0].Start, "end": b.Datapoints[0].End})
}

func TestAlarms(t *testing.T) {
	s := openSmall(t)
	list := answered[[]workbench.AlarmEpisode](s, "GET", "/alarms", nil)
	if len(list) != 1 || list[0].Rule != "errors" || list[0].Summary != "shop: 4 of 4" || list[0].Severity != "critical" {
		t.Errorf("%+v", list)
	}
	for query, want := range map[string]int{
		"?dataset=timeless": 0, "?to=2026-01-09T12:01:00Z": 0, "?from=2026-01-09T12:05:30Z": 1, "?from=2026-01-09T13:00:00Z": 0,
	} {
		if got := answered[[]workbench.AlarmEpisode](s, "GET", "/alarms"+query, nil); len(got) != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
}

// What backtests found is kept beside the database, of a rule and a dataset as
// they are: a rule that is changed is asked anew.
func TestAlarmsAreKept(t *testing.T) {
	s := openSmall(t)
	list := answered[[]workbench.AlarmEpisode](s, "GET", "/alarms", nil)
	kept := filepath.Join(s.bench.Workspace.StateDir(), "alarms.json")
	text, err := os.ReadFile(kept)
	if err != nil || !strings.Contains(string(text), list[0].Summary) {
		t.Fatalf("%s, %v", text, err)
	}
	if again := answered[[]workbench.AlarmEpisode](s, "GET", "/alarms", nil); !reflect.DeepEqual(again, list) {
		t.Errorf("%+v, first %+v", again, list)
	}
	answered[DroppedDataset](s, "DELETE", "/datasets/requests", nil)
	if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("alarms of a dataset that was dropped are kept: %v", err)
	}
}

// An artefact that reads the records comes with their schema.
func TestExportSchemas(t *testing.T) {
	s := openSmall(t)
	for target, want := range map[string][]string{
		"prometheus": {},
		"connect":    {"requests.glue.json", "requests.schema.json", "requests.avsc"},
		"flink":      {"requests.glue.json", "requests.schema.json", "requests.avsc"},
	} {
		e := answered[ExportReply](s, "POST", "/rules/export", object{"rule": "errors", "target": target})
		got := []string{}
		for _, f := range e.Schemas {
			if !json.Valid([]byte(f.Text)) {
				t.Errorf("%s: %s", f.File, f.Text)
			}
			got = append(got, f.File)
		}
		if e.Text == "" || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %+v", target, got, e.Refusal)
		}
	}
}
