package samples

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	// The notebooks are tried out on plain DuckDB, so that this package's
	// tests say something about the SQL and nothing about the engine.
	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/goccy/go-yaml"
)

// body is what the schema registry arrives at for the body of app_logs.
const body = `{
	"type": "VARCHAR", "parent_id": "VARCHAR", "version": "VARCHAR",
	"method": "VARCHAR", "route": "VARCHAR", "status": "BIGINT", "duration_ms": "DOUBLE",
	"calls": [{"service": "VARCHAR", "ms": "DOUBLE", "ok": "BOOLEAN"}],
	"user": {"id": "VARCHAR", "tier": "VARCHAR"},
	"device": {"kind": "VARCHAR", "os": "VARCHAR", "app": "VARCHAR", "id": "VARCHAR"},
	"buffered": "BOOLEAN", "client_ip": "VARCHAR", "email": "VARCHAR", "cache": "VARCHAR",
	"cart": {"id": "VARCHAR", "items": "BIGINT", "total": "DOUBLE",
		"coupon": {"code": "VARCHAR", "percent": "BIGINT"}, "gifts": ["VARCHAR"]},
	"order": {"id": "VARCHAR", "items": "BIGINT", "total": "DOUBLE", "currency": "VARCHAR"},
	"payment": {"provider": "VARCHAR", "amount": "DOUBLE"},
	"pool": {"max": "BIGINT", "in_use": "BIGINT", "waiting": "BIGINT"},
	"search": {"query": "VARCHAR", "results": "BIGINT"},
	"deploy": {"service": "VARCHAR", "version": "VARCHAR", "previous": "VARCHAR", "change": "VARCHAR", "by": "VARCHAR"}
}`

// loadSQL builds a table of the shape every dataset has from the files of a
// demo workspace; $dir is replaced.
const loadSQL = `
create schema tidemark;
create table tidemark.quarantine (id varchar, dataset varchar, source varchar, position varchar, reason varchar);
create table app_logs as
with raw as (
	select json, filename from read_ndjson_objects('$dir/data/logs/app/**/*.ndjson*', filename = true, ignore_errors = true)
	where json is not null and json_valid(json)
	union all
	select to_json(p)::json, p.filename from read_parquet('$dir/data/logs/app/**/*.parquet', filename = true, union_by_name = true, hive_partitioning = false) p
)
select (json->>'ts')::timestamptz as event_time,
	(regexp_extract(filename, 'dt=([0-9-]+)', 1) || ' ' || regexp_extract(filename, 'hh=([0-9]+)', 1) || ':00:00+00')::timestamptz
		+ case when filename similar to '.*(catalog|probe).*' then interval '6 hours' else interval '1 hour' end + interval '20 seconds' as arrival_time,
	json->>'svc' as service, json->>'severity' as level, json->>'msg' as message,
	json->>'trace_id' as trace_id, json->>'span_id' as span_id,
	map {'region': json->>'region', 'use_case': json->>'use_case'} as labels,
	json_transform(json, '$body') as body,
	case when json->>'status' = 'N/A' then '{"status":"N/A"}'::json end as rest
from raw`

// load opens a database with the given cut of the week as app_logs.
func load(t *testing.T, opt Options) *sql.DB {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	if _, err := Write(context.Background(), dir, opt); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	for _, stmt := range []string{"set timezone = 'UTC'", strings.NewReplacer("$dir", dir, "$body", body).Replace(loadSQL)} {
		if _, err := db.Exec(stmt); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// A fence is one fenced cell of a notebook.
type fence struct{ kind, name, text string }

var fenceRE = regexp.MustCompile("(?ms)^```(sql|chart|check|rule) ?([a-z_]*)\n(.*?)\n```$")

func fences(t *testing.T, name string) []fence {
	t.Helper()
	text, err := fs.ReadFile(shop, "shop/notebooks/"+name)
	if err != nil {
		t.Fatal(err)
	}
	var out []fence
	for _, m := range fenceRE.FindAllStringSubmatch(string(text), -1) {
		out = append(out, fence{m[1], m[2], m[3]})
	}
	return out
}

// rows is a result: column names and values.
type rows struct {
	columns []string
	values  [][]any
}

// at gives the values of one column.
func (r rows) at(t *testing.T, column string) []any {
	t.Helper()
	for i, name := range r.columns {
		if name != column {
			continue
		}
		var out []any
		for _, row := range r.values {
			out = append(out, row[i])
		}
		return out
	}
	t.Fatalf("no column %s in %v", column, r.columns)
	return nil
}

// query runs SQL with $service, $from and $to bound where they occur.
func query(t *testing.T, db *sql.DB, text, service string) rows {
	t.Helper()
	var args []any
	for name, value := range map[string]any{"service": service, "from": Start, "to": End} {
		if regexp.MustCompile(`\$` + name + `\b`).MatchString(text) {
			args = append(args, sql.Named(name, value))
		}
	}
	result, err := db.Query(text, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer result.Close()
	var out rows
	if out.columns, err = result.Columns(); err != nil {
		t.Fatal(err)
	}
	for result.Next() {
		row := make([]any, len(out.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatal(err)
		}
		out.values = append(out.values, row)
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// run executes the SQL cells of a notebook, each with the named ones before
// it spliced in, and checks that charts draw columns that are there. It gives
// the results by name; a check is named check1, check2, and so on.
func run(t *testing.T, db *sql.DB, notebook, service string) map[string]rows {
	t.Helper()
	out := map[string]rows{}
	var named []fence
	checks := 0
	for _, f := range fences(t, notebook) {
		switch f.kind {
		case "chart":
			checkChart(t, f.text, out)
			continue
		case "rule":
			continue
		case "check":
			checks++
			f.name = "check" + string(rune('0'+checks))
		}
		var with strings.Builder
		for _, n := range named {
			if strings.Contains(f.text, n.name) {
				with.WriteString(map[bool]string{true: "with ", false: ", "}[with.Len() == 0] + n.name + " as (" + n.text + ")\n")
			}
		}
		out[f.name] = query(t, db, with.String()+"select * from ("+f.text+") as cell", service)
		if f.kind == "sql" {
			named = append(named, f)
		}
	}
	return out
}

func checkChart(t *testing.T, text string, results map[string]rows) {
	t.Helper()
	var chart struct{ Data, Type, X, Series string }
	if err := yaml.Unmarshal([]byte(text), &chart); err != nil {
		t.Fatal(err)
	}
	for _, column := range []string{chart.X, chart.Series} {
		if column != "" {
			results[chart.Data].at(t, column)
		}
	}
}

func TestIncidentNotebook(t *testing.T) {
	db := load(t, Options{From: at(4, 12, 0, 0), To: at(4, 17, 0, 0)})
	got := run(t, db, "incident.md", "checkout")

	span := got["incident"]
	began, ended := span.at(t, "began")[0].(time.Time), span.at(t, "ended")[0].(time.Time)
	if began.Before(badDeploy) || began.After(badDeploy.Add(4*time.Minute)) || ended.Before(rollback) || ended.After(rollback.Add(4*time.Minute)) {
		t.Errorf("incident from %s to %s, want from %s to %s or shortly after", began, ended, badDeploy, rollback)
	}
	if first := got["dependencies"].at(t, "dependency")[0]; first != "payments" {
		t.Errorf("slowest dependency: got %v, want payments", first)
	}
	if first := got["messages"].at(t, "message")[0].(string); !strings.HasPrefix(first, "payments: ") {
		t.Errorf("most frequent error: got %q", first)
	}
	versions := got["versions"]
	if v := versions.at(t, "version"); len(v) != 2 || v[1] != "2.14.0" || versions.at(t, "pool_size")[1] != int64(4) {
		t.Errorf("versions of payments: got %v", versions.values)
	}
	changes := got["deploys"].at(t, "now")
	if n := len(changes); n < 2 || changes[n-2] != "2.14.0" || changes[n-1] != "2.13.4" {
		t.Errorf("deploys: got %v", changes)
	}
	services := map[any]bool{}
	for _, s := range got["one_order"].at(t, "service") {
		services[s] = true
	}
	for _, s := range []string{"storefront", "cart", "checkout", "payments"} {
		if !services[s] {
			t.Errorf("the trace of the failed order does not pass %s: %v", s, got["one_order"].values)
		}
	}
	if n := len(got["check1"].values); n > 0 {
		t.Errorf("the incident is not over: %v", got["check1"].values)
	}
	for name, r := range got {
		if !strings.HasPrefix(name, "check") && len(r.values) == 0 {
			t.Errorf("cell %s is empty", name)
		}
	}
}

func TestTourNotebook(t *testing.T) {
	db := load(t, Options{Records: 60_000})
	got := run(t, db, "tour.md", "storefront")
	for name, r := range got {
		if !strings.HasPrefix(name, "check") && name != "quarantined" && len(r.values) == 0 {
			t.Errorf("cell %s is empty", name)
		}
	}
	if n := len(got["odd_values"].values); n != 6 {
		t.Errorf("odd values: got %d, want 6", n)
	}
	if n := len(got["ahead"].values); n != 3 {
		t.Errorf("phones with clocks ahead: got %v, want 3", got["ahead"].values)
	}
	if n := len(got["check1"].values); n > 0 {
		t.Errorf("offsets lost: %v", got["check1"].values)
	}
	// Nothing masked these rows, so the check must find them.
	if n := len(got["check2"].values); n == 0 {
		t.Error("the check for personal data finds none in raw data")
	}
}

func TestDashboards(t *testing.T) {
	db := load(t, Options{From: at(4, 13, 0, 0), To: at(4, 15, 0, 0)})
	names, err := fs.Glob(shop, "shop/dashboards/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(shop, name)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			Rows []struct {
				Items []struct{ Title, SQL, X, Series string }
			}
		}
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
		for _, row := range d.Rows {
			for _, item := range row.Items {
				if item.SQL == "" {
					continue
				}
				r := query(t, db, item.SQL, "")
				if len(r.values) == 0 {
					t.Errorf("%s: %s shows nothing", path.Base(name), item.Title)
				}
				for _, column := range []string{item.X, item.Series} {
					if column != "" {
						r.at(t, column)
					}
				}
			}
		}
	}
}

// The files that are copied must not mention what is only true here.
func TestFilesAreReadable(t *testing.T) {
	err := fs.WalkDir(shop, "shop", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(shop, name)
		if err != nil {
			return err
		}
		if bytes.ContainsAny(text, "\t\r") || !bytes.HasSuffix(text, []byte("\n")) {
			t.Errorf("%s: has tabs, carriage returns or no newline at its end", name)
		}
		if strings.HasSuffix(name, ".yaml") {
			var v map[string]any
			if err := yaml.Unmarshal(text, &v); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("shop/.gitignore"); err == nil {
		t.Error("shop/.gitignore would apply to our own tree; it is called gitignore here")
	}
}
