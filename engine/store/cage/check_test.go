package cage

import (
	"slices"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

// TestAllowed runs what people write.
func TestAllowed(t *testing.T) {
	p := shut(t)
	for _, query := range []string{
		"SELECT 1", "select 1;", "/* a */ SELECT 1 -- b", "-- a\n\nSELECT 1;;\n-- c", "SELECT\u00a01\u2003AS\u00a0x",
		"FROM logs", "TABLE logs", "VALUES (1), (2)", "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1",
		"SELECT * FROM logs WHERE service = 'checkout' ORDER BY id DESC LIMIT 2 OFFSET 1",
		"SELECT body.http.status, labels['region'], extra->>'big', extra->'$.big' FROM logs",
		"SELECT service, count(*), sum(ms), quantile_cont(ms, 0.95), approx_quantile(ms, 0.5) FROM logs GROUP BY ALL HAVING count(*) > 1",
		"SELECT time_bucket(INTERVAL 1 minute, now()), date_trunc('hour', TIMESTAMP '2026-01-01'), epoch_ms(0), current_date, now() AT TIME ZONE 'Europe/Berlin'",
		"WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a) SELECT * FROM b, a AS c",
		"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
		"WITH RECURSIVE r(n, m) USING KEY (n) AS (SELECT 1, 1 UNION SELECT n, m + 1 FROM recurring.r WHERE m < 3) SELECT * FROM r",
		"WITH logs AS (SELECT * FROM logs WHERE id = 1) SELECT * FROM logs",
		"SELECT * FROM (SELECT id FROM logs) x JOIN all_events USING (id) LEFT JOIN LATERAL (SELECT x.id + 1 AS y) ON true",
		"SELECT l.*, row_number() OVER (PARTITION BY service ORDER BY id) FROM logs l QUALIFY row_number() OVER (ORDER BY id) <= 2",
		"SELECT sum(id) FILTER (WHERE id > 1) OVER w, lag(id) OVER w FROM logs WINDOW w AS (ORDER BY id ROWS 2 PRECEDING)",
		"SELECT list_transform([1, 2], lambda x: x + 1), [x * 2 FOR x IN [1, 2, 3] IF x > 1], list_filter([1], lambda x: x > 0)",
		"SELECT unnest([1, 2, 3]), generate_series(1, 3), {'a': 1}, MAP {'a': 1}",
		"SELECT * FROM range(3), generate_series(1, 2) g(i), unnest([1, 2]) u(x)",
		"SELECT * FROM logs, unnest([1, 2]) WITH ORDINALITY",
		"SELECT * FROM json_each('{\"a\": 1}'), json_tree('[1, 2]')",
		"SELECT json_extract_string(extra, '$.big'), json_keys(extra), json_type(extra), to_json(body), json_object('a', 1) FROM logs",
		"SELECT json_transform('{\"a\": 1}', '{\"a\": \"BIGINT\"}'), from_json('[1]', '[\"INT\"]')",
		"SELECT COLUMNS('^i') FROM logs", "SELECT * EXCLUDE (body) REPLACE (id + 1 AS id) FROM logs", "SELECT * LIKE 's%' FROM logs",
		"PIVOT logs ON service IN ('checkout') USING sum(ms)", "FROM logs PIVOT (sum(ms) FOR service IN ('checkout'))",
		"SELECT * FROM (PIVOT logs ON service IN ('checkout') USING sum(ms) GROUP BY id)",
		"UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b", "SELECT * FROM logs TABLESAMPLE 50%", "SELECT DISTINCT ON (service) id FROM logs",
		"SELECT CASE WHEN id > 1 THEN 'a' ELSE 'b' END, id BETWEEN 1 AND 2, id IN (1, 2), id = ANY([1]), EXISTS (SELECT 1), id IS DISTINCT FROM 1, NOT id > 1 FROM logs",
		"SELECT 'a' LIKE 'b', 'a' SIMILAR TO 'b', 'a' ~ 'b', 'a' COLLATE NOCASE = 'A', 'a' || 'b', -1, 5 % 2, 2 ** 3, 5 // 2, [1, 2][1], 'abc'[1:2], TRY_CAST('x' AS INT), TRY(1 // 0)",
		"SELECT CAST('{\"a\": 1}' AS STRUCT(a INT)), [1]::DOUBLE[], '2026-01-01'::DATE, 'a'::ENUM('a', 'b'), 1::DECIMAL(9, 2)",
		"SELECT count(*) FROM logs GROUP BY GROUPING SETS ((id), ())",
		"SELECT grouping(id), id FROM logs GROUP BY CUBE (id)",
		"EXPLAIN SELECT * FROM logs", "EXPLAIN ANALYZE SELECT * FROM logs", "EXPLAIN (FORMAT json) SELECT 1", "EXPLAIN (ANALYZE) FROM logs",
		"/* why */ explain -- it\n analyze (SELECT 1)",
		"SHOW TABLES", "SHOW ALL TABLES", "SHOW DATABASES", "SHOW SCHEMAS", "SHOW logs", "DESCRIBE logs", "DESCRIBE SELECT * FROM logs", "SUMMARIZE logs",
		"SUMMARIZE SELECT id FROM logs", "SELECT column_name FROM (DESCRIBE logs)", "SHOW TABLES FROM tidemark",
		"SELECT * FROM tidemark.objects", "SELECT * FROM test.main.logs", "SELECT * FROM main.logs", `SELECT * FROM "odd.name"`, `SELECT * FROM LOGS`,
		"SELECT * FROM information_schema.tables", "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_columns", "SELECT * FROM pg_catalog.pg_class", "FROM sqlite_master",
		"SELECT * FROM pragma_table_info('logs')", "SELECT * FROM summary((FROM logs))", "SELECT error('x') WHERE false",
		"SELECT 'files: /etc/passwd; DROP TABLE logs --'", `SELECT 1 AS "a;b"`, "SELECT $$a;'b$$, $tag$ ; $tag$, E'it\\'s;'", "SELECT 'SELECT ''x'''",
		"SELECT random() >= 0, gen_random_uuid() IS NOT NULL, hash(1), md5('a'), version(), typeof(1), pg_typeof(1), user",
	} {
		rows, err := Query(t.Context(), p.db, query, nil, Options{Timeout: time.Minute})
		if err != nil {
			t.Errorf("%s\n\t%v", query, err)
			continue
		}
		for rows.Next() {
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: rows: %v", query, err)
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: close: %v", query, err)
		}
	}
}

func TestStatement(t *testing.T) {
	p := shut(t)
	s, err := Check(t.Context(), p.conn(t),
		"/* x */ WITH a AS (FROM Logs) SELECT * FROM a, tidemark.objects WHERE id = $from AND key = $service AND id > $from; -- end", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "        WITH a AS (FROM Logs) SELECT * FROM a, tidemark.objects WHERE id = $from AND key = $service AND id > $from"; s.SQL != want {
		t.Errorf("SQL %q", s.SQL)
	}
	if want := []string{"Logs", "tidemark.objects"}; !slices.Equal(s.Tables, want) {
		t.Errorf("tables %q", s.Tables)
	}
	if want := []string{"from", "service"}; !slices.Equal(s.Parameters, want) {
		t.Errorf("parameters %q", s.Parameters)
	}
	for query, want := range map[string][2]bool{
		"SELECT 1": {}, "EXPLAIN SELECT 1": {true, false}, "SHOW TABLES": {false, true}, "DESCRIBE logs": {false, true},
	} {
		s, err := Check(t.Context(), p.conn(t), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{s.Explain, s.Catalog}; got != want {
			t.Errorf("%s: explain, catalog = %v", query, got)
		}
	}
}

func TestRefusalIsInvalid(t *testing.T) {
	p := shut(t)
	_, err := Check(t.Context(), p.conn(t), "DROP TABLE logs", nil)
	if engine.KindOf(err) != engine.Invalid {
		t.Fatalf("%v is %s", err, engine.KindOf(err))
	}
}
