package workbench_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/result"
	"tidemark.dev/tidemark/internal/s3server"
)

// archive is a bucket of Parquet objects on a server, and a workspace that has
// them pulled and attached.
type archive struct {
	t      testing.TB
	server *s3server.Server
	bucket string
	bench  *workbench.Workbench
}

const days = 6

// day is the records of one day: 4000 of them in two row groups.
func day(i int) string {
	return fmt.Sprintf(`SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(%[1]d * 86400 + n * 21) AS ts,
		['cart', 'search', 'pay'][1 + (n %% 3)::INT] AS service, CASE WHEN n %% 50 = 0 THEN 'ERROR' ELSE 'INFO' END AS level,
		'order ' || n AS message, n AS number, n * 0.25 AS price, {'status': 200 + n %% 4, 'path': '/p/' || (n %% 9), 'deep': {'x': n, 'y': [n, 1]}} AS http,
		MAP {'k': n::VARCHAR} AS tags, CASE WHEN n %% 7 = 0 THEN NULL ELSE n::VARCHAR END AS maybe, repeat(md5(n::VARCHAR), 4) AS pad
		FROM range(4000) t(n)`, i)
}

func newArchive(t testing.TB, config string) *archive {
	t.Helper()
	dir := t.TempDir()
	a := &archive{t: t, bucket: filepath.Join(dir, "s3", "logs")}
	if err := os.MkdirAll(a.bucket, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range days {
		folder := "app/"
		if i > 1 {
			folder = fmt.Sprintf("app/dt=2026-01-%02d/", i+1)
		}
		a.write(fmt.Sprintf("%sday-%02d.parquet", folder, i), day(i), "ROW_GROUP_SIZE 2048")
	}
	a.server = s3server.ForTest(t, filepath.Join(dir, "s3"))
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": a.server.AccessKey, "AWS_SECRET_ACCESS_KEY": a.server.SecretKey, "AWS_REGION": a.server.Region,
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_CA_BUNDLE": "",
	} {
		t.Setenv(name, value)
	}
	a.open(filepath.Join(dir, "w"), a.server.Endpoint, config)
	return a
}

// open opens the workspace, over another way to the server perhaps.
func (a *archive) open(root, endpoint, config string) {
	a.t.Helper()
	if err := os.MkdirAll(root, 0o700); err != nil {
		a.t.Fatal(err)
	}
	source := `type: s3, url: "s3://logs/app/", endpoint: "` + endpoint + `", path_style: true`
	text := "name: t\nsources:\n  here: {" + source + ", dataset: pulled}\n  there: {" + source + ", dataset: logs, attach: true}\n" + config
	if err := os.WriteFile(filepath.Join(root, workspace.FileName), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.bench = opened(a.t, root, workbench.Options{})
}

// write writes an object behind the server's back.
func (a *archive) write(key, query, options string) {
	a.t.Helper()
	path := filepath.Join(a.bucket, key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		a.t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		a.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("SET TimeZone = 'UTC'; COPY (" + query + ") TO '" + path + "' (FORMAT parquet, " + options + ")"); err != nil {
		a.t.Fatal(err)
	}
}

// ask runs a person's query and gives its rows as CSV, and what it cost.
func (a *archive) ask(query string) (string, workbench.Use, error) {
	a.t.Helper()
	var use workbench.Use
	ctx := workbench.WithUse(context.Background(), func(u workbench.Use) { use = u })
	rows, err := a.bench.Query(ctx, query, nil, 0)
	if err != nil {
		return "", use, err
	}
	defer rows.Close()
	var out strings.Builder
	_, err = result.Write(&out, rows, "csv", result.Options{})
	return out.String(), use, err
}

func (a *archive) must(query string) (string, workbench.Use) {
	a.t.Helper()
	out, use, err := a.ask(query)
	if err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
	return out, use
}

func (a *archive) pull() workbench.PullResult {
	a.t.Helper()
	r, err := a.bench.Pull(a.t.Context(), workbench.PullOptions{})
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// Whatever is asked, rows that are fetched for it are those that were stored.
func TestAttachedAnswersLikePulled(t *testing.T) {
	a := newArchive(t, "")
	if r := a.pull(); r.Records != days*4000 || r.Attached != days {
		t.Fatalf("%+v", r)
	}
	same := func(t interface {
		Helper()
		Errorf(string, ...any)
	}, query string,
	) workbench.Use {
		t.Helper()
		want, _ := a.must(strings.ReplaceAll(query, "$t", "pulled"))
		got, use := a.must(strings.ReplaceAll(query, "$t", "logs"))
		if got != want {
			t.Errorf("%s\n%s\nwant\n%s", query, got, want)
		}
		return use
	}
	for _, query := range []string{
		"SELECT count(*) FROM $t",
		"SELECT service, count(*) AS n, avg(body.price) AS p FROM $t WHERE event_time >= '2026-01-03' AND event_time < '2026-01-04' GROUP BY ALL ORDER BY ALL",
		"SELECT bit_xor(hash(event_time, arrival_time, service, level, message, trace_id, labels, body, rest, _position, _late)) AS h FROM $t",
		"SELECT event_time, body.http.deep.x AS x, _position FROM $t WHERE level = 'ERROR' AND body.number BETWEEN 3000 AND 3500 ORDER BY ALL",
		"SELECT * EXCLUDE (ingest_time, _seq, _source) FROM $t WHERE event_time = '2026-01-02T00:00:21Z'",
		"SELECT body.tags['k'] AS k, body.http.deep.y[1] AS y FROM $t WHERE body.maybe IS NULL ORDER BY ALL LIMIT 20",
		"WITH e AS (SELECT * FROM $t WHERE level = 'ERROR') SELECT date_trunc('day', event_time) AS d, count(*) AS n FROM e WHERE service LIKE 'c%' GROUP BY ALL ORDER BY ALL",
		"SELECT a.service, count(*) AS n FROM $t a JOIN $t b ON a.body.number = b.body.number AND a.event_time = b.event_time WHERE a.level = 'ERROR' GROUP BY ALL ORDER BY ALL",
		"SELECT count(*) FROM (SELECT service, body.http.status AS s FROM $t)",
		"SELECT max(event_time) AS m FROM $t WHERE event_time > '2027-01-01'",
		"SELECT min(message) AS m FROM (SELECT * FROM $t ORDER BY event_time DESC LIMIT 10)",
		"SELECT count(DISTINCT _seq) AS n FROM $t",
		"SELECT labels['dt'] AS d, count(*) AS n FROM $t GROUP BY ALL ORDER BY ALL",
		"SELECT sum(body.number) AS n FROM $t WHERE labels['dt'] = '2026-01-04'",
		"SELECT sum(n) FROM (SELECT count(*) AS n FROM $t UNION ALL SELECT count(*) FROM $t WHERE service IN ('cart', 'pay'))",
		"SELECT count(*) FROM $t WHERE EXISTS (SELECT 1 FROM $t x WHERE x.body.number = 3999 AND x.level = 'INFO')",
	} {
		same(t, query)
	}
	use := same(t, "SELECT service, max(body.number) AS m FROM $t WHERE event_time >= '2026-01-05' AND event_time < '2026-01-06' GROUP BY ALL ORDER BY ALL")
	if use.Objects != days || use.ObjectsRead != 1 || use.RowGroupsRead != 2 || use.BytesNeeded*10 > use.Bytes || use.BytesFetched != 0 {
		t.Errorf("it cost %+v", use)
	}
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"service", "level", "message", "body.number", "body.price", "body.http.status", "body.http", "body.tags", "body.maybe", "_position", "event_time", "body"}), 1, 4, rapid.ID).Draw(t, "columns")
		where := rapid.SliceOfN(rapid.SampledFrom([]string{
			"event_time >= '2026-01-02T12:00:00Z'", "event_time < '2026-01-04'", "level = 'ERROR'", "service != 'cart'", "body.number > 3900", "body.price <= 10.5",
			"body.http.status IN (200, 203)", "body.maybe IS NOT NULL", "message LIKE 'order 39%'", "(body.number < 5 OR body.number > 3990)", "length(body.pad) > 5",
			"date_trunc('day', event_time) = '2026-01-03'", "body.http.path = '/p/3'", "body.maybe > '5'", "_late = false",
		}), 0, 3).Draw(t, "where")
		query := "SELECT count(*) AS n, bit_xor(hash(" + strings.Join(columns, ", ") + ")) AS h FROM $t"
		if len(where) > 0 {
			query += " WHERE " + strings.Join(where, " AND ")
		}
		same(t, query)
	})
}

// What was fetched is not fetched again, and nothing else is.
func TestAttachedFetchesOnce(t *testing.T) {
	a := newArchive(t, "")
	const query = "SELECT sum(body.number) AS s FROM logs WHERE event_time < '2026-01-02'"
	_, first := a.must(query)
	if first.BytesFetched == 0 || first.BytesFetched != first.BytesEstimated {
		t.Errorf("at first %+v", first)
	}
	_, second := a.must(query)
	if second.BytesFetched != 0 || second.BytesEstimated != 0 || second.BytesNeeded != first.BytesNeeded {
		t.Errorf("then %+v", second)
	}
	_, more := a.must("SELECT sum(body.number + body.price) AS s FROM logs WHERE event_time < '2026-01-02'")
	if more.BytesFetched == 0 || more.BytesFetched >= more.BytesNeeded {
		t.Errorf("one column more cost %+v", more)
	}
}

func TestAttachedBudget(t *testing.T) {
	a := newArchive(t, "limits: {fetch: 500KB}\n")
	_, _, err := a.ask("SELECT body FROM logs")
	var e *engine.Error
	if !errors.As(err, &e) || !strings.Contains(e.Error(), "more than limits.fetch, 500 kB") || !strings.Contains(e.Hint, "limits.fetch") {
		t.Errorf("%v", err)
	}
	if out, use := a.must("SELECT count(*) AS n FROM logs WHERE event_time < '2026-01-02'"); out != "n\n4000\n" || use.BytesFetched > 500_000 {
		t.Errorf("%s, %+v", out, use)
	}
}

// Objects that cannot be read stand in quarantine, and the database lives.
func TestAttachedHostileObjects(t *testing.T) {
	a := newArchive(t, "")
	for name, bytes := range map[string][]byte{"text.parquet": []byte(strings.Repeat("no parquet ", 9)), "empty.parquet": nil, "tiny": []byte("PAR1")} {
		if err := os.WriteFile(filepath.Join(a.bucket, "app", name), bytes, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if corpus := os.Getenv("TIDEMARK_CORPUS"); corpus != "" {
		evil, err := os.ReadFile(filepath.Join(corpus, "parquet/duckdb/plaintext_footer_crypto_metadata.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(a.bucket, "app", "encrypted.parquet"), evil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A sound footer over bytes that are not.
	whole, err := os.ReadFile(filepath.Join(a.bucket, "app/day-00.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 4; i < 40000; i++ {
		whole[i] = 0xA5
	}
	if err := os.WriteFile(filepath.Join(a.bucket, "app/day-99.parquet"), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	out, use := a.must("SELECT count(message) AS n FROM logs")
	if out != fmt.Sprintf("n\n%d\n", days*4000) || use.Broken < 3 {
		t.Errorf("%s, %+v", out, use)
	}
	reasons, _ := a.must("SELECT position, reason FROM tidemark.quarantine ORDER BY ALL")
	for _, want := range []string{"s3://logs/app/text.parquet,it is no Parquet file", "s3://logs/app/day-99.parquet,"} {
		if !strings.Contains(reasons, want) {
			t.Errorf("%s is not in\n%s", want, reasons)
		}
	}
	if again, _ := a.must("SELECT count(message) AS n FROM logs"); again != out {
		t.Errorf("then %s", again)
	}
	if counted, _ := a.must("SELECT count(*) AS n FROM tidemark.quarantine"); counted != fmt.Sprintf("n\n%d\n", strings.Count(reasons, "\n")-1) {
		t.Errorf("it is set aside again: %s", counted)
	}
}

// Objects come, change and go between two queries.
func TestAttachedChanges(t *testing.T) {
	a := newArchive(t, "")
	a.must("SELECT count(*) FROM logs")
	a.write("app/day-00.parquet", "SELECT TIMESTAMPTZ '2026-03-01 00:00:00+00' AS ts, 'new' AS service, 5::BIGINT AS number, 'more' AS extra", "ROW_GROUP_SIZE 2048")
	if err := os.Remove(filepath.Join(a.bucket, "app/day-01.parquet")); err != nil {
		t.Fatal(err)
	}
	// The listing is older than the objects, and the query finds out.
	if out, _ := a.must("SELECT count(message) AS m, count(*) AS n FROM logs"); out != fmt.Sprintf("m,n\n%d,%d\n", (days-2)*4000, (days-2)*4000+1) {
		t.Error(out)
	}
	if out, _ := a.must("SELECT body.extra AS e, service FROM logs WHERE event_time > '2026-02-01'"); out != "e,service\nmore,new\n" {
		t.Error(out)
	}
}
