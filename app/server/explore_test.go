package server

import (
	"slices"
	"testing"

	"tidemark.dev/tidemark/app/workbench"
)

func TestExplore(t *testing.T) {
	s := openSmall(t)
	all := answered[workbench.Explored](s, "POST", "/explore", object{"dataset": "requests", "facets": []string{"service", "body.status", "labels.region"}})
	if all.Total != 61 || all.Matched != 61 || all.Untimed != 0 || all.Outside != 0 {
		t.Errorf("%+v", all)
	}
	if want := []string{"ERROR", "INFO", "other"}; !slices.Equal(all.Levels, want) {
		t.Errorf("levels %v", all.Levels)
	}
	if f := all.Facets[0]; f.Distinct != 3 || *f.Values[0].Value != "shop" || f.Values[0].Count != 40 || f.More {
		t.Errorf("%+v", f)
	}
	if f := all.Facets[1]; f.Distinct != 2 || f.Values[2].Value != nil || f.Values[2].Count != 1 {
		t.Errorf("%+v", f)
	}
	if rows := s.run(workbench.ComposedQuery{SQL: all.SQL, Params: all.Params}); len(rows) != 61 {
		t.Errorf("%d rows", len(rows))
	}
	sum := int64(0)
	for _, b := range all.Histogram {
		for _, n := range b.Counts {
			sum += n
		}
	}
	if sum != 61 {
		t.Errorf("the histogram has %d", sum)
	}
	few := answered[workbench.Explored](s, "POST", "/explore", object{"dataset": "requests", "limit": 3})
	if rows := s.run(workbench.ComposedQuery{SQL: few.SQL, Params: few.Params}); len(rows) != 3 {
		t.Errorf("%d rows of\n%s", len(rows), few.SQL)
	}
}

// For each filter, what is counted is what the query selects.
func TestExploreFilters(t *testing.T) {
	s := openSmall(t)
	filter := func(path, op string, value any) object {
		f := object{"path": path, "op": op}
		if op != "exists" && op != "!exists" {
			f["value"] = value
		}
		return f
	}
	for _, c := range []struct {
		search string
		deep   bool
		filter object
		want   int64
	}{
		{search: "request 1", want: 11},
		{search: "ÜNÏ", want: 1},
		{search: "100%", want: 1},
		{search: "'quoted' $from", want: 1},
		{search: "V'1", want: 0},
		{search: "V'1", deep: true, want: 1},
		{search: "n/a", deep: true, want: 1},
		{search: "/R/2", deep: true, want: 15},
		{filter: filter("service", "=", "cart"), want: 20},
		{filter: filter("service", "=", `it's "odd"`), want: 1},
		{filter: filter("service", "!=", "cart"), want: 41},
		{filter: filter("service", "=", []any{"cart", `it's "odd"`}), want: 21},
		{filter: filter("service", "!=", []any{"cart", "shop"}), want: 1},
		{filter: filter("labels.region", "=", "o'brien"), want: 1},
		{filter: filter("labels.nowhere", "!exists", nil), want: 61},
		{filter: filter("status", "=", 503), want: 8},
		{filter: filter("status", "!=", 503), want: 53},
		{filter: filter("status", "=", "503"), want: 8},
		{filter: filter("status", "=", nil), want: 1},
		{filter: filter("status", "!=", nil), want: 60},
		{filter: filter("status", "=", []any{nil, 503}), want: 9},
		{filter: filter("status", "=", []any{}), want: 0},
		{filter: filter("body.status", ">=", 500), want: 8},
		{filter: filter("body.status", "<", 500.5), want: 52},
		{filter: filter("body.ms", ">", 58), want: 2},
		{filter: filter("body.status", "contains", "50"), want: 8},
		{filter: filter("body.status", "!contains", "50"), want: 53},
		{filter: filter("body.status", "exists", nil), want: 60},
		{filter: filter(`body.http."user agent"`, "=", "x"), want: 60},
		{filter: filter(`body."we""ird.name"`, "=", "v'1"), want: 1},
		{filter: filter("body.order.select", "=", 1), want: 1},
		{filter: filter("body.tags", "=", "b1"), want: 30},
		{filter: filter("body.tags", "!=", "b1"), want: 31},
		{filter: filter("body.tags", "contains", "B1"), want: 30},
		{filter: filter("rest", "contains", "n/a"), want: 1},
		{filter: filter("event_time", "<", "2026-01-09T12:01:00Z"), want: 6},
		{filter: filter("event_time", ">=", "2026-01-09 12:09"), want: 7},
	} {
		ask := object{"dataset": "requests", "search": c.search, "search_body": c.deep}
		if c.filter != nil {
			ask["filters"] = []any{c.filter}
		}
		e := answered[workbench.Explored](s, "POST", "/explore", ask)
		rows := s.run(workbench.ComposedQuery{SQL: e.SQL, Params: e.Params})
		if e.Matched != c.want || int64(len(rows)) != c.want {
			t.Errorf("%q %v: %d counted, %d selected, want %d\n%s\n%v", c.search, c.filter, e.Matched, len(rows), c.want, e.SQL, e.Params)
		}
	}
	for _, bad := range []object{
		filter("nope", "=", 1), filter("status", "<", "much"), filter("body.tags", "<", "a"), filter("status", "=", object{}), filter("event_time", ">", "noon"),
	} {
		s.refused(badStatus(bad), "POST", "/explore", object{"dataset": "requests", "filters": []any{bad}})
	}
	s.refused(400, "POST", "/explore", object{"dataset": "requests", "facets": []string{"body.tags"}})
	s.refused(422, "POST", "/explore", object{"dataset": "requests", "facetts": []string{}})
}

func badStatus(filter object) int {
	if filter["path"] == "nope" {
		return 404
	}
	return 400
}

func TestExploreWithoutTime(t *testing.T) {
	s := openSmall(t)
	e := answered[workbench.Explored](s, "POST", "/explore", object{"dataset": "timeless", "facets": []string{"body.n"}})
	if e.Matched != 2 || e.Untimed != 2 || len(e.Levels) != 0 || e.Watermark != nil || len(e.Facets[0].Values) != 2 {
		t.Errorf("%+v", e)
	}
	if rows := s.run(workbench.ComposedQuery{SQL: e.SQL, Params: e.Params}); len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
	none := answered[workbench.Explored](s, "POST", "/explore", object{"dataset": "requests", "from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"})
	if none.Matched != 0 || none.Total != 0 || len(none.Histogram) == 0 {
		t.Errorf("%+v", none)
	}
	s.refused(400, "POST", "/explore", object{"dataset": "requests", "from": "2020-01-02T00:00:00Z", "to": "2020-01-01T00:00:00Z"})
}

func TestRecordAndContext(t *testing.T) {
	s := openSmall(t)
	r := answered[RecordDetail](s, "GET", "/datasets/requests/records/30", nil)
	names := map[string]any{}
	for _, c := range r.Columns {
		names[c.Name] = c.Value
	}
	if names["_seq"] != float64(30) || names["body"] == nil {
		t.Errorf("%+v", r)
	}
	s.refused(404, "GET", "/datasets/requests/records/999", nil)
	q := answered[workbench.ComposedQuery](s, "POST", "/explore/context", object{"dataset": "requests", "seq": 30, "before": 3, "after": 2, "same": []string{"service", "body.status"}})
	if rows := s.run(q); len(rows) != 6 {
		t.Errorf("%d rows of\n%s", len(rows), q.SQL)
	}
	q = answered[workbench.ComposedQuery](s, "POST", "/explore/context", object{"dataset": "requests", "seq": 30, "before": 3, "after": 2, "same": []string{"event_time"}})
	if rows := s.run(q); len(rows) == 0 {
		t.Errorf("the record itself is not among\n%s", q.SQL)
	}
	first := s.run(workbench.ComposedQuery{SQL: "SELECT min(_seq) FROM timeless"})[0][0]
	q = answered[workbench.ComposedQuery](s, "POST", "/explore/context", object{"dataset": "timeless", "seq": first, "before": 3, "after": 2})
	if rows := s.run(q); len(rows) != 2 {
		t.Errorf("%d rows of\n%s", len(rows), q.SQL)
	}
}
