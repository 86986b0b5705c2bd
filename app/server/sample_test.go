//go:build duckdb_arrow

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/server"
	"tidemark.dev/tidemark/engine"
)

// TestSampleNeedsAnEmptyWorkspace: what somebody wrote is not written over.
func TestSampleNeedsAnEmptyWorkspace(t *testing.T) {
	p := serve(t)
	if f := p.fails(409, engine.Conflict, "POST", "/sample", ""); !strings.Contains(f.Hint, "tidemark demo") {
		t.Errorf("the hint is %q", f.Hint)
	}
}

func TestSample(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a week of logs")
	}
	p := serve(t)
	p.write("rules/mine.yaml", "rule: mine\ndataset: app_logs\nwindow: {tumbling: 1m}\nmeasures:\n  n: count()\nwhen: n > 5\nalarm: {datapoints: 1, of: 1}\n")
	const bare = "# Mine.\nname: mine\n"
	f := ask[server.File](p, "GET", "/files?path=tidemark.yaml", "")
	ask[server.FileVersion](p, "PUT", "/files", `{"path":"tidemark.yaml","text":"# Mine.\nname: mine\n","version":"`+f.Version+`"}`)
	ask[server.SampleState](p, "POST", "/sample", "")
	for ; ; time.Sleep(100 * time.Millisecond) {
		st := ask[server.SampleState](p, "GET", "/sample", "")
		if st.Error != nil {
			t.Fatalf("it failed: %+v", st.Error)
		}
		if !st.Running {
			if st.Done == 0 || st.Done != st.Total {
				t.Errorf("it ended at %d of %d", st.Done, st.Total)
			}
			break
		}
	}
	w := ask[server.Workspace](p, "GET", "/workspace", "")
	if w.Name != "shop" || len(w.Sources) == 0 || len(w.Dashboards) == 0 {
		t.Errorf("the workspace is %+v", w)
	}
	if len(ask[[]server.PullState](p, "GET", "/pulls", "")) == 0 {
		t.Error("nothing is being pulled")
	}
	if _, err := os.Stat(filepath.Join(p.dir, "rules", "mine.yaml")); err != nil {
		t.Errorf("what was there is gone: %v", err)
	}
	kept, _ := filepath.Glob(filepath.Join(p.dir, ".tidemark", "trash", "*tidemark.yaml*"))
	if len(kept) != 1 {
		t.Fatalf("the old file is not in the trash: %v", kept)
	}
	if text, _ := os.ReadFile(kept[0]); string(text) != bare {
		t.Errorf("the trash holds %q", text)
	}
}
