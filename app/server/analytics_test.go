package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/store"
)

const smallToken = "secret"

// smallConfig has a dataset of requests, one whose records have no time, and one
// that never gets any.
const smallConfig = `name: small
sources:
  requests: {type: file, path: "data/requests.ndjson", dataset: requests}
  timeless: {type: file, path: "data/timeless.ndjson", dataset: timeless}
  later: {type: file, path: "data/none/**", dataset: later}
datasets:
  requests: {event_time: at, labels: [region], watermark: {strategy: max_lateness, lateness: 1m, max_future: 5m}}
  timeless: {event_time: when}
`

const smallRule = `rule: errors
dataset: requests
where: status != nil
group_by: [service]
window: {tumbling: 1m}
measures:
  n: count()
  errors: count(level == "ERROR")
when: errors > 1 && n >= 2
severity: critical
summary: "{{service}}: {{errors}} of {{n}}"
`

func TestCatalog(t *testing.T) {
	s := openSmall(t)
	c := answered[workbench.Catalog](s, "GET", "/catalog", nil)
	kinds := map[string]string{}
	columns := map[string]string{}
	for _, table := range c.Tables {
		kinds[table.Name] = table.Kind
		for _, col := range table.Columns {
			columns[table.Name+": "+col.Path] = col.Type + " " + col.SQL
		}
	}
	for name, kind := range map[string]string{"requests": "dataset", "timeless": "dataset", "all_events": "all", "tidemark.quarantine": "system"} {
		if kinds[name] != kind {
			t.Errorf("%s is %q, not %q", name, kinds[name], kind)
		}
	}
	for path, want := range map[string]string{
		"requests: event_time": "timestamp event_time", "requests: labels.region": "varchar labels['region']",
		"requests: body.http.route": "varchar body.http.route", `requests: body.http."user agent"`: `varchar body.http."user agent"`,
		"requests: body.status": "bigint body.status", "requests: body.order.select": "bigint body.order.select",
		"tidemark.quarantine: reason": "varchar reason",
	} {
		if columns[path] != want {
			t.Errorf("%s is %q, not %q", path, columns[path], want)
		}
	}
	names := map[string]bool{}
	for _, f := range c.Functions {
		names[f.Name] = true
	}
	if !names["time_bucket"] || names["read_csv"] || len(c.Keywords) < 100 {
		t.Errorf("functions %v, %d keywords", names, len(c.Keywords))
	}
}

// Every path of the catalog can be selected as it says.
func TestCatalogPathsAreSQL(t *testing.T) {
	s := openSmall(t)
	for _, table := range answered[workbench.Catalog](s, "GET", "/catalog", nil).Tables {
		for _, c := range table.Columns {
			s.run(workbench.ComposedQuery{SQL: "SELECT " + c.SQL + " FROM " + table.Name})
		}
	}
}

func TestDataset(t *testing.T) {
	s := openSmall(t)
	d := answered[workbench.DatasetDetail](s, "GET", "/datasets/requests", nil)
	if d.Rows != 61 || d.Quarantined != 1 || d.Watermark == nil || d.FirstEventTime == nil || d.Segments < 1 {
		t.Errorf("%+v", d)
	}
	none := answered[workbench.DatasetDetail](s, "GET", "/datasets/timeless", nil)
	if none.Rows != 2 || none.Untimed != 2 || none.FirstEventTime != nil {
		t.Errorf("%+v", none)
	}
	if p := s.refused(404, "GET", "/datasets/request", nil); p.Hint != "did you mean requests?" {
		t.Errorf("%+v", p)
	}
}

func TestSchema(t *testing.T) {
	s := openSmall(t)
	h := answered[SchemaHistory](s, "GET", "/datasets/requests/schema", nil)
	if len(h.Versions) == 0 || len(h.Types) == 0 || h.Versions[len(h.Versions)-1].Changes[0].Op != "add" {
		t.Errorf("%+v", h)
	}
	if r := answered[RenderedText](s, "GET", "/datasets/requests/schema/render?format=avro", nil); !strings.Contains(r.Text, `"record"`) {
		t.Error(r.Text)
	}
	s.refused(422, "GET", "/datasets/requests/schema/render?format=xml", nil)
	found := answered[[]ConflictGroup](s, "GET", "/datasets/requests/conflicts", nil)
	if len(found) != 1 || found[0].Path != "status" || found[0].Count != 1 || len(found[0].Examples) != 1 {
		t.Errorf("%+v", found)
	}
	after := answered[SchemaHistory](s, "POST", "/datasets/requests/types", object{"path": "status", "type": "varchar"})
	if got := after.Versions[0]; got.Author != "person" || got.Changes[0] != (TypeChange{"status", "change", "bigint", "varchar"}) {
		t.Errorf("%+v", got)
	}
	s.refused(400, "POST", "/datasets/requests/types", object{"path": "status", "type": "varchart"})
	answered[DroppedDataset](s, "DELETE", "/datasets/timeless", nil)
	s.refused(404, "GET", "/datasets/timeless", nil)
}

func TestReadChange(t *testing.T) {
	for line, want := range map[string]TypeChange{
		"+ a.b bigint":                           {"a.b", "add", "", "bigint"},
		`+ "a b".c struct(x bigint, y varchar)`:  {`"a b".c`, "add", "", "struct(x bigint, y varchar)"},
		`~ "a"" b" list(bigint) -> list(double)`: {`"a"" b"`, "change", "list(bigint)", "list(double)"},
	} {
		if got := readChange(line); got != want {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

func TestQuarantine(t *testing.T) {
	s := openSmall(t)
	page := answered[store.QuarantinePage](s, "GET", "/quarantine?dataset=requests&limit=5", nil)
	if page.Total != 1 || len(page.Entries) != 1 || len(page.Reasons) != 1 {
		t.Fatalf("%+v", page)
	}
	if none := answered[store.QuarantinePage](s, "GET", "/quarantine?reason=nothing", nil); none.Total != 0 || len(none.Reasons) != 1 {
		t.Errorf("%+v", none)
	}
	path := fmt.Sprintf("/quarantine/%d", page.Entries[0].ID)
	if e := answered[QuarantinedRecord](s, "GET", path, nil); e.Raw == nil || !strings.HasPrefix(*e.Raw, "{broken") || e.Truncated {
		t.Errorf("%+v", e)
	}
	if r := answered[workbench.Replayed](s, "POST", "/quarantine/replay", object{}); r.Replayed != 1 || r.Quarantined != 1 {
		t.Errorf("%+v", r)
	}
	page = answered[store.QuarantinePage](s, "GET", "/quarantine", nil)
	ids := object{"ids": []int64{page.Entries[0].ID}}
	if d := answered[DiscardedEntries](s, "POST", "/quarantine/discard", ids); d.Discarded != 1 {
		t.Errorf("%+v", d)
	}
	s.refused(404, "POST", "/quarantine/discard", ids)
	s.refused(404, "GET", "/quarantine/99", nil)
}

const smallDashboard = `title: Small
time: 10m
refresh: 30s
dataset: requests
filters: [service, labels.region]
rows:
  - items:
      - {title: a, type: big_number, y: n, measure: count()}
      - {title: b, type: line, y: rate, series: service, where: status != nil, measure: count(level == "ERROR") * 1.0 / count()}
      - title: c
        x: service
        y: n
        sql: |
          with requests2 as (select * from requests)
          -- everything
          select service, count(*) as n, min(event_time) >= $from as since from requests2 group by all order by n desc;
      - {title: d, type: bar, x: level, y: n, measure: count()}
      - {title: e, sql: select count(*) as n from timeless}
      - {title: f, sql: "select dataset, count(*) as n from all_events group by all order by n"}
      - title: g
        sql: |
          select service,
                 nope
          from requests
      - {title: h, sql: select nope from requests}
      - {title: i, sql: describe requests}
`

func TestDashboard(t *testing.T) {
	s := openSmall(t)
	d := answered[DashboardParsed](s, "POST", "/dashboards/parse", object{"file": "dashboards/s.yaml", "text": smallDashboard})
	if len(d.Problems) != 0 || d.RefreshSeconds != 30 || len(d.Rows) != 1 || d.To.Sub(d.From) != 10*time.Minute || d.Rows[0].Items[1].X != "time" {
		t.Errorf("%+v", d)
	}
	item := func(i int, more object) workbench.ItemRows {
		t.Helper()
		ask := object{"file": "dashboards/s.yaml", "text": smallDashboard, "row": 0, "item": i, "from": "2026-01-09T12:00:00Z", "to": "2026-01-09T13:00:00Z"}
		maps.Copy(ask, more)
		return answered[workbench.ItemRows](s, "POST", "/dashboards/item", ask)
	}
	filtered := func(path string, values ...any) object {
		return object{"filters": []any{object{"path": path, "values": append([]any{}, values...)}}}
	}
	for _, c := range []struct {
		item int
		more object
		want string
	}{
		{0, nil, "[[61]]"},
		{0, filtered("service", "cart"), "[[20]]"},
		{0, filtered("service", `it's "odd"`, "nobody"), "[[1]]"},
		{0, filtered("service", "nobody"), "[[0]]"},
		{0, filtered("service"), "[[61]]"},
		{0, object{"brush": object{"path": "event_time", "from": "2026-01-09T12:01:00Z", "to": "2026-01-09T12:03:00Z"}}, "[[12]]"},
		{0, object{"brush": object{"path": "body.ms", "from": 58}}, "[[2]]"},
		{0, object{"to": "2026-01-09T12:01:00Z"}, "[[6]]"},
		{2, nil, `[["shop",40,true],["cart",20,true],["it's \"odd\"",1,true]]`},
		{2, filtered("labels.region", "o'brien"), `[["it's \"odd\"",1,true]]`},
		{3, nil, `[["ERROR",8],["INFO",52],["weird",1]]`},
		{4, nil, "[[0]]"}, // they have no time
		{5, nil, `[["requests",61]]`},
		{5, filtered("service", "cart"), `[["requests",20]]`},
	} {
		r := item(c.item, c.more)
		if got, _ := json.Marshal(r.Rows); string(got) != c.want {
			t.Errorf("item %d %v: %s, want %s\n%s", c.item, c.more, got, c.want, r.SQL)
		}
		// What is shown gives the same when it is run.
		if rows := s.run(workbench.ComposedQuery{SQL: r.SQL, Params: r.Params}); len(rows) != len(r.Rows) && c.item != 0 {
			t.Errorf("item %d: %d rows of\n%s", c.item, len(rows), r.SQL)
		}
	}
	if r := item(1, nil); len(r.Rows) == 0 || r.Columns[0].Name != "time" || r.Columns[1].Name != "service" || r.Columns[2].Name != "rate" {
		t.Errorf("%+v", r)
	}
	if r := item(4, filtered("body.status", 200)); !slices.Equal(r.Unfiltered, []string{"body.status"}) {
		t.Errorf("%+v", r)
	}
	if r := item(8, nil); len(r.Rows) == 0 {
		t.Errorf("%+v", r)
	}
	broken := object{"file": "dashboards/s.yaml", "text": smallDashboard, "row": 0, "item": 6}
	if p := s.refused(400, "POST", "/dashboards/item", broken); p.Line != 23 || p.Column != 18 || p.File != "dashboards/s.yaml" {
		t.Errorf("%+v", p)
	}
	broken["item"] = 7
	if p := s.refused(400, "POST", "/dashboards/item", broken); p.Line != 25 || p.Column != 32 {
		t.Errorf("%+v", p)
	}
	broken["item"] = 99
	s.refused(404, "POST", "/dashboards/item", broken)
	bad := answered[DashboardParsed](s, "POST", "/dashboards/parse", object{"file": "dashboards/s.yaml", "text": "time: 6x\nrows:\n  - items:\n    - {measure: cuont()}\n    - {}\n"})
	if len(bad.Problems) != 3 {
		t.Errorf("%+v", bad.Problems)
	}
}

func TestFilterValues(t *testing.T) {
	s := openSmall(t)
	v := answered[workbench.FilterValues](s, "GET", "/dashboards/values?dataset=requests&path=service", nil)
	if v.Distinct != 3 || len(v.Values) != 3 || *v.Values[0].Value != "shop" {
		t.Errorf("%+v", v)
	}
	s.refused(404, "GET", "/dashboards/values?dataset=requests&path=nope", nil)
	s.refused(422, "GET", "/dashboards/values", nil)
}

func TestTime(t *testing.T) {
	s := openSmall(t)
	r := answered[TimeRange](s, "POST", "/time", object{"time": "6h"})
	if want := time.Date(2026, 1, 9, 12, 8, 59, 0, time.UTC); !r.To.Equal(want) || r.To.Sub(r.From) != 6*time.Hour {
		t.Errorf("%+v", r)
	}
	all := answered[TimeRange](s, "POST", "/time", object{"time": "all", "datasets": []string{"requests"}})
	if !all.From.Equal(time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", all)
	}
	s.refused(400, "POST", "/time", object{"time": "soon"})
}

const smallNotebook = `---
title: Small
time: 1h
params:
  service: {type: text, default: shop, options: "select distinct service from requests"}
  limit: {type: integer, default: 3, options: [1, 3]}
---
Some text.

` + "```sql picked\nselect * from requests\nwhere service = $service limit $limit\n```\n" +
	"```sql\nselect count(*) as n from picked\n```\n" +
	"```chart\ndata: picked\nx: event_time\ny: [_seq]\n```\n" +
	"```rule\n" + smallRule + "```\n" +
	"```check\nselect 1 where false\n```\n" +
	"```sql\nselect 1,\n  nope from picked\n```\n" +
	"```chart\ntype: pie\n```\n"

func TestNotebook(t *testing.T) {
	s := openSmall(t)
	text := object{"file": "notebooks/n.md", "text": smallNotebook}
	n := answered[NotebookParsed](s, "POST", "/notebooks/parse", text)
	if n.Title != "Small" || len(n.Params) != 2 || n.Params[0].OptionsSQL == "" || len(n.Params[1].Options) != 2 || len(n.Cells) != 8 || len(n.Problems) != 1 {
		t.Fatalf("%+v", n)
	}
	if c := n.Cells[1]; c.Name != "picked" || c.Line != 11 || c.EndLine != 12 {
		t.Errorf("%+v", c)
	}
	cell := func(i int, params object) object {
		return object{"file": "notebooks/n.md", "text": smallNotebook, "cell": i, "params": params}
	}
	if r := answered[CellReply](s, "POST", "/notebooks/cell", cell(1, nil)); r.Query == nil || r.Query.Rows != 3 || r.To.Sub(r.From) != time.Hour {
		t.Errorf("%+v", r)
	}
	r := answered[CellReply](s, "POST", "/notebooks/cell", cell(2, object{"service": "cart", "limit": 2}))
	if rows := s.run(workbench.ComposedQuery{SQL: r.SQL, Params: r.Params}); len(rows) != 1 || rows[0][0] != int64(2) {
		t.Errorf("%v of\n%s", rows, r.SQL)
	}
	if r := answered[CellReply](s, "POST", "/notebooks/cell", cell(3, nil)); r.Chart == nil || r.Chart.Data != "picked" || r.Query.Rows != 3 {
		t.Errorf("%+v", r)
	}
	if r := answered[CellReply](s, "POST", "/notebooks/cell", cell(4, nil)); r.Backtest == nil || len(r.Backtest.Episodes) != 1 {
		t.Errorf("%+v", r)
	}
	if r := answered[CellReply](s, "POST", "/notebooks/cell", cell(5, nil)); r.Query.Rows != 0 {
		t.Errorf("%+v", r)
	}
	if p := s.refused(400, "POST", "/notebooks/cell", cell(6, nil)); p.Line != 40 || p.Column != 3 || p.File != "notebooks/n.md" {
		t.Errorf("%+v", p)
	}
	if p := s.refused(400, "POST", "/notebooks/cell", cell(7, nil)); !strings.Contains(p.Message, "draws") {
		t.Errorf("%+v", p)
	}
	s.refused(400, "POST", "/notebooks/cell", cell(1, object{"limit": "many"}))
	s.refused(404, "POST", "/notebooks/cell", cell(20, nil))
	good := strings.Join(strings.SplitAfter(smallNotebook, "```\n")[:5], "")
	for format, want := range map[string]string{"html": "<!doctype html>", "md": "# Small", "json": `"title": "Small"`, "sql": "SET VARIABLE"} {
		e := answered[RenderedText](s, "POST", "/notebooks/export", object{"file": "notebooks/n.md", "text": good, "format": format})
		if !strings.Contains(e.Text, want) {
			t.Errorf("%s: %.200s", format, e.Text)
		}
	}
	s.refused(400, "POST", "/notebooks/export", object{"file": "notebooks/n.md", "text": smallNotebook, "format": "md"})
}

// Before the first pull everything is empty, and nothing fails for that.
func TestEmptyWorkspace(t *testing.T) {
	s := openWith(t)
	if c := answered[workbench.Catalog](s, "GET", "/catalog", nil); len(c.Functions) == 0 {
		t.Error("there are no functions")
	}
	if a := answered[[]workbench.AlarmEpisode](s, "GET", "/alarms", nil); len(a) != 0 {
		t.Errorf("%+v", a)
	}
	for _, r := range answered[[]RuleListed](s, "GET", "/rules", nil) {
		if r.State != "unchecked" {
			t.Errorf("%+v", r)
		}
	}
	if d := answered[DashboardParsed](s, "POST", "/dashboards/parse", object{"file": "d.yaml", "text": smallDashboard}); len(d.Problems) != 0 || !d.From.Before(d.To) {
		t.Errorf("%+v", d)
	}
	if v := answered[workbench.FilterValues](s, "GET", "/dashboards/values?path=service", nil); len(v.Values) != 0 {
		t.Errorf("%+v", v)
	}
	if r := answered[TimeRange](s, "POST", "/time", object{"time": "all"}); !r.From.Before(r.To) {
		t.Errorf("%+v", r)
	}
	s.refused(404, "POST", "/explore", object{"dataset": "requests"})
	if p := s.refused(404, "POST", "/dashboards/item", object{"file": "d.yaml", "text": smallDashboard, "row": 0, "item": 0}); p.Hint == "" || p.Line != 8 {
		t.Errorf("%+v", p)
	}
	c := answered[RuleChecked](s, "POST", "/rules/check", object{"file": "rules/new.yaml", "text": smallRule})
	if len(c.Problems) != 1 || c.Problems[0].Line != 2 {
		t.Errorf("%+v", c.Problems)
	}
}

// All features describe themselves.
func TestOpenAPINamesEverything(t *testing.T) {
	doc, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range strings.Fields(`catalog getDataset getSchema renderSchema conflicts setType dropDataset listQuarantine getQuarantine replayQuarantine
		discardQuarantine explore getRecord context parseNotebook runCell exportNotebook listRules checkRule backtest ruleRows alarms parseDashboard
		dashboardItem filterValues resolveTime`) {
		if !strings.Contains(string(doc), `"operationId": "`+id+`"`) {
			t.Errorf("there is no operation %s", id)
		}
	}
}

// What JSON cannot say is a failure, and not the end of the connection.
func TestAnswersThatJSONCannotSay(t *testing.T) {
	s := openSmall(t)
	d := answered[DashboardParsed](s, "POST", "/dashboards/parse", object{"file": "dashboards/d.yaml", "text": "title: d\nrows:\n  - items:\n      - {sql: select 1, width: .nan}\n"})
	if len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Message, "width") || d.Problems[0].Line != 4 {
		t.Errorf("%+v", d.Problems)
	}
	var raw json.RawMessage
	for _, q := range []object{{"from": "9999-12-31T23:59:59Z"}, {"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, {"to": "0001-01-01T00:00:00Z"}} {
		q["dataset"] = "requests"
		if status := s.call("POST", "/explore", q, &raw); status != http.StatusOK && status != http.StatusBadRequest {
			t.Errorf("%v: %d %s", q, status, raw)
		}
	}
}
