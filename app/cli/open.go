package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/result"
)

// openRows is how many rows open shows.
const openRows = 10

func (a *app) openVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "open PATH|s3://...",
		Short: "Pull a file, a folder or a prefix without any YAML, and show what is in it",
		Long: "Pull a file, a folder, a pattern or an s3:// prefix into a scratch workspace, and\n" +
			"show its columns and first rows. The table is called data.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target := args[0]
			if !strings.HasPrefix(target, "s3://") {
				target = a.path(target)
			}
			if strings.HasSuffix(target, ".wasm") {
				return a.openPlugin(cmd, target)
			}
			w, err := a.scratch(target)
			if err != nil {
				return err
			}
			return a.withScratch(cmd, w, func(ctx context.Context, b *workbench.Workbench) error {
				return a.showOpened(ctx, b, w.Root)
			})
		},
	}
}

// scratch makes the workspace for a target, in this user's folder for caches.
func (a *app) scratch(target string) (*workspace.Workspace, error) {
	base, ok := a.lookupEnv("XDG_CACHE_HOME")
	if !ok || base == "" {
		home, ok := a.lookupEnv("HOME")
		if !ok {
			home = os.TempDir()
		}
		base = filepath.Join(home, ".cache")
	}
	return workbench.Scratch(filepath.Join(base, "tidemark", "open"), target)
}

// withScratch opens a scratch workspace; its files are written so that -w
// finds it afterwards.
func (a *app) withScratch(cmd *cobra.Command, w *workspace.Workspace, fn func(context.Context, *workbench.Workbench) error) error {
	s := w.Config.Sources[0].Value
	place := "path: " + engine.QuoteIdent(s.Path)
	if s.Type == "s3" {
		place = fmt.Sprintf("url: %q, endpoint: %q, path_style: %t", s.URL, s.Endpoint, s.PathStyle)
		if s.Endpoint == "" {
			place = fmt.Sprintf("url: %q", s.URL)
		}
	}
	text := fmt.Sprintf("name: scratch\nsources:\n  opened: {type: %s, %s, dataset: %s}\n", s.Type, place, s.Dataset)
	if err := os.WriteFile(filepath.Join(w.Root, workspace.FileName), []byte(text), 0o600); err != nil {
		return engine.Errorf(engine.Unavailable, "open", "%w", err)
	}
	if _, err := a.trustCreated(w.Root); err != nil {
		return err
	}
	a.workspaceDir = w.Root
	return a.withBench(cmd, fn)
}

func (a *app) showOpened(ctx context.Context, b *workbench.Workbench, root string) error {
	bar := a.newProgress("open")
	pulled, err := b.Pull(ctx, workbench.PullOptions{Report: func(p workbench.Progress) {
		bar.update(counts{objects: p.Counts.Objects, objectsTotal: p.ObjectsTotal, bytes: p.Counts.Bytes, bytesTotal: p.BytesTotal, records: p.Counts.Records})
	}})
	bar.done()
	if err != nil {
		return err
	}
	columns, err := b.Columns(ctx, workbench.ScratchDataset)
	if err != nil {
		return a.nothingOpened(ctx, b, pulled)
	}
	if a.json {
		return a.printJSON(map[string]any{"workspace": root, "dataset": workbench.ScratchDataset, "pulled": pulled, "columns": columns})
	}
	if err := a.printPull(pulled); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	t := newTable("COLUMN", "TYPE")
	for _, c := range columns {
		t.add(c[0], c[1])
	}
	if err := t.write(a.stdout); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	rows, err := b.Query(ctx, fmt.Sprintf("SELECT event_time, service, level, message, body, rest FROM %s ORDER BY _seq LIMIT %d", workbench.ScratchDataset, openRows), nil, time.Minute)
	if err != nil {
		return err
	}
	defer rows.Close()
	width := a.env.Columns
	if width == 0 {
		width = 160
	}
	if _, err := result.Write(a.stdout, rows, "table", result.Options{Width: width}); err != nil {
		return err
	}
	a.say("next: tidemark -w %s query 'SELECT ... FROM %s'", root, workbench.ScratchDataset)
	return nil
}

// nothingOpened says why there is no table: everything stands in quarantine.
func (a *app) nothingOpened(ctx context.Context, b *workbench.Workbench, r workbench.PullResult) error {
	if r.Quarantined == 0 {
		return engine.Errorf(engine.NotFound, "open", "there are no records in it")
	}
	entries, err := b.Store.Quarantine(ctx, store.QuarantineFilter{})
	if err != nil {
		return err
	}
	return engine.Errorf(engine.Invalid, "open", "nothing in it could be read: %s", entries[0].Reason).
		WithHint("%s set aside; Parquet, NDJSON, JSON arrays and CSV are read, plain or in gzip, zstd or bzip2", plural(r.Quarantined, "object or record"))
}

// openPlugin loads a module and shows what it says of itself.
func (a *app) openPlugin(cmd *cobra.Command, file string) error {
	info, err := workbench.InspectPlugin(cmd.Context(), file)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(info)
	}
	_, err = fmt.Fprintf(a.stdout, "%s %s, a %s for plugin ABI %s\nsha256 %s\n", info.Name, info.Version, info.Kind, info.ABI, info.SHA256)
	return err
}
