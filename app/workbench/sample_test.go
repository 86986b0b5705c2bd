package workbench_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/samples"
)

// TestSampleDashboards: with all that a pull of the sample brings, every item
// of its dashboards has an answer.
func TestSampleDashboards(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "shop")
	opt := workbench.SampleOptions()
	opt.From, opt.To = time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC), time.Date(2026, 1, 9, 15, 0, 0, 0, time.UTC)
	if _, err := samples.Write(t.Context(), dir, opt); err != nil {
		t.Fatal(err)
	}
	b := opened(t, dir, workbench.Options{Staging: t.TempDir()})
	if _, err := b.Pull(t.Context(), workbench.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "dashboards", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		board := workbench.DashboardText{File: filepath.Base(file), Text: string(text)}
		view, err := b.ParseDashboard(t.Context(), board)
		if err != nil || view.Err != nil || len(view.Rows) == 0 {
			t.Errorf("%s: %v, %v", board.File, err, view.Err)
		}
		for i, row := range view.Rows {
			for j, item := range row.Items {
				rows, err := b.DashboardItem(t.Context(), workbench.DashboardQuery{DashboardText: board, Row: i, Item: j, From: &opt.From, To: &opt.To})
				if err != nil || len(rows.Rows) == 0 {
					t.Errorf("%s, %q: %d rows, %v", board.File, item.Title, len(rows.Rows), err)
				}
			}
		}
	}
}
