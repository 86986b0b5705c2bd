package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workbench"
)

// pulled pulls what lies in dir/in into a new workspace beside it.
func (b *bench) pulled(dir, dataset string) error {
	if err := os.RemoveAll(filepath.Join(dir, ".tidemark")); err != nil {
		return err
	}
	bench, err := b.workspace(dir, dataset)
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

// loaded is a statement of DuckDB alone, into a database of its own.
func (b *bench) loaded(dir, statement string) error {
	path := filepath.Join(dir, "reference.db")
	defer os.Remove(path)
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range []string{"SET threads = 2", "SET memory_limit = '2GB'", "SET preserve_insertion_order = false", "SET checkpoint_threshold = '512MB'", statement, "CHECKPOINT"} {
		if _, err := db.ExecContext(b.ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// pullLabels pulls Parquet whose columns become labels and go through a
// plugin, as those of the sample workspace do.
func (b *bench) pullLabels() error {
	dir := filepath.Join(b.dir, "labels")
	for i := range 8 {
		if err := b.write(records(i, b.size/lineBytes/8), filepath.Join(dir, "in", fmt.Sprintf("app-%d.parquet", i)), "FORMAT parquet, COMPRESSION zstd"); err != nil {
			return err
		}
	}
	settings := "{event_time: ts, labels: [region, method], transforms: [mask_pii]}"
	if err := os.MkdirAll(filepath.Join(dir, "plugins"), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "plugins", "mask_pii.yaml"), []byte("fields: [message, body.version]\n"), 0o600); err != nil {
		return err
	}
	return b.pair("pull labels", "CREATE TABLE AS SELECT FROM read_parquet, without labels and a plugin", 2,
		func(int) error { return b.pulled(dir, settings) },
		func(int) error {
			return b.loaded(dir, "CREATE TABLE app_logs AS SELECT * FROM read_parquet('"+filepath.Join(dir, "in", "*")+"')")
		})
}

// nestedPaths writes a body of 60 paths in objects of objects: as a SELECT's
// columns, and as the types read_json is told.
func nestedPaths() (values, types string) {
	var v, t []string
	for g := range 6 {
		var gv, gt []string
		for h := range 2 {
			var hv, ht []string
			for i, leaf := range []struct{ value, typ string }{
				{"(hash(i + %d) %% 90000)::BIGINT", "BIGINT"},
				{"'v-' || (hash(i + %d) %% 500)", "VARCHAR"},
				{"(hash(i + %d) %% 100000) / 100.0::DOUBLE", "DOUBLE"},
				{"hash(i + %d) %% 2 = 0", "BOOLEAN"},
				{"CASE WHEN hash(i + %d) %% 10 < 7 THEN 'optional ' || (i %% 50) END", "VARCHAR"},
			} {
				hv = append(hv, fmt.Sprintf("'f%d': "+leaf.value, i, 10*g+5*h+i))
				ht = append(ht, fmt.Sprintf("f%d %s", i, leaf.typ))
			}
			gv = append(gv, fmt.Sprintf("'h%d': {%s}", h, strings.Join(hv, ", ")))
			gt = append(gt, fmt.Sprintf("h%d STRUCT(%s)", h, strings.Join(ht, ", ")))
		}
		v = append(v, fmt.Sprintf("{%s} AS g%d", strings.Join(gv, ", "), g))
		t = append(t, fmt.Sprintf("g%d: 'STRUCT(%s)'", g, strings.Join(gt, ", ")))
	}
	return strings.Join(v, ", "), strings.Join(t, ", ")
}

// nestedBytes is how long a record of nestedPaths is.
const nestedBytes = 1000

func nested(n int64) (query, types string) {
	values, types := nestedPaths()
	query = fmt.Sprintf("SELECT TIMESTAMPTZ '2026-01-05 00:00:00+00' + to_milliseconds(i * 20) AS ts, 'web' AS service, %s FROM range(%d) t(i)", values, n)
	return query, "{ts: 'TIMESTAMPTZ', service: 'VARCHAR', " + types + "}"
}

// pullNested pulls deep records from this machine, so that nothing but reading,
// checking and storing them is measured.
func (b *bench) pullNested() error {
	dir := filepath.Join(b.dir, "nested")
	query, types := nested(b.size / nestedBytes / 4)
	for i := range 4 {
		if err := b.write(query, filepath.Join(dir, "in", fmt.Sprintf("a-%d.ndjson", i)), "FORMAT json"); err != nil {
			return err
		}
	}
	return b.pair("pull nested", "read_json of 62 paths with explicit types", 1/0.9,
		func(int) error { return b.pulled(dir, "{event_time: ts}") },
		func(int) error {
			return b.loaded(dir, "CREATE TABLE app_logs AS SELECT * FROM read_json('"+filepath.Join(dir, "in", "*")+"', format = 'newline_delimited', columns = "+types+")")
		})
}

// growth pulls a million records again and again into one workspace.
func (b *bench) growth() error {
	dir := filepath.Join(b.dir, "growth")
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o700); err != nil {
		return err
	}
	bench, err := b.workspace(dir, "")
	if err != nil {
		return err
	}
	defer bench.Close()
	for million := 1; million <= b.millions; million++ {
		path := filepath.Join(dir, "in", fmt.Sprintf("a-%02d.ndjson.gz", million))
		if err := b.write(records(million, 1_000_000), path, "FORMAT json, COMPRESSION gzip"); err != nil {
			return err
		}
		started := time.Now()
		if result, err := bench.Pull(b.ctx, workbench.PullOptions{}); err != nil || result.Records != 1_000_000 {
			return fmt.Errorf("pulled %+v: %w", result, err)
		}
		if million == 1 || million%5 == 0 {
			fmt.Printf("%-14s %.2f s for the million records after which there are %dM (target: as for the first)\n", "growth", time.Since(started).Seconds(), million)
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// hugeVar makes this program pull what lies in a folder and say how much memory
// that took.
const hugeVar = "TIDEMARK_BENCH_HUGE"

// memory pulls objects that are far larger than the memory they may take, each
// in a process of its own.
func (b *bench) memory() error {
	values, _ := nestedPaths()
	for _, object := range []struct{ name, options string }{{"one.ndjson.gz", "FORMAT json, COMPRESSION gzip"}, {"one.json", "FORMAT json, ARRAY true"}} {
		size := 2 * b.size
		if strings.HasSuffix(object.name, ".json") {
			size = 3 * b.size / 10
		}
		dir := filepath.Join(b.dir, "huge-"+object.name)
		query := fmt.Sprintf("SELECT 'web' AS service, %s FROM range(%d) t(i)", values, size/nestedBytes)
		if err := b.write(query, filepath.Join(dir, "in", object.name), object.options); err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(b.ctx, self)
		cmd.Env = append(os.Environ(), hugeVar+"="+dir)
		cmd.Stderr = os.Stderr
		peak, err := cmd.Output()
		if err != nil {
			return err
		}
		fmt.Printf("%-14s %s at most for %s of %d MB (target: limits.memory, 2 GB)\n", "memory", strings.TrimSpace(string(peak)), object.name, size/1_000_000)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) huge(dir string) error {
	if err := b.pulled(dir, ""); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if peak, is := strings.CutPrefix(line, "VmHWM:"); is {
			fmt.Println(strings.TrimSpace(peak))
		}
	}
	return nil
}
