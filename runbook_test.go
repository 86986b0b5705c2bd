package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// runbookWorkspace has a rule that fires at once and a runbook of many cells.
func runbookWorkspace(t *testing.T, cells int) *program {
	p := newProgram(t, `name: t
sources:
  archive: {type: file, path: "in/*.ndjson", dataset: requests}
  again:   {type: replay, of: archive, speed: 36000, dataset: requests_live}
datasets: {requests_live: {watermark: {lateness: 2m}}}
`)
	p.write("rules/errors.yaml", []byte(`rule: errors
dataset: requests_live
window: {tumbling: 1m}
measures: {errors: count()}
when: errors >= 1
alarm: {datapoints: 1, of: 1, missing: ignore}
runbook: notebooks/slow.md
`))
	var b strings.Builder
	b.WriteString("---\ntitle: Slow\n---\n")
	for i := range cells {
		fmt.Fprintf(&b, "```sql c%d\nselect %d as cell, count(*) as n from range(4000000) as r(i) where i %% 7 = %d\n```\n", i, i, i%7)
	}
	p.write("notebooks/slow.md", []byte(b.String()))
	p.write("in/a.ndjson", []byte(`{"time":"2026-01-09T14:00:10Z"}`+"\n"+`{"time":"2026-01-09T14:09:00Z"}`+"\n"))
	return p
}

// TestRunbookKilled kills the program while a runbook runs, again and again.
// The cells that were done stay as they were, the others run once, and the
// alarm's report is one run from end to end.
func TestRunbookKilled(t *testing.T) {
	const cells = 60
	p := runbookWorkspace(t, cells)
	const steps = "SELECT string_agg(step || ' ' || epoch_us(finished_at), ';' ORDER BY step) FROM tidemark.runbook_steps"
	kept, unfinished := "", 0
	for range kills(t) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(500+rand.IntN(2500))*time.Millisecond)
		cmd, _ := p.command(ctx, "tail", "again", "--quiet") // its end is SIGKILL
		_ = cmd.Run()
		cancel()
		now := strings.Trim(p.query(steps), `"`)
		if !strings.HasPrefix(now, kept) {
			t.Errorf("what was done is done anew:\n%s\n%s", kept, now)
		}
		if n := strings.Count(now, " "); n > 0 && n < cells {
			unfinished++
		}
		kept = now
	}
	t.Logf("%d kills left it unfinished", unfinished)
	p.run("tail", "again", "--quiet")
	if now := strings.Trim(p.query(steps), `"`); !strings.HasPrefix(now, kept) || strings.Count(now, " ") != cells {
		t.Errorf("%d cells:\n%s\n%s", strings.Count(now, " "), kept, now)
	}
	if got := p.query("SELECT count(*), count(DISTINCT incident), any_value(state), any_value(cells) FROM tidemark.runbooks"); got != fmt.Sprintf("1,1,done,%d", cells) {
		t.Errorf("runs: %s", got)
	}
	report := p.run("rules", "runbook", "errors", "--at", "2026-01-09T14:01:00Z")
	for i := range cells {
		if !strings.Contains(report, fmt.Sprintf("\n| %d |", i)) {
			t.Errorf("cell %d is not in the report:\n%s", i, report)
		}
	}
}
