package dashboard

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"

	"tidemark.dev/tidemark/engine"
)

var (
	noon  = time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)
	now   = noon.Add(100 * time.Hour)
	first = noon.Add(-50 * time.Hour)
	last  = noon.Add(time.Minute)
)

func TestTime(t *testing.T) {
	for text, want := range map[string][2]time.Time{
		"":             {noon.Add(-24 * time.Hour), noon},
		" 6h ":         {noon.Add(-6 * time.Hour), noon},
		"7d as of now": {now.Add(-7 * 24 * time.Hour), now},
		"6has of now":  {now.Add(-6 * time.Hour), now},
		"all":          {first, last},
		"1h30m":        {noon.Add(-90 * time.Minute), noon},
		"2026-01-09T10:00:00Z/2026-01-09T13:00:00+01:00": {noon.Add(-2 * time.Hour), noon},
	} {
		r, err := ParseTime(engine.Text{Value: text})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		from, to := r.Resolve(noon, now, first, last)
		if !from.Equal(want[0]) || !to.Equal(want[1]) {
			t.Errorf("%q: %v to %v", text, from, to)
		}
	}
	r, _ := ParseTime(engine.Text{Value: "1h"})
	if _, to := r.Resolve(time.Time{}, now, first, last); !to.Equal(now) {
		t.Errorf("without a watermark it ends at %v", to)
	}
	for _, text := range []string{"6x", "0s", "h", "-6h", "as of now", "2026-01-09/2026-01-10", "2026-01-09T12:00:00Z/2026-01-09T12:00:00Z", "a/b/c"} {
		_, err := ParseTime(engine.Text{Value: text, File: "d.yaml", Line: 3, Column: 7})
		if engine.KindOf(err) != engine.Invalid || !strings.HasPrefix(err.Error(), "d.yaml:3:7") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// However a query begins and whatever a dataset and its paths are called, it
// sees what counts, in the order it asks for, and its lines stay its own.
func TestWithin(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`CREATE TABLE "order" AS SELECT range AS n, range % 2 AS "od
  AND d" FROM range(10)`,
		`CREATE TABLE Logs AS FROM "order"`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	narrowed := []Narrowed{{Name: "order", Where: "\nWHERE n >= $low\n  AND n < 8"}, {Name: "Logs", Where: ""}}
	for query, want := range map[string]string{
		`select string_agg(n, ' ' order by n) from "order"`:                                               "5 6 7",
		`select n from "order" order by n desc`:                                                           "7 6 5",
		`from "order" order by n`:                                                                         "5 6 7",
		`with a as (select * from "order"), b as (from a) select n from b order by n desc`:                "7 6 5",
		`with recursive r as (select 5 as n union all select n + 1 from r where n < 7) from r order by n`: "5 6 7",
		`(with a as (from "order") select n from a order by n desc limit 2)`:                              "7 6",
		`with "order" as (select * from "order" where n < 7) select n from "order" order by n`:            "5 6",
		"select n -- all\nfrom \"order\" -- of them\norder by n -- in order":                              "5 6 7",
		`select n from (select * from "order") as x where n in (select n from logs) order by n`:           "5 6 7",
		`values (1), (2)`: "1 2",
	} {
		for _, text := range []string{Within(query, narrowed), WithinLine(query, narrowed)} {
			rows, err := db.Query(text, sql.Named("low", 5))
			if err != nil {
				t.Errorf("%v\n%s", err, text)
				continue
			}
			var got []string
			columns, _ := rows.Columns()
			for rows.Next() {
				var n string
				into := []any{&n}
				for range columns[1:] {
					into = append(into, new(any))
				}
				if err := rows.Scan(into...); err != nil {
					t.Fatal(err)
				}
				got = append(got, n)
			}
			if err := rows.Err(); err != nil || strings.Join(got, " ") != want {
				t.Errorf("%q %v, want %q\n%s", got, err, want, text)
			}
		}
		if line := WithinLine(query, narrowed); strings.Index(line, query) != strings.Index(strings.SplitN(line, "\n", 2)[0], strings.SplitN(query, "\n", 2)[0]) {
			t.Errorf("the lines have moved:\n%s", line)
		}
	}
	if Within("select 1", nil) != "select 1" || WithinLine("select 1", nil) != "select 1" {
		t.Error("a query without datasets is changed")
	}
}
