package workbench_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A query that wants few rows fetches the objects in their order, and stops
// when it has them.
func TestAttachedFewRows(t *testing.T) {
	a := newArchive(t, "")
	a.pull()
	lines := func(s string) int { return strings.Count(s, "\n") - 1 }

	out, use := a.must("SELECT * FROM logs LIMIT 20")
	if lines(out) != 20 || use.ObjectsRead != 1 || use.RowGroupsRead != 1 || use.BytesMost < 10*use.BytesNeeded || use.BytesFetched != use.BytesEstimated {
		t.Errorf("%d rows cost %+v", lines(out), use)
	}
	// The 80th of 80 errors a day.
	if out, use := a.must("SELECT message, body.pad FROM logs WHERE level = 'ERROR' LIMIT 80"); lines(out) != 80 || use.ObjectsRead != 1 || use.RowGroupsRead != 2 {
		t.Errorf("%d rows cost %+v", lines(out), use)
	}
	if out, use := a.must("WITH e AS (SELECT * FROM logs WHERE level = 'ERROR') SELECT upper(message) AS m, body.pad FROM e LIMIT 5 OFFSET 80"); lines(out) != 5 || use.ObjectsRead != 2 {
		t.Errorf("%d rows cost %+v", lines(out), use)
	}
	// A filter that statistics do not answer and nothing passes goes through
	// everything.
	if out, use := a.must("SELECT service FROM logs WHERE message LIKE '%nothing%' LIMIT 3"); lines(out) != 0 || use.ObjectsRead != days || use.RowGroupsRead != 2*days {
		t.Errorf("%d rows cost %+v", lines(out), use)
	}
	for _, all := range []string{
		"SELECT message FROM logs ORDER BY message LIMIT 3",
		"SELECT DISTINCT level FROM logs LIMIT 1",
		"SELECT count(*) FROM logs LIMIT 1",
		"SELECT service FROM logs WHERE random() < 2 LIMIT 3",
		"SELECT a.service FROM logs a JOIN logs b USING (message) LIMIT 3",
		"SELECT * FROM (SELECT service FROM logs UNION ALL SELECT level FROM logs) LIMIT 3",
		"SELECT row_number() OVER () AS n FROM logs LIMIT 3",
		"SELECT service FROM logs LIMIT 1%",
		"SELECT service FROM logs TABLESAMPLE 50% LIMIT 3",
	} {
		if _, use := a.must(all); use.ObjectsRead != days {
			t.Errorf("%s cost %+v", all, use)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		where := rapid.SampledFrom([]string{
			"true", "level = 'ERROR'", "body.number > 3990", "event_time >= '2026-01-04'", "body.http.path = '/p/3'", "length(message) < 8", "body.maybe IS NULL", "service = 'none'",
		}).Draw(t, "where")
		limit := rapid.SampledFrom([]string{"LIMIT 0", "LIMIT 1", "LIMIT 50", "LIMIT 3000", "LIMIT 100000", "LIMIT 20 OFFSET 100", "LIMIT 10 OFFSET 23995", "LIMIT 5 OFFSET 100000"}).Draw(t, "limit")
		columns := rapid.SampledFrom([]string{"*", "_seq", "message", "body.http.deep", "1"}).Draw(t, "columns")
		query := "SELECT " + columns + " FROM $t WHERE " + where + " " + limit
		want, _ := a.must(strings.ReplaceAll(query, "$t", "pulled"))
		got, use := a.must(strings.ReplaceAll(query, "$t", "logs"))
		if lines(got) != lines(want) {
			t.Errorf("%s gives %d rows, want %d: %+v", query, lines(got), lines(want), use)
		}
	})
	// Each row passes the filter, and is there once.
	if out, _ := a.must("SELECT count(*) AS n, count(DISTINCT s) AS d, bool_and(l = 'ERROR') AS e FROM (SELECT _seq AS s, level AS l FROM pulled WHERE level = 'ERROR' LIMIT 100)"); out != "n,d,e\n100,100,true\n" {
		t.Error(out)
	}
}

// The budget holds for each step, and says how far it went.
func TestAttachedFewRowsInBudget(t *testing.T) {
	a := newArchive(t, "limits: {fetch: 900KB}\n")
	if _, use := a.must("SELECT * FROM logs LIMIT 20"); use.BytesMost < 900_000 || use.BytesFetched > 900_000 {
		t.Errorf("%+v", use)
	}
	_, use, err := a.ask("SELECT * FROM logs WHERE message LIKE '%nothing%' LIMIT 1")
	if err == nil || !strings.Contains(err.Error(), "the rows that its LIMIT asks for are not in the") || !strings.Contains(err.Error(), "more than limits.fetch, 900 kB") {
		t.Errorf("%v", err)
	}
	if use.BytesFetched == 0 || use.BytesFetched > 900_000 || use.RowGroupsRead < 2 {
		t.Errorf("%+v", use)
	}
}
