package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/s3server"
)

const objects = 32

// lineBytes is how long a record is as a line.
const lineBytes = 425

// concurrency is that of the product's downloads; the reference gets the same.
const concurrency = 8

// explicitColumns is what somebody would write who knows the records.
const explicitColumns = `{ts: 'TIMESTAMPTZ', service: 'VARCHAR', level: 'VARCHAR', message: 'VARCHAR', trace_id: 'VARCHAR', span_id: 'VARCHAR',
	region: 'VARCHAR', method: 'VARCHAR', route: 'VARCHAR', status: 'BIGINT', duration_ms: 'DOUBLE', bytes: 'BIGINT',
	"user": 'STRUCT(id VARCHAR, plan VARCHAR)', cart: 'STRUCT(items BIGINT, total DOUBLE, currency VARCHAR)', version: 'VARCHAR'}`

// records is a SELECT of lifelike records, n of them per object.
func records(object int, n int64) string {
	return fmt.Sprintf(`SELECT TIMESTAMPTZ '2026-01-05 00:00:00+00' + to_milliseconds((%[1]d * %[2]d + i) * 20) AS ts,
		['checkout', 'cart', 'payments', 'catalog', 'storefront'][1 + (i %% 5)::INT] AS service,
		CASE WHEN hash(i) %% 100 < 2 THEN 'ERROR' ELSE 'INFO' END AS level,
		'POST /api/v2/orders answered in ' || (hash(i) %% 400) || ' ms for customer ' || (hash(i + 7) %% 90000) AS message,
		md5(i::VARCHAR || '%[1]d') AS trace_id, substr(md5(i::VARCHAR), 1, 16) AS span_id,
		['eu-west-1', 'us-east-1', 'ap-south-1'][1 + (hash(i) %% 3)::INT] AS region, 'POST' AS method, '/api/v2/orders' AS route,
		CASE WHEN hash(i) %% 100 < 2 THEN 503 ELSE 200 END::BIGINT AS status, (hash(i) %% 400000) / 1000.0::DOUBLE AS duration_ms,
		(hash(i + 3) %% 20000)::BIGINT AS bytes, {'id': 'u-' || (hash(i + 7) %% 90000), 'plan': 'free'} AS "user",
		{'items': (hash(i + 1) %% 9)::BIGINT, 'total': (hash(i + 2) %% 90000) / 100.0::DOUBLE, 'currency': 'EUR'} AS cart, '3.14.2' AS version
		FROM range(%[2]d) t(i)`, object, n)
}

// serve writes the objects into a bucket and starts a server over it.
func (b *bench) serve(options, suffix string) (*s3server.Server, error) {
	root := filepath.Join(b.dir, "s3-"+suffix)
	bucket := filepath.Join(root, "logs")
	if err := os.MkdirAll(bucket, 0o700); err != nil {
		return nil, err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	n := b.size / lineBytes / objects
	for i := range objects {
		path := filepath.Join(bucket, fmt.Sprintf("app-%03d.%s", i, suffix))
		if _, err := db.ExecContext(b.ctx, "COPY ("+records(i, n)+") TO '"+path+"' ("+options+")"); err != nil {
			return nil, err
		}
	}
	return s3server.Start(b.ctx, root)
}

// download fetches every object of the bucket with the plain SDK.
func download(ctx context.Context, s *s3server.Server, suffix, into string) error {
	client := s3.New(s3.Options{
		Region: s.Region, BaseEndpoint: aws.String(s.Endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(concurrency)
	for i := range objects {
		g.Go(func() error {
			key := fmt.Sprintf("app-%03d.%s", i, suffix)
			out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("logs"), Key: aws.String(key)})
			if err != nil {
				return err
			}
			defer out.Body.Close()
			f, err := os.Create(filepath.Join(into, key))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.ReadFrom(out.Body)
			return err
		})
	}
	return g.Wait()
}

// reference downloads and loads with DuckDB alone, into a database of its own.
func (b *bench) reference(s *s3server.Server, suffix, load string) func(int) error {
	return func(run int) error {
		dir, err := b.fresh("reference-"+suffix, run)
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := download(b.ctx, s, suffix, dir); err != nil {
			return err
		}
		db, err := sql.Open("duckdb", filepath.Join(dir, "db"))
		if err != nil {
			return err
		}
		defer db.Close()
		for _, statement := range []string{
			"SET threads = 2", "SET memory_limit = '2GB'", "SET preserve_insertion_order = false", "SET checkpoint_threshold = '512MB'",
			strings.ReplaceAll(load, "FILES", "'"+filepath.Join(dir, "app-*")+"'"), "CHECKPOINT",
		} {
			if _, err := db.ExecContext(b.ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}
}

// product pulls the same objects into a workspace.
func (b *bench) product(s *s3server.Server, suffix string) func(int) error {
	return func(run int) error {
		dir, err := b.fresh("product-"+suffix, run)
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		bench, err := openWorkspace(b.ctx, dir, s, false)
		if err != nil {
			return err
		}
		result, err := bench.Pull(b.ctx, workbench.PullOptions{})
		if err == nil && (result.Failed > 0 || result.Quarantined > 0 || result.Records == 0) {
			err = fmt.Errorf("pulled %+v", result)
		}
		if closed := bench.Close(); err == nil {
			err = closed
		}
		return err
	}
}

// openWorkspace opens a workspace whose one source is the server's bucket,
// pulled or attached.
func openWorkspace(ctx context.Context, dir string, s *s3server.Server, attach bool) (*workbench.Workbench, error) {
	c := workspace.Default()
	c.Limits.Threads = 2
	source := workspace.Source{Name: "archive", Type: "s3", URL: "s3://logs/", Endpoint: s.Endpoint, Region: s.Region, PathStyle: true, Format: "auto", Dataset: "app_logs", Attach: attach}
	c.Sources = engine.Entries[workspace.Source]{{Key: engine.Text{Value: "archive"}, Value: source}}
	w := workspace.New(dir, c)
	w.Trusted = true
	if err := w.Prepare(); err != nil {
		return nil, err
	}
	os.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	os.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	return workbench.Open(ctx, w, workbench.Options{})
}

func (b *bench) pullLines() error {
	s, err := b.serve("FORMAT json, COMPRESSION gzip", "ndjson.gz")
	if err != nil {
		return err
	}
	defer s.Stop()
	return b.pair("pull NDJSON", "download + read_json with explicit types", 1.3, b.product(s, "ndjson.gz"),
		b.reference(s, "ndjson.gz", "CREATE TABLE app_logs AS SELECT * FROM read_json(FILES, format = 'newline_delimited', compression = 'gzip', columns = "+explicitColumns+")"))
}

func (b *bench) pullParquet() error {
	s, err := b.serve("FORMAT parquet, COMPRESSION zstd", "parquet")
	if err != nil {
		return err
	}
	defer s.Stop()
	return b.pair("pull Parquet", "download + CREATE TABLE AS SELECT FROM read_parquet", 1.3, b.product(s, "parquet"),
		b.reference(s, "parquet", "CREATE TABLE app_logs AS SELECT * FROM read_parquet(FILES)"))
}
