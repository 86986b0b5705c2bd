package health_test

import (
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/health"
)

func failure(f engine.Fault) *health.Failure {
	return &health.Failure{Fault: f, Message: "it said so", Hint: "do that"}
}

func source(change func(*health.Source)) health.Source {
	s := health.Source{Name: "live", Type: "kinesis", Dataset: "logs", Begun: true, Objects: 1, Tailing: true, Shards: []engine.ShardState{{Shard: "a", State: "reading"}}}
	change(&s)
	return s
}

func dataset(change func(*health.Dataset)) health.Dataset {
	d := health.Dataset{Name: "logs", Rows: 1000, Late: 10}
	change(&d)
	return d
}

// injected are facts that show each known way to fail, with a word that its
// cause must have and what its action does.
var injected = map[string]struct {
	facts     any
	says, use string
}{
	"credentials":      {source(func(s *health.Source) { s.Failure = failure(engine.FaultCredentials) }), "credentials", "tail"},
	"access_denied":    {source(func(s *health.Source) { s.Failure = failure(engine.FaultDenied) }), "may not read", "test"},
	"missing":          {source(func(s *health.Source) { s.Failure = failure(engine.FaultMissing) }), "not there", "test"},
	"unreachable":      {source(func(s *health.Source) { s.Type, s.Failure = "s3", failure(engine.FaultUnreachable) }), "cannot be reached", "pull"},
	"clock_skew":       {source(func(s *health.Source) { s.Failure = failure(engine.FaultClock) }), "clock is off", "tail"},
	"disk_full":        {health.Machine{DiskFree: 1 << 20, DiskNeeded: 1 << 30}, "1 MB left", "compact"},
	"failed":           {source(func(s *health.Source) { s.Failure = failure("") }), "last attempt failed", "tail"},
	"dead_shard":       {source(func(s *health.Source) { s.Shards[0].State, s.Shards[0].Why = "failed", "no key" }), "no key", "test"},
	"throttled":        {source(func(s *health.Source) { s.Throttled = 7 }), "7 times", ""},
	"overloaded":       {source(func(s *health.Source) { s.Busy = 0.97 }), "97 %", ""},
	"behind":           {source(func(s *health.Source) { s.Shards[0].Behind, s.Paused = 120_000, true }), "2m", "resume"},
	"gap":              {source(func(s *health.Source) { s.Gaps, s.LastGap = 2, "expired" }), "expired", ""},
	"silent":           {source(func(s *health.Source) { s.Silent = 20 * time.Minute }), "20m", "test"},
	"never":            {source(func(s *health.Source) { s.Begun, s.Tailing = false, false }), "never tailed", "tail"},
	"empty":            {source(func(s *health.Source) { s.Type, s.Failure = "s3", failure("empty") }), "no objects", "test"},
	"plugin_suspended": {dataset(func(d *health.Dataset) { d.Suspended = []string{"mask"} }), "mask", ""},
	"corrupt":          {dataset(func(d *health.Dataset) { d.Quarantined, d.Broken, d.TopReason = 3, 3, "no JSON" }), "no JSON", "replay_quarantine"},
	"schema_break":     {dataset(func(d *health.Dataset) { d.Quarantined, d.Mismatched, d.TopReason = 3, 3, "text" }), "types", "replay_quarantine"},
	"quarantined":      {dataset(func(d *health.Dataset) { d.Quarantined, d.TopReason = 3, "text" }), "text", "replay_quarantine"},
	"late_records":     {dataset(func(d *health.Dataset) { d.Late = 100 }), "10.0 %", ""},
	"quota":            {dataset(func(d *health.Dataset) { d.Over = 9 }), "9 records", ""},
	"clock_ahead":      {dataset(func(d *health.Dataset) { d.Ahead, d.MaxFuture = 4, 5*time.Minute }), "5m", ""},
	"untimed":          {dataset(func(d *health.Dataset) { d.Untimed = 4 }), "4 records", ""},
	"conflicts":        {dataset(func(d *health.Dataset) { d.Conflicts = 4 }), "4 values", ""},
	"memory":           {health.Machine{Memory: 95, MemoryLimit: 100}, "past which", ""},
	"staging":          {health.Machine{StagingFree: 1, StagingNeeded: 2}, "staged", ""},
}

// TestEveryModeIsFound: each known way to fail is found by its facts alone,
// says why, and what helps; facts without it find nothing.
func TestEveryModeIsFound(t *testing.T) {
	t.Parallel()
	for _, mode := range health.Modes() {
		x, has := injected[mode]
		if !has {
			t.Errorf("%s: nobody injects it", mode)
			continue
		}
		found := judge(x.facts)
		if len(found) != 1 || found[0].Mode != mode {
			t.Errorf("%s: found %+v", mode, found)
			continue
		}
		f := found[0]
		if !strings.Contains(f.Cause, x.says) || f.Action.Label == "" || f.Action.Command == "" || f.Action.Page == "" || f.Action.Do != x.use {
			t.Errorf("%s: %+v", mode, f)
		}
	}
	for _, well := range []any{source(func(*health.Source) {}), dataset(func(*health.Dataset) {}), health.Machine{DiskFree: 2, DiskNeeded: 1, Memory: 1, MemoryLimit: 100}} {
		if found := judge(well); len(found) > 0 {
			t.Errorf("found in what is well: %+v", found)
		}
	}
}

func judge(facts any) []health.Finding {
	switch f := facts.(type) {
	case health.Source:
		return health.Judge(f)
	case health.Dataset:
		return health.Judge(f)
	}
	return health.Judge(facts.(health.Machine))
}

// TestTheWorstDecides: a note changes nothing, an alarm outranks a warning.
func TestTheWorstDecides(t *testing.T) {
	t.Parallel()
	noted := health.Judge(dataset(func(d *health.Dataset) { d.Untimed = 1 }))
	if state, why := health.State(noted); state != health.OK || why != nil || len(noted) != 1 {
		t.Errorf("a note made it %s", state)
	}
	both := health.Judge(dataset(func(d *health.Dataset) { d.Late, d.Suspended = 500, []string{"p"} }))
	if state, why := health.State(both); state != health.Failing || why.Mode != "plugin_suspended" || both[0].Mode != "plugin_suspended" {
		t.Errorf("got %s of %+v", state, both)
	}
}

func TestMeterForgets(t *testing.T) {
	t.Parallel()
	var m health.Meter
	at := time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)
	m.Add(at, health.Flow{Records: 60})
	m.Add(at.Add(30*time.Second), health.Flow{Records: 30, Worst: time.Second})
	if f, span := m.Last(at.Add(30 * time.Second)); f.Records != 90 || span != 30*time.Second || f.Worst != time.Second {
		t.Errorf("got %+v in %v", f, span)
	}
	if f, span := m.Last(at.Add(75 * time.Second)); f.Records != 30 || span != time.Minute {
		t.Errorf("a minute later %+v in %v", f, span)
	}
	// A clock that goes back does not count the past again.
	m.Add(at.Add(-time.Hour), health.Flow{Records: 5})
	if f, _ := m.Last(at.Add(-time.Hour)); f.Records != 5 {
		t.Errorf("after the clock went back %+v", f)
	}
}
