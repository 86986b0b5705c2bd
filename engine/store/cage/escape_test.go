package cage

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// cores are expressions of FROM that reach beyond the workspace.
var cores = []string{
	"read_csv('STAGING/batch.csv')", "read_csv_auto('OUTSIDE/secret.csv')", "read_json('STAGING/batch.json')", "READ_JSON_AUTO('STAGING/batch.json')",
	"read_json_objects('STAGING/batch.json')", "read_ndjson('STAGING/batch.json')", "read_ndjson_objects('STAGING/batch.json')",
	"read_text('OUTSIDE/secret.csv')", "read_blob('OUTSIDE/secret.csv')", `"read_text"('OUTSIDE/secret.csv')`, "system.main.read_text('OUTSIDE/secret.csv')",
	"main.read_text('OUTSIDE/secret.csv')", "read_parquet('STAGING/x.parquet')", "parquet_scan('STAGING/x.parquet')", "parquet_metadata('STAGING/x.parquet')",
	"read_duckdb('STAGING/x.db')", "glob('/etc/*')", "sniff_csv('STAGING/batch.csv')",
	"query('SELECT * FROM read_text(''OUTSIDE/secret.csv'')')", "query_table('STAGING/batch.csv')", "query_table(['STAGING/batch.csv'])",
	"histogram('STAGING/batch.csv', a)", "histogram_values('STAGING/batch.csv', a)",
	"json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''OUTSIDE/secret.csv'')'))",
	"arrow_scan(1, 2, 3)", "arrow_scan_dumb(1, 2, 3)", "seq_scan('logs')", "duckdb_secrets()", "duckdb_settings()", "duckdb_logs()", "duckdb_logs_parsed('x')",
	"duckdb_external_file_cache()", "duckdb_temporary_files()", "duckdb_prepared_statements()", "which_secret('s3://x', 's3')",
	"checkpoint()", "force_checkpoint()", "enable_logging()", "enable_profiling()", "enable_peg_parser()", "truncate_duckdb_logs()", "sql_auto_complete('SEL')",
	"'STAGING/batch.csv'", `"STAGING/batch.csv"`, "'STAGING/../outside/secret.csv'", "'STAGING/link.csv'", "'STAGING/*.csv'", "'OUTSIDE/secret.csv'",
	"'https://example.com/x.csv'", "'s3://bucket/x.parquet'", "'x.db'", "main.'STAGING/batch.csv'", "duckdb_logs", "pg_settings", "pg_catalog.pg_settings", "nowhere",
}

// expressions reach beyond the workspace, or crash on what they are given.
var expressions = []string{
	"nextval('counter')", "currval('counter')", "setseed(0.5)", "sleep_ms(1)", "pg_sleep(1)", "write_log('x')", "current_setting('temp_directory')",
	"json_serialize_plan('SELECT * FROM read_text(''OUTSIDE/secret.csv'')')", "main.nextval('counter')", `"nextval"('counter')`, "NEXTVAL('counter')", "'counter'::VARCHAR.nextval()",
	"(SELECT content FROM read_text('OUTSIDE/secret.csv'))", "sum(1) EXPORT_STATE", "finalize(sum(1) EXPORT_STATE)",
	"json_structure('[]')", "json_merge_patch('{}', '{}')", "json_contains('[]', '1')", "json_group_structure('[]')",
	"json_transform('1', repeat('[', 20000))", "from_json('1', repeat('[', 20000))", "json_transform('1', extra)",
	"1::VARIANT", "TRY_CAST('[]'::JSON AS VARIANT)", "NULL::STRUCT(a VARIANT)[]", "__internal_decompress_string(1)", "variant_bytes_to_variant(''::BLOB)", "stats(1)",
}

// statements are no SELECT.
var statements = []string{
	"COPY logs TO 'STAGING/out.csv'", "COPY (SELECT 1) TO 'OUTSIDE/out.csv'", "COPY logs FROM 'STAGING/batch.csv'", "COPY FROM DATABASE test TO memory",
	"EXPORT DATABASE 'STAGING/dump'", "IMPORT DATABASE 'STAGING/dump'", "ATTACH ':memory:' AS m", "ATTACH 'STAGING/other.db'", "DETACH test", "USE memory",
	"INSTALL httpfs", "LOAD httpfs", "LOAD 'STAGING/x.duckdb_extension'", "UPDATE EXTENSIONS",
	"SET threads = 1", "SET GLOBAL TimeZone = 'UTC'", "SET SESSION schema = 'main'", "RESET threads", "SET VARIABLE x = 1", "RESET VARIABLE x",
	"PRAGMA enable_profiling", "PRAGMA database_list", "PRAGMA version", "PRAGMA threads = 1", "PRAGMA table_info('logs')",
	"CALL pragma_version()", "CALL enable_logging()", "CHECKPOINT", "FORCE CHECKPOINT", "VACUUM", "VACUUM logs", "ANALYZE", "ANALYZE logs",
	"CREATE TABLE x (a INT)", "CREATE TEMP TABLE x AS SELECT 1", "CREATE OR REPLACE TABLE logs AS SELECT 1", "CREATE VIEW v AS SELECT 1", "CREATE TEMP VIEW v AS SELECT 1",
	"CREATE MACRO f(x) AS x", "CREATE TEMP MACRO f() AS TABLE FROM read_csv('STAGING/batch.csv')", "CREATE SEQUENCE s", "CREATE TYPE t AS INT", "CREATE SCHEMA s", "CREATE INDEX i ON logs (id)",
	"CREATE SECRET s (TYPE s3)", "CREATE PERSISTENT SECRET s (TYPE s3)", "DROP TABLE logs", "DROP VIEW all_events", "ALTER TABLE logs ADD COLUMN x INT",
	"INSERT INTO logs (id) VALUES (1)", "INSERT INTO logs (id) VALUES (1) RETURNING id", "UPDATE logs SET id = 1", "DELETE FROM logs", "TRUNCATE logs",
	"MERGE INTO logs USING (SELECT 1 AS id) s ON logs.id = s.id WHEN MATCHED THEN DELETE", "COMMENT ON TABLE logs IS 'x'",
	"PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "BEGIN", "COMMIT", "ROLLBACK", "ABORT", "EXPLAIN DROP TABLE logs", "EXPLAIN ANALYZE INSERT INTO logs (id) VALUES (1)",
	"EXPLAIN COPY logs TO 'STAGING/out.csv'", "EXPLAIN ANALYZE COPY logs TO 'STAGING/out.csv'", "EXPLAIN EXPLAIN SELECT 1", "EXPLAIN (ANALYZE) DELETE FROM logs",
	"WITH x AS (INSERT INTO logs (id) VALUES (1) RETURNING id) FROM x", "WITH x AS (SELECT 1) DELETE FROM logs", "PIVOT logs ON service USING count(*)",
	"SELECT * INTO x FROM logs", "SUMMARIZE 'STAGING/batch.csv'", "DESCRIBE 'STAGING/batch.csv'", "SHOW 'STAGING/batch.csv'", "DESCRIBE read_csv('STAGING/batch.csv')",
	"SHOW threads", "",
}

// tricks try to hide a second statement, or to make two parsers disagree.
var tricks = []string{
	"COMMIT; DROP TABLE logs", "SELECT 1; DROP TABLE logs", "SELECT 1;;DROP TABLE logs;", ";DROP TABLE logs", "SELECT 1;\u00a0DROP TABLE logs",
	"SELECT 1 -- x\rDROP TABLE logs", "SELECT 1 -- x\r; DROP TABLE logs", "--x\rDROP TABLE logs; explain\n explain SELECT 1", "--x\rDROP TABLE logs;--\nEXPLAIN SELECT 1",
	"/* /* */ SELECT 1 */ DROP TABLE logs", "/* */ */ SELECT 1", "SELECT 1 /* ; DROP TABLE logs", "EXPLAIN /* */ DROP TABLE logs", "EXPLAIN\u2003DROP TABLE logs",
	"SELECT 'a\\'; DROP TABLE logs; --'", "SELECT E'a\\'; DROP TABLE logs; --", "SELECT $$a; DROP TABLE logs", "SELECT $a$ $b$; DROP TABLE logs; $a$; DROP TABLE logs",
	"SELECT U&'\\0027; DROP TABLE logs'; DROP TABLE logs", "SELECT 1\x00; DROP TABLE logs", "SELECT '\xff'; DROP TABLE logs", "\ufeffDROP TABLE logs", "\u200bDROP TABLE logs",
	"SELECT \"a; DROP TABLE logs", "SELECT 1 \u2028; DROP TABLE logs", "EXPLAIN (FORMAT json, x) DROP TABLE logs", "EXPLAIN ANALYZE VERBOSE DROP TABLE logs",
	"SELECT * FROM (WITH \"STAGING/batch.csv\" AS (SELECT 1) SELECT 1), \"STAGING/batch.csv\"",
	"WITH a AS (FROM \"STAGING/batch.csv\"), \"STAGING/batch.csv\" AS (SELECT 1) FROM a",
	"WITH \"STAGING/batch.csv\" AS (FROM \"STAGING/batch.csv\") FROM \"STAGING/batch.csv\"",
	"WITH RECURSIVE \"STAGING/batch.csv\" AS (SELECT * FROM \"STAGING/batch.csv\") FROM \"STAGING/batch.csv\"",
	"(WITH \"STAGING/batch.csv\" AS (SELECT 1, 2) FROM \"STAGING/batch.csv\") UNION ALL FROM \"STAGING/batch.csv\"",
	"SELECT (WITH f AS (SELECT 1) SELECT 1) FROM f",
}

// escapes are all queries that must be refused.
func escapes() []string {
	out := append(append([]string{}, statements...), tricks...)
	for _, core := range cores {
		out = append(out, "SELECT * FROM "+core)
	}
	for _, x := range expressions {
		out = append(out, "SELECT "+x, "SELECT "+x+" FROM logs")
	}
	return out
}

// TestCheckRefuses has Check alone stand in the way: the instance is not
// shut in, and nothing of it may change.
func TestCheckRefuses(t *testing.T) {
	p := bare(t)
	conn, before := p.conn(t), p.state(t)
	for _, query := range escapes() {
		query = p.fill(query)
		_, err := Check(t.Context(), conn, query, nil)
		switch {
		case err == nil:
			t.Errorf("it may run: %s", query)
		case engine.KindOf(err) != engine.Invalid:
			t.Errorf("%s\n\tis %s: %v", query, engine.KindOf(err), err)
		}
	}
	if after := p.state(t); after != before {
		t.Errorf("something has changed:\n%s\nwas\n%s", after, before)
	}
}

// TestQueryChangesNothing sends the same through Query, where an instance is
// shut in.
func TestQueryChangesNothing(t *testing.T) {
	p := shut(t)
	before := p.state(t)
	for _, query := range escapes() {
		rows, err := Query(t.Context(), p.db, p.fill(query), nil, Options{Timeout: time.Minute})
		if err == nil {
			t.Errorf("it ran: %s", query)
			rows.Close()
		}
	}
	if after := p.state(t); after != before {
		t.Errorf("something has changed:\n%s\nwas\n%s", after, before)
	}
}

// TestHardenHolds goes around Check: what the instance itself must refuse.
func TestHardenHolds(t *testing.T) {
	p := shut(t)
	for _, query := range []string{
		"FROM read_csv('OUTSIDE/secret.csv')", "FROM read_csv('STAGING/../outside/secret.csv')", "FROM read_csv('STAGING/link.csv')", "FROM read_text('/etc/passwd')",
		"FROM glob('/etc/*')", "FROM sniff_csv('OUTSIDE/secret.csv')", "FROM 'OUTSIDE/secret.csv'", "COPY logs TO 'OUTSIDE/out.csv'", "EXPORT DATABASE 'OUTSIDE/dump'",
		"ATTACH 'OUTSIDE/other.db'", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true", "SET allowed_directories = ['/']", "SET lock_configuration = false",
		"RESET enable_external_access", "SET threads = 1", "SET TimeZone = 'UTC'", "PRAGMA profiling_output = 'OUTSIDE/x'", "CREATE PERSISTENT SECRET s (TYPE s3)",
		"FROM read_csv('https://example.com/x.csv')",
	} {
		if _, err := p.db.Exec(p.fill(query)); err == nil {
			t.Errorf("it ran: %s", query)
		}
	}
	if _, err := p.db.Exec(p.fill("SELECT count(*) FROM read_json('STAGING/batch.json')")); err != nil {
		t.Errorf("our own loading: %v", err)
	}
}

// wraps put a source of FROM, %, deeper into a query.
var wraps = []string{
	"SELECT * FROM (%) AS w", "SELECT * FROM logs, LATERAL (%) AS w", "WITH w AS (%) FROM w", "WITH w AS MATERIALIZED (%) SELECT 1", "SELECT 1 UNION ALL (%)", "(%) EXCEPT SELECT 1",
	"SELECT (%)", "SELECT 1 WHERE EXISTS (%)", "SELECT 1 WHERE 1 IN (%)", "SELECT 1 ORDER BY (%)", "SELECT 1 LIMIT (%)", "SELECT 1 GROUP BY (%)", "SELECT 1 FROM logs HAVING (%) > 0",
	"SELECT CASE WHEN true THEN 1 ELSE (%) END", "SELECT list_transform([1], lambda x: (%))", "SELECT sum(1) FILTER (WHERE (%) > 0) OVER (PARTITION BY (%))",
	"EXPLAIN %", "EXPLAIN ANALYZE %", "DESCRIBE %", "SUMMARIZE %", "SELECT * FROM (DESCRIBE %)", "FROM summary((%))", "SELECT * REPLACE ((%) AS id) FROM logs",
	"SELECT * FROM logs JOIN (%) AS w ON true", "SELECT * FROM logs ASOF JOIN (%) AS w ON 1 >= 1", "VALUES ((%))", "SELECT [(%)]", "SELECT {'a': (%)}", "SELECT MAP {'a': (%)}",
	"SELECT COALESCE(NULL, (%))", "SELECT TRY((%))", "SELECT CAST((%) AS VARCHAR)", "SELECT 1 FROM logs QUALIFY (%) > 0", "SELECT DISTINCT ON ((%)) 1", "FROM range((%))",
	"SELECT * FROM (SELECT 1 AS a) PIVOT (count((%)) FOR a IN (1))", "WITH RECURSIVE r AS (SELECT 1 UNION ALL (%)) FROM r", "SELECT string_agg('a', ',' ORDER BY (%))",
	"SELECT 1 /* ; */ FROM (%) AS w -- )", "SELECT ARRAY(%)", "SELECT 1 = ANY(%)", "SELECT (%) COLLATE NOCASE", "SELECT (%) BETWEEN 1 AND 2", "SELECT [1][(%)]",
}

// TestNestedEscapes wraps what must not be read into a random query. Wrapped
// harmless text must not be refused for its wrapping alone.
func TestNestedEscapes(t *testing.T) {
	p := bare(t)
	conn := p.conn(t)
	for _, w := range wraps {
		if query := strings.ReplaceAll(w, "%", "SELECT 1"); refused(conn, query) != nil {
			t.Errorf("%s: %v", query, refused(conn, query))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		query := "SELECT * FROM " + rapid.SampledFrom(cores).Draw(t, "core")
		if rapid.Bool().Draw(t, "expression") {
			query = "SELECT " + rapid.SampledFrom(expressions).Draw(t, "expression")
		}
		for range rapid.IntRange(0, 4).Draw(t, "depth") {
			query = strings.ReplaceAll(rapid.SampledFrom(wraps).Draw(t, "wrap"), "%", query)
		}
		if refused(conn, p.fill(query)) == nil {
			t.Fatalf("it may run: %s", query)
		}
	})
}

func refused(conn *sql.Conn, query string) error {
	_, err := Check(context.Background(), conn, query, nil)
	return err
}
