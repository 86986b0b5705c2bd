package samples

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/klauspost/compress/gzip"

	"tidemark.dev/tidemark/engine"
)

// digests gives the checksum, size and modification time of every file.
func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		out[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(data))
		if strings.HasPrefix(filepath.ToSlash(rel), "data/") {
			out[filepath.ToSlash(rel)] += st.ModTime().UTC().Format(" 2006-01-02T15:04:05")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func write(t *testing.T, opt Options) (string, Summary) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	sum, err := Write(context.Background(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return dir, sum
}

func TestSameBytesEveryTime(t *testing.T) {
	opt := Options{Records: 40_000}
	dir, sum := write(t, opt)
	want := digests(t, dir)
	for _, procs := range []int{1, 7} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		dir, again := write(t, opt)
		if again != sum {
			t.Errorf("summary with %d processors: got %+v, want %+v", procs, again, sum)
		}
		got := digests(t, dir)
		if len(got) != len(want) {
			t.Errorf("%d files with %d processors, want %d", len(got), procs, len(want))
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s differs with %d processors", name, procs)
			}
		}
	}
	other, _ := write(t, Options{Records: 40_000, Seed: 1})
	const name = "data/logs/app/dt=2026-01-09/hh=14/checkout.ndjson.gz"
	if digests(t, other)[name] == want[name] {
		t.Error("another seed gives the same bytes")
	}
}

func TestCutHoldsTheSameHours(t *testing.T) {
	whole, _ := write(t, Options{Records: 40_000})
	cut, _ := write(t, Options{Records: 40_000, From: at(4, 13, 30, 0), To: at(4, 16, 0, 0)})
	all, some := digests(t, whole), digests(t, cut)
	hourly := 0
	for name, sum := range some {
		if strings.Contains(name, "catalog") || strings.Contains(name, "probe") || strings.Contains(name, "mail") {
			continue
		}
		if all[name] != sum {
			t.Errorf("%s differs in the cut", name)
		}
		if strings.HasPrefix(name, "data/") {
			hourly++
		}
	}
	if hourly != 3*4+1 {
		t.Errorf("the cut has %d hourly files, want three of each service and one of deploys", hourly)
	}
}

// Every line is a record or one of the few that are meant not to be, and the
// summary counts them right.
func TestFilesHoldWhatTheSummarySays(t *testing.T) {
	dir, want := write(t, Options{Records: 100_000})
	var got Summary
	err := filepath.WalkDir(filepath.Join(dir, "data"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		got.Files++
		got.Bytes += st.Size()
		if strings.HasSuffix(name, ".parquet") {
			return countParquet(name, &got)
		}
		if strings.HasSuffix(name, ".log") {
			return countMail(name, &got)
		}
		return countLines(name, &got)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("files hold %+v, the summary says %+v", got, want)
	}
	if got.Malformed != 7 {
		t.Errorf("malformed lines: got %d, want 7", got.Malformed)
	}
	if got.Records < 95_000 || got.Records > 105_000 {
		t.Errorf("records: got %d, want about 100000", got.Records)
	}
}

func countParquet(name string, sum *Summary) error {
	r, err := file.OpenParquetFile(name, false)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	sum.Records += r.NumRows()
	return nil
}

func countLines(name string, sum *Summary) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var r io.Reader = bytes.NewReader(data)
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var v struct {
			TS  string `json:"ts"`
			Svc string `json:"svc"`
		}
		if json.Unmarshal(lines.Bytes(), &v) != nil {
			sum.Malformed++
			continue
		}
		sum.Records++
		if _, err := time.Parse(time.RFC3339, v.TS); err != nil || v.Svc == "" {
			return fmt.Errorf("%s: %s: no ts or svc", name, lines.Text())
		}
	}
	return lines.Err()
}

var mailLine = regexp.MustCompile(`^ts=2026-\S+Z svc=mail level=(info|warn) msg="[a-z ]+" template=[a-z_]+ to=\S+@\S+ status=\d{3} ms=[\d.]+$`)

// countMail counts lines that read as the relay's.
func countMail(name string, sum *Summary) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		if !mailLine.MatchString(strings.TrimSuffix(line, "\n")) {
			return fmt.Errorf("%s: %s", name, line)
		}
		sum.Records++
	}
	return nil
}

// Where the plugin could not be built, the program's own reader takes its place.
func TestLogfmt(t *testing.T) {
	dir, _ := write(t, Options{Records: 1000, Logfmt: "logfmt"})
	text, err := os.ReadFile(filepath.Join(dir, workspaceFile))
	if err != nil || !bytes.Contains(text, []byte("format: logfmt, dataset: mail")) || bytes.Contains(text, []byte("format: keyvalue")) {
		t.Errorf("%v: %s", err, text)
	}
}

// The size of the whole week is what it says, without writing it.
func TestSize(t *testing.T) {
	w, err := newWeek(Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, size := 0, 0
	var line []byte
	for h := range hours {
		w.makeHour(h, func(r *record) {
			if n++; n%16 == 0 {
				line = appendJSON(line[:0], r)
				size += 16 * len(line)
			}
		})
	}
	if n < DefaultRecords*99/100 || n > DefaultRecords*101/100 {
		t.Errorf("the week has %d records, want about %d", n, DefaultRecords)
	}
	per := size / n
	t.Logf("%d records of %d bytes", n, per)
	if per < 250 || per > 430 {
		t.Errorf("a record has %d bytes of JSON on average, want 250 to 430", per)
	}
}

func TestProgressCountsHours(t *testing.T) {
	last, calls := 0, 0
	write(t, Options{Records: 5_000, Progress: func(done, total int) {
		calls++
		if done != last+1 || total != hours {
			t.Errorf("after %d of %d came %d of %d", last, hours, done, total)
		}
		last = done
	}})
	if calls != hours {
		t.Errorf("progress was told %d times, want %d", calls, hours)
	}
}

func TestRefusesFolderInUse(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "precious"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Write(context.Background(), dir, Options{Records: 1000})
	if engine.KindOf(err) != engine.Conflict || !strings.Contains(err.Error(), "precious") {
		t.Errorf("got %v, want a conflict that names the file", err)
	}
	if got := digests(t, dir); len(got) != 1 {
		t.Errorf("the folder was touched: %v", got)
	}
	if _, err := Write(context.Background(), filepath.Join(dir, "precious"), Options{Records: 1000}); engine.KindOf(err) != engine.Invalid {
		t.Errorf("a file as target: got %v, want invalid", err)
	}
}

func TestEmptyFolderIsFilled(t *testing.T) {
	dir := t.TempDir()
	if _, err := Write(context.Background(), dir, Options{Records: 1000}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), ".gitignore dashboards data lookups notebooks plugins rules tests tidemark.yaml"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	for _, exists := range []bool{false, true} {
		t.Run(fmt.Sprintf("exists=%v", exists), func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "shop")
			if exists {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			_, err := Write(ctx, dir, Options{Records: 5_000, Progress: func(done, _ int) {
				if done == 20 {
					cancel()
				}
			}})
			if engine.KindOf(err) != engine.Canceled || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want canceled", err)
			}
			if got := digests(t, parent); len(got) > 0 {
				t.Errorf("left behind: %v", got)
			}
			if entries, _ := os.ReadDir(parent); len(entries) > 1 || len(entries) == 1 && !exists {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

func TestSchemaLine(t *testing.T) {
	dir, _ := write(t, Options{Records: 1000, From: Start, To: Start.Add(time.Hour), Schema: func(kind string) string {
		return "https://example.com/" + kind + ".json"
	}})
	for name, kind := range map[string]string{
		"tidemark.yaml": "workspace", "rules/checkout_error_rate.yaml": "rule", "tests/alarms.yaml": "test", "dashboards/shop.yaml": "dashboard",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want := "# yaml-language-server: $schema=https://example.com/" + kind + ".json\n"
		if !bytes.HasPrefix(text, []byte(want)) {
			t.Errorf("%s does not begin with %s", name, want)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "notebooks/tour.md"))
	if err != nil || !bytes.HasPrefix(text, []byte("---\n")) {
		t.Errorf("a notebook has to begin with its front matter: %v", err)
	}
}

func TestNoHourInTheWeek(t *testing.T) {
	_, err := newWeek(Options{From: End})
	if engine.KindOf(err) != engine.Invalid {
		t.Errorf("got %v, want invalid", err)
	}
	if _, err := newWeek(Options{Records: -1}); engine.KindOf(err) != engine.Invalid {
		t.Errorf("got %v, want invalid", err)
	}
}

func TestLuhn(t *testing.T) {
	if got := luhn([]byte{4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
}
