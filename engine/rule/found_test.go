package rule

import (
	"fmt"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine/plan"
)

// What TestWholeRules has found stays found.

// A measure of measures runs in the statement that people see, where DuckDB
// knows no alias inside of TRY; a list of a constant has no order by it; what
// happened at infinity is in no window; and that a measure is there does not
// tell which of its values are bad.
func TestStatementOfDerivedMeasures(t *testing.T) {
	db := logs(t, "1 a INFO", "2 a INFO", "61 a INFO", "never a INFO")
	exec(t, db, "UPDATE app_logs SET event_time = 'infinity' WHERE event_time IS NULL")
	for _, window := range []string{"{tumbling: 1m}", "{hopping: {size: 1m, every: 30s}}"} {
		r, err := Compile(decodeSpec(t, "derived.yaml", "rule: derived\ndataset: app_logs\nwindow: "+window+
			"\nmeasures: {n: count(), more: n + 1, most: abs(more) * 2, same: list(1.5)}\nwhen: most != nil && most > 3"), shop)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := queryValues(db, "SELECT n, more, most, breaching FROM ("+r.SQL()+")")
		if err != nil {
			t.Fatalf("%v\n%s", err, r.SQL())
		}
		report := backtestOf(t, db, r, BacktestOptions{Datapoints: true})
		if len(rows) != len(report.Datapoints) || len(rows) < 2 {
			t.Errorf("%s: %v by the statement, %v by the backtest", window, rows, report.Datapoints)
		}
		if peak := report.Episodes[0].Peak["most"]; !peak.Equal(plan.Int(6)) {
			t.Errorf("%s: the peak is %v", window, peak)
		}
	}
}

// While an alarm lasts, a window whose when is null is a missing datapoint,
// whatever recover_when says to it.
func TestMissingWhileInAlarm(t *testing.T) {
	db := logs(t, "1 a ERROR", "61 a INFO", "121 a WARN", "122 a INFO")
	for _, recover := range []string{"recover_when: true", "recover_when: false"} {
		r := errorsRule(t, recover)
		r, err := r.With(map[string]string{"when": "n > 1 ? rate >= 0.5 : (errors > 0 ? true : nil)", "missing": "ignore"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range backtestOf(t, db, r, BacktestOptions{}).Transitions {
			got = append(got, fmt.Sprint(x.At.Sub(noon).Minutes(), " ", x.To))
		}
		want := "[1 ALARM 3 OK]"
		if recover == "recover_when: false" {
			want = "[1 ALARM]"
		}
		if s := fmt.Sprint(got); s != want {
			t.Errorf("%s: %s, want %s", recover, s, want)
		}
	}
}

// A record of a day that is not over has entered no window of an expectation.
func TestExpectationCountsWhatIsOver(t *testing.T) {
	db := logs(t, "0 a INFO", "3600 a INFO")
	r, err := Compile(decodeSpec(t, "over.yaml", `{rule: over, dataset: app_logs, expect: {within: 48h, by: "06:00"}}`), shop)
	if err != nil {
		t.Fatal(err)
	}
	if got := backtestOf(t, db, r, BacktestOptions{}); got.Windows != 0 || got.Records != 0 {
		t.Errorf("%d windows, %d records", got.Windows, got.Records)
	}
	// Of those that are over, the last was so before what is asked for.
	for hour := 24; hour <= 96; hour += 24 {
		exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, service, _seq, _late) VALUES (to_timestamp(%d), 'a', %d, false)", noon.Add(time.Duration(hour)*time.Hour).Unix(), hour))
	}
	if got := backtestOf(t, db, r, BacktestOptions{From: noon.Add(97 * time.Hour)}); got.Windows != 0 || got.Records != 0 {
		t.Errorf("from behind the last: %d windows, %d records", got.Windows, got.Records)
	}
}

// A group that was forgotten at the watermark is remembered as long as late
// records may show that it was not silent: until then its alarm may go on.
func TestLateRecordOfAForgottenGroup(t *testing.T) {
	for name, window := range map[string]string{"tumbling": "{tumbling: 1m}", "session": "{session: {gap: 1m}}"} {
		t.Run(name, func(t *testing.T) {
			db := database(t)
			createTable(t, db, shop)
			rule, err := Compile(decodeSpec(t, "forgotten.yaml", "rule: forgotten\ndataset: app_logs\nwindow: "+window+`
measures: {errors: 'count(level == "ERROR")'}
when: errors > 0
forget: 2m
alarm: {datapoints: 1, of: 3, missing: breaching}
`), shop)
			if err != nil {
				t.Fatal(err)
			}
			late, k := LateUpdates{Allowed: 2 * time.Minute}, newKeeper()
			live := resumed(t, []*Rule{rule}, late, k)
			for i, step := range []struct {
				second    int
				level     string
				watermark int64
			}{
				{650, "ERROR", 660},
				{700, "INFO", 840},
				{0, "", 900},
				{808, "INFO", 900}, // 14:00, when the group was forgotten, is still open
			} {
				if step.level != "" {
					exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, service, level, _seq, _late) VALUES (to_timestamp(%d), 'a', '%s', %d, false)", step.second, step.level, i+1))
				}
				watermark := time.Unix(step.watermark, 0).UTC()
				out, _, failed := live.Step(t.Context(), db, catalog{shop}, Step{UpTo: int64(i + 1), Watermark: watermark, Late: true, Now: watermark, Since: time.Unix(650, 0)})
				for _, err := range failed {
					t.Fatal(err)
				}
				k.save(t, out)
				agree(t, byColumn{db}, shop, rule, k, watermark)
			}
		})
	}
}

// A session from before 1970 goes on after a restart.
func TestSessionBefore1970Resumed(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	rule, err := Compile(decodeSpec(t, "old.yaml", "rule: old\ndataset: app_logs\nwindow: {session: {gap: 5s}}\nmeasures: {n: count()}\nwhen: n > 1\n"), shop)
	if err != nil {
		t.Fatal(err)
	}
	late, k := LateUpdates{Allowed: time.Minute}, newKeeper()
	for i, second := range []int64{-60, -58, -50, -40} {
		exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, _seq, _late) VALUES (to_timestamp(%d), %d, false)", second, i+1))
		watermark := time.Unix(second, 0).UTC()
		out, _, failed := resumed(t, []*Rule{rule}, late, k).Step(t.Context(), db, catalog{shop}, Step{UpTo: int64(i + 1), Watermark: watermark, Late: true, Now: watermark})
		for _, err := range failed {
			t.Fatal(err)
		}
		k.save(t, out)
		agree(t, byColumn{db}, shop, rule, k, watermark)
	}
}

// An alarm of who is waited for begins earlier when a late record shows since
// when records could come, even if no window has it.
func TestAwaitedSinceALateRecord(t *testing.T) {
	db := database(t)
	createTable(t, db, shop)
	rule, err := Compile(decodeSpec(t, "awaited.yaml", "rule: awaited\ndataset: app_logs\ngroup_by: [service]\nexpect: {within: 1m}\nkeys: [a]\n"), shop)
	if err != nil {
		t.Fatal(err)
	}
	late, k := LateUpdates{Allowed: time.Hour}, newKeeper()
	live := resumed(t, []*Rule{rule}, late, k)
	watermark, oldest := time.Unix(600, 0).UTC(), time.Unix(310, 0).UTC()
	for i, second := range []int64{310, 100} {
		exec(t, db, fmt.Sprintf("INSERT INTO app_logs (event_time, service, _seq, _late) VALUES (to_timestamp(%d), 'b', %d, false)", second, i+1))
		if at := time.Unix(second, 0).UTC(); at.Before(oldest) {
			oldest = at
		}
		out, _, failed := live.Step(t.Context(), db, catalog{shop}, Step{UpTo: int64(i + 1), Watermark: watermark, Late: true, Now: watermark, Since: oldest})
		for _, err := range failed {
			t.Fatal(err)
		}
		k.save(t, out)
		if report := backtestOf(t, db, rule, BacktestOptions{Final: watermark}); len(report.Episodes) != 1 {
			t.Fatalf("a backtest finds %v", report.Episodes)
		}
		agree(t, byColumn{db}, shop, rule, k, watermark)
	}
}
