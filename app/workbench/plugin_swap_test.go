package workbench_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/kinesistest"
	"tidemark.dev/tidemark/plugins/bundled"
)

// TestAPluginIsReplacedBetweenPulls puts another module in the place of one
// while a pull runs it: all records of that pull go through the old one, and
// all of the next through the new one.
func TestAPluginIsReplacedBetweenPulls(t *testing.T) {
	old, has := bundled.Lookup("mask_pii")
	fresh, has2 := bundled.Lookup("log_template")
	if !has || !has2 {
		t.Skip("the bundled plugins were not built")
	}
	root := t.TempDir()
	put := func(name string, text []byte) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(workspace.FileName, []byte(`name: t
sources:
  a: {type: file, path: "a/*.ndjson", dataset: logs}
  b: {type: file, path: "b/*.ndjson", dataset: logs}
datasets:
  logs: {event_time: ts, transforms: [x]}
`))
	for _, dir := range []string{"a", "b"} {
		for n := range 4 {
			var lines strings.Builder
			for i := range 15_000 {
				fmt.Fprintf(&lines, `{"ts":"2026-01-01T00:00:00Z","message":"from 10.0.0.1 for the %d. time, and the rest of a message that is long enough to take more than one chunk"}`+"\n", i)
			}
			put(fmt.Sprintf("%s/%d.ndjson", dir, n), []byte(lines.String()))
		}
	}
	put("plugins/x.wasm", old)
	load := func() *workspace.Workspace {
		w, err := workspace.Load(root, workspace.Options{Trusted: true})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	w := load()
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	b, err := workbench.Open(t.Context(), w, workbench.Options{Staging: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()

	swapped := false
	pulled, err := b.Pull(t.Context(), workbench.PullOptions{Sources: []string{"a"}, Report: func(p workbench.Progress) {
		if swapped || p.Counts.Read == 0 || p.Counts.Objects == p.ObjectsTotal {
			return
		}
		swapped = true
		put("plugins/x.wasm", fresh)
		b.Reload(load(), true)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !swapped || pulled.Records != 60_000 {
		t.Fatalf("swapped %v, %+v", swapped, pulled.Counts)
	}
	if _, err := b.Pull(t.Context(), workbench.PullOptions{Sources: []string{"b"}}); err != nil {
		t.Fatal(err)
	}
	for source, masked := range map[string]int{"a": 60_000, "b": 0} {
		rows, err := b.Query(t.Context(), `SELECT count(*) FILTER (message LIKE 'from [ip] for%')::BIGINT, count(*)::BIGINT FROM logs WHERE _source = '`+source+`'`, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var by, all int
		if rows.Next() {
			err = rows.Scan(&by, &all)
		}
		rows.Close()
		if err != nil || by != masked || all != 60_000 {
			t.Errorf("%s: %d of %d records went through the old one, %v", source, by, all, err)
		}
	}
}

// TestAPluginIsReplacedDuringATail puts another module in the place of one while
// a tail runs it, first one that is none: the tail goes on with the old one until
// the new one loads. No record goes through both, and none is lost.
func TestAPluginIsReplacedDuringATail(t *testing.T) {
	old, has := bundled.Lookup("mask_pii")
	fresh, has2 := bundled.Lookup("log_template")
	if !has || !has2 {
		t.Skip("the bundled plugins were not built")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	f := &flood{Server: kinesistest.New(engine.SystemClock{}), t: t, clock: &skewed{}, grown: make(chan struct{}, 1)}
	t.Cleanup(f.Server.Close)
	f.CreateStream("app", 2)
	root := t.TempDir()
	config := fmt.Sprintf(`name: t
sources:
  live: {type: kinesis, stream: app, endpoint: %q, region: us-east-1, start: trim_horizon, dataset: logs}
datasets: {logs: {event_time: ts, transforms: [x]}}
`, f.URL)
	write(t, filepath.Join(root, workspace.FileName), config)
	module := filepath.Join(root, "plugins", "x.wasm")
	write(t, module, string(old))
	f.Workbench = opened(t, root, workbench.Options{Staging: t.TempDir(), Clock: f.clock})
	replace := func(wasm string) {
		write(t, module, wasm)
		w, err := workspace.Load(root, workspace.Options{Trusted: true})
		if err != nil {
			t.Error(err)
			return
		}
		f.Reload(w, true)
	}
	put := func(n int) {
		for range n {
			f.Put("app", fmt.Sprint(f.put), fmt.Appendf(nil, `{"ts":"2026-01-01T00:00:00Z","id":%d,"message":"from 10.0.0.1 for the %d. time"}`, f.put, f.put))
			f.put++
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	fed := make(chan bool, 1)
	go func() {
		defer cancel()
		put(300)
		ok := f.wait(ctx, 0)
		replace("no module")
		put(300)
		ok = ok && f.wait(ctx, 0)
		put(500) // is on its way while the new one comes
		replace(string(fresh))
		put(500)
		fed <- ok && f.wait(ctx, 0)
	}()
	_, err := f.Tail(ctx, workbench.TailOptions{Every: 20 * time.Millisecond, Committed: f.committed()})
	cancel()
	if done := <-fed; err != nil || !done {
		t.Fatalf("%d of %d records stored, %v", f.stored, f.put, err)
	}
	var all, ids, masked, grouped, both int
	row := f.Store.DB().QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT body.id), count(*) FILTER (message LIKE 'from [ip]%'),
		count(*) FILTER (body.template IS NOT NULL), count(*) FILTER (message LIKE 'from [ip]%' AND body.template IS NOT NULL) FROM logs`)
	if err := row.Scan(&all, &ids, &masked, &grouped, &both); err != nil {
		t.Fatal(err)
	}
	if all != f.put || ids != all || masked+grouped != all || both > 0 || masked < 600 || grouped == 0 {
		t.Errorf("%d records, %d ids; %d went through the old one, %d through the new one, %d through both", all, ids, masked, grouped, both)
	}
}
