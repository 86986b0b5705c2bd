package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// liveWorkspace replays a day of two services, out of order by up to two
// minutes, under rules of several kinds.
func liveWorkspace(t *testing.T) *program {
	p := newProgram(t, `name: t
sources:
  archive: {type: file, path: "in/**/*.ndjson", dataset: requests}
  again:   {type: replay, of: archive, speed: 7200, dataset: requests_live}
datasets:
  requests_live: {watermark: {lateness: 1m}, late: {allowed: 10m, mode: update}}
channels:
  log: {type: file, path: alarms.ndjson}
`)
	rules := map[string]string{
		"errors": "group_by: [service]\nwindow: {tumbling: 1m}\nmeasures: {n: 'count(level == \"ERROR\")'}\nwhen: n >= 2\nalarm: {datapoints: 2, of: 3, missing: not_breaching}\nnotify: [log]\n",
		"slow":   "group_by: [service]\nwindow: {hopping: {size: 5m, every: 1m}}\nmeasures: {worst: max(body.ms)}\nwhen: worst > 900\nalarm: {datapoints: 1, of: 1, missing: ignore}\nnotify: [log]\n",
		"quiet":  "window: {tumbling: 2m}\nmeasures: {n: count()}\nwhen: n < 8\nalarm: {datapoints: 1, of: 2, missing: breaching}\n",
	}
	for name, text := range rules {
		p.write("rules/"+name+".yaml", []byte("rule: "+name+"\ndataset: requests_live\n"+text))
	}
	rng, begin := rand.New(rand.NewPCG(7, 7)), time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)
	for hour := range 3 {
		var b strings.Builder
		for minute := range 60 {
			for range rng.IntN(14) {
				at := begin.Add(time.Duration(hour*60+minute)*time.Minute + time.Duration(rng.IntN(180)-120)*time.Second)
				level := []string{"INFO", "INFO", "ERROR"}[rng.IntN(3)]
				fmt.Fprintf(&b, `{"time":%q,"service":"s%d","level":%q,"ms":%d}`+"\n", at.Format(time.RFC3339), rng.IntN(2), level, rng.IntN(1000))
			}
		}
		p.write(fmt.Sprintf("in/2026/01/09/%d/a.ndjson", 12+hour), []byte(b.String()))
	}
	return p
}

// found is what the rules have come to, and what was put into the outbox.
func found(p *program) map[string]string {
	out := map[string]string{}
	for name, sql := range map[string]string{
		"incidents":  "SELECT id, rule, key, started_at, ended_at, peak, withdrawn FROM tidemark.incidents WHERE NOT withdrawn ORDER BY rule, key::VARCHAR, started_at",
		"datapoints": `SELECT rule, key, window_start, window_end, "values", breaching, state, records FROM tidemark.datapoints ORDER BY rule, key::VARCHAR, window_start`,
		"alarms":     "SELECT rule, key, state FROM tidemark.alarms ORDER BY rule, key::VARCHAR",
		"rows":       "SELECT count(*) FROM requests_live",
		"doubled":    "SELECT count(*) - count(DISTINCT (key, channel)) FROM tidemark.notifications",
		"untold": `SELECT i.id FROM tidemark.incidents AS i WHERE i.rule <> 'quiet' AND NOT i.past AND NOT i.withdrawn
			AND NOT EXISTS (SELECT 1 FROM tidemark.notifications AS n WHERE n.incident = i.id AND n.kind = 'alarm')`,
	} {
		out[name] = p.query(sql)
	}
	return out
}

// TestAlarmsKilled kills the live evaluation at any moment, again and again.
// What it comes to in the end is what one that nobody disturbed comes to.
func TestAlarmsKilled(t *testing.T) {
	calm := liveWorkspace(t)
	calm.run("tail", "again", "--quiet")
	want := found(calm)
	if strings.Count(want["incidents"], "\n") < 5 || want["datapoints"] == "" || want["untold"] != "" || want["doubled"] != "0" {
		t.Fatalf("undisturbed: %v", want)
	}
	p := liveWorkspace(t)
	for range kills(t) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(200+rand.IntN(1500))*time.Millisecond)
		cmd, _ := p.command(ctx, "tail", "again", "--quiet") // its end is SIGKILL
		_ = cmd.Run()
		cancel()
	}
	p.run("tail", "again", "--quiet")
	for name, got := range found(p) {
		if got != want[name] {
			t.Errorf("%s, killed:\n%s\nundisturbed:\n%s", name, got, want[name])
		}
	}
}
