package main

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/source/cache"
	source "tidemark.dev/tidemark/engine/source/s3"
	"tidemark.dev/tidemark/internal/s3server"
)

// An archive of a month, a file a day, with many columns.
const (
	archiveDays    = 30
	archiveColumns = 40
	askedDay       = 17
	askedSQL       = `SELECT service, count(*) AS n, avg(body.c07) AS mean FROM app_logs WHERE event_time >= '2026-01-18' AND event_time < '2026-01-19' GROUP BY ALL ORDER BY ALL`
)

// dayOf is a SELECT of a day's records.
func dayOf(day int, n int64) string {
	columns := []string{
		fmt.Sprintf("TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_microseconds((%d * 86400000000 + i * (86400000000 // %d))::BIGINT) AS ts", day, n),
		"['checkout', 'cart', 'payments', 'catalog'][1 + (i % 4)::INT] AS service",
	}
	for c := len(columns); c < archiveColumns; c++ {
		column := fmt.Sprintf("(hash(i + %d) %% 1000000) / 7.0 AS c%02d", c*1000, c)
		if c%3 == 0 {
			column = fmt.Sprintf("substr(md5((i + %d)::VARCHAR), 1, 12) AS c%02d", c*1000, c)
		}
		columns = append(columns, column)
	}
	return "SELECT " + strings.Join(columns, ", ") + fmt.Sprintf(" FROM range(%d) t(i)", n)
}

func (b *bench) serveMonth() (*s3server.Server, []string, error) {
	root := filepath.Join(b.dir, "s3-month")
	if err := os.MkdirAll(filepath.Join(root, "logs"), 0o700); err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	// Four times what others have: objects of 80 MB by default, as those of
	// a day are. What a question costs grows more slowly than the archive.
	const rowBytes, times = 320, 4
	n := max(times*b.size/rowBytes/archiveDays, 1000)
	var keys []string
	for day := range archiveDays {
		key := fmt.Sprintf("day-%02d.parquet", day)
		keys = append(keys, key)
		if _, err := db.ExecContext(b.ctx, "SET TimeZone = 'UTC'; COPY ("+dayOf(day, n)+") TO '"+filepath.Join(root, "logs", key)+"' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 24576)"); err != nil {
			return nil, nil, err
		}
	}
	s, err := s3server.Start(b.ctx, root)
	return s, keys, err
}

// neededBytes counts the chunks of the asked columns of the asked day, by what
// DuckDB reads of the file.
func (b *bench) neededBytes() (n int64, err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	path := filepath.Join(b.dir, "s3-month", "logs", fmt.Sprintf("day-%02d.parquet", askedDay))
	err = db.QueryRowContext(b.ctx, "SELECT sum(total_compressed_size)::BIGINT FROM parquet_metadata('"+path+"') WHERE path_in_schema IN ('ts', 'service', 'c07')").Scan(&n)
	return n, err
}

// attach asks one question of a month that stays in S3, against downloading
// the month.
func (b *bench) attach() error {
	s, keys, err := b.serveMonth()
	if err != nil {
		return err
	}
	defer s.Stop()
	needed, err := b.neededBytes()
	if err != nil {
		return err
	}
	var first, known []time.Duration
	var whole []time.Duration
	var use workbench.Use
	for run := range b.runs {
		began := time.Now()
		if err := b.plainDownload(s, keys, run, false); err != nil {
			return err
		}
		whole = append(whole, time.Since(began))
		cold, warm, u, err := b.askMonth(s, run)
		if err != nil {
			return err
		}
		first, known, use = append(first, cold), append(known, warm), u
	}
	fmt.Printf("%-14s %.3fx of the bytes of the column chunks it needs (target 1.15x; %d and %d bytes of %d)\n", "attach bytes", float64(use.BytesFetched)/float64(needed), use.BytesFetched, needed, use.Bytes)
	b.report("attach", "downloading the objects whole, their footers known", 1.0/8, known, whole)
	b.report("attach first", "downloading the objects whole, nothing known", 1.0/8, first, whole)
	return nil
}

// askMonth asks in a workspace that knows nothing, and then in one that knows
// the footers and has nothing else in its cache.
func (b *bench) askMonth(s *s3server.Server, run int) (cold, warm time.Duration, use workbench.Use, err error) {
	dir, err := b.fresh("attached", run)
	if err != nil {
		return 0, 0, use, err
	}
	defer os.RemoveAll(dir)
	ask := func() (took time.Duration, err error) {
		bench, err := openWorkspace(b.ctx, dir, s, true)
		if err != nil {
			return 0, err
		}
		defer bench.Close()
		began := time.Now()
		rows, err := bench.Query(workbench.WithUse(b.ctx, func(u workbench.Use) { use = u }), askedSQL, nil, 0)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		return time.Since(began), nil
	}
	if cold, err = ask(); err != nil {
		return 0, 0, use, err
	}
	if err = os.RemoveAll(filepath.Join(dir, ".tidemark", "cache")); err != nil {
		return 0, 0, use, err
	}
	warm, err = ask()
	return cold, warm, use, err
}

// plainDownload fetches objects with the plain SDK: whole, or in ranges of 8 MB.
func (b *bench) plainDownload(s *s3server.Server, keys []string, run int, ranged bool) error {
	into, err := b.fresh("plain", run)
	if err != nil {
		return err
	}
	defer os.RemoveAll(into)
	client := s3.New(s3.Options{
		Region: s.Region, BaseEndpoint: aws.String(s.Endpoint), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
	})
	g, ctx := errgroup.WithContext(b.ctx)
	g.SetLimit(concurrency)
	const part = 8 << 20
	for _, key := range keys {
		info, err := os.Stat(filepath.Join(s.Dir, "logs", key))
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(into, key))
		if err != nil {
			return err
		}
		defer f.Close()
		step := info.Size()
		if ranged {
			step = part
		}
		for at := int64(0); at < info.Size(); at += step {
			g.Go(func() error {
				in := &s3.GetObjectInput{Bucket: aws.String("logs"), Key: aws.String(key)}
				if ranged {
					in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", at, min(at+step, info.Size())-1))
				}
				out, err := client.GetObject(ctx, in)
				if err != nil {
					return err
				}
				defer out.Body.Close()
				_, err = io.Copy(io.NewOffsetWriter(f, at), out.Body)
				return err
			})
		}
	}
	return g.Wait()
}

// download fetches many objects through the source and the cache, against the
// faster of the two plain ways.
func (b *bench) downloads() error {
	s, keys, err := b.serveMonth()
	if err != nil {
		return err
	}
	defer s.Stop()
	os.Setenv("AWS_ACCESS_KEY_ID", s.AccessKey)
	os.Setenv("AWS_SECRET_ACCESS_KEY", s.SecretKey)
	var ours, plain, ranged []time.Duration
	for run := range b.runs {
		for _, side := range []struct {
			into *[]time.Duration
			run  func() error
		}{
			{&plain, func() error { return b.plainDownload(s, keys, run, false) }},
			{&ranged, func() error { return b.plainDownload(s, keys, run, true) }},
			{&ours, func() error { return b.cachedDownload(s, run) }},
		} {
			began := time.Now()
			if err := side.run(); err != nil {
				return err
			}
			*side.into = append(*side.into, time.Since(began))
		}
	}
	reference := "plain concurrent download"
	if median(ranged) < median(plain) {
		plain, reference = ranged, "plain concurrent ranged download"
	}
	b.report("download", reference, 1.1, ours, plain)
	return nil
}

func (b *bench) cachedDownload(s *s3server.Server, run int) error {
	dir, err := b.fresh("cached", run)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kept, err := cache.New(dir, 100<<30)
	if err != nil {
		return err
	}
	from, err := source.New(b.ctx, source.Config{Name: "archive", URL: "s3://logs/", Endpoint: s.Endpoint, Region: s.Region, PathStyle: true})
	if err != nil {
		return err
	}
	through := kept.Source(from, from.Place())
	g, ctx := errgroup.WithContext(b.ctx)
	g.SetLimit(concurrency)
	if err := from.List(ctx, func(o engine.Object) bool {
		g.Go(func() error {
			r, err := through.Open(ctx, o)
			if err != nil {
				return err
			}
			return r.Close()
		})
		return true
	}); err != nil {
		return err
	}
	return g.Wait()
}
