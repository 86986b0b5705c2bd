package workbench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store/cage"
	"tidemark.dev/tidemark/engine/store/result"
)

// ReadNotebook reads a notebook file.
func ReadNotebook(file, path string) (*notebook.Notebook, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, engine.Errorf(engine.NotFound, "read a notebook", "%w", err)
	}
	return notebook.Parse(file, src, func(file string, firstLine int, src []byte, out any) error {
		return yamlfile.DecodeAt(file, firstLine-1, src, out)
	})
}

// RunNotebook runs every cell of a notebook. At a failing cell it gives what
// there is together with the error.
func (b *Workbench) RunNotebook(ctx context.Context, n *notebook.Notebook, params map[string]string, progress func(cell, of, line int)) (*notebook.Result, error) {
	opt, err := b.notebookOptions(ctx, params)
	if err != nil {
		return nil, err
	}
	opt.Progress = progress
	return notebook.Run(ctx, n, notebookHost{b}, opt)
}

// NotebookScript writes a notebook as SQL for the DuckDB command line.
func (b *Workbench) NotebookScript(ctx context.Context, n *notebook.Notebook, params map[string]string) ([]byte, error) {
	opt, err := b.notebookOptions(ctx, params)
	if err != nil {
		return nil, err
	}
	return notebook.Script(n, opt)
}

func (b *Workbench) notebookOptions(ctx context.Context, params map[string]string) (notebook.Options, error) {
	opt := notebook.Options{Params: params, Now: b.clock.Now()}
	datasets, err := b.Store.Datasets(ctx)
	if err != nil {
		return opt, err
	}
	for _, d := range datasets {
		w, ok, err := b.Store.Watermark(ctx, d.Name)
		if err != nil {
			return opt, err
		}
		if ok && w.After(opt.Watermark) {
			opt.Watermark = w
		}
	}
	return opt, nil
}

// notebookHost runs cells on the workbench.
type notebookHost struct{ b *Workbench }

func (h notebookHost) Query(ctx context.Context, query string, args []sql.NamedArg, limit int) (*notebook.Table, error) {
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	return h.b.table(ctx, query, list, limit, nil)
}

// table runs a person's query and gives at most limit rows as JSON has them.
func (b *Workbench) table(ctx context.Context, query string, args []any, limit int, rewrite func(*cage.Statement) (string, error)) (*notebook.Table, error) {
	rows, err := b.Store.Query(ctx, query, args, DefaultTimeout, rewrite)
	if err != nil {
		return nil, b.explained(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	t := &notebook.Table{Rows: [][]any{}}
	values, into := make([]any, len(types)), make([]any, len(types))
	for i, name := range rows.TypeNames() {
		t.Columns = append(t.Columns, notebook.Column{Name: types[i].Name(), Type: name})
		into[i] = &values[i]
	}
	for rows.Next() {
		if len(t.Rows) == limit {
			t.More = true
			break
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]any, len(values))
		for i, v := range values {
			row[i] = result.Value(v, t.Columns[i].Type)
		}
		t.Rows = append(t.Rows, row)
	}
	return t, rows.Err()
}

func (h notebookHost) Datasets() []string {
	names := []string{"all_events"}
	datasets, _ := h.b.Store.Datasets(context.Background()) // reads memory only
	for _, d := range datasets {
		names = append(names, d.Name)
	}
	return names
}

func (h notebookHost) Backtest(ctx context.Context, file string, line int, src string, from, to time.Time) (*notebook.Backtest, error) {
	report, r, err := h.b.BacktestSource(ctx, file, line, []byte(src), rule.BacktestOptions{From: from, To: to})
	if err != nil {
		return nil, err
	}
	out := &notebook.Backtest{Rule: r.Name, Windows: report.Windows, Records: report.Records, Episodes: []notebook.Episode{}}
	for _, e := range report.Episodes {
		out.Episodes = append(out.Episodes, notebook.Episode{Key: pairs(e.Key), Start: e.Start, End: e.End, Peak: pairs(e.Peak)})
	}
	return out, nil
}

// pairs writes a mapping as name=value, by name.
func pairs[M ~map[string]V, V fmt.Stringer](m M) string {
	var out []string
	for k, v := range m {
		out = append(out, k+"="+v.String())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// FindNotebook finds a notebook by its path, or by its name in notebooks/.
func FindNotebook(w *workspace.Workspace, name, path string) (file, place string, err error) {
	if _, err := os.Stat(path); err == nil {
		return name, path, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", "", engine.Errorf(engine.Unavailable, "read a notebook", "%w", err)
	}
	var names []string
	for _, f := range w.Notebooks {
		short := strings.TrimSuffix(strings.TrimPrefix(f, "notebooks/"), ".md")
		if name == f || name == short {
			return f, w.Path(f), nil
		}
		names = append(names, f)
	}
	e := engine.Errorf(engine.NotFound, "read a notebook", "there is no notebook %s", name)
	if near := engine.Nearest(name, names); near != "" {
		return "", "", e.WithHint("did you mean %s?", near)
	}
	return "", "", e.WithHint("the workspace has: %s", strings.Join(names, ", "))
}

// ParseNotebook reads a notebook's text.
func ParseNotebook(file string, text []byte) (*notebook.Notebook, []error) {
	return notebook.Read(file, text, func(file string, firstLine int, src []byte, out any) error {
		return yamlfile.DecodeAt(file, firstLine-1, src, out)
	})
}

// NotebookRange is what to look at instead of what a notebook says.
type NotebookRange struct {
	Params   map[string]string
	From, To time.Time
}

// ComposeCell makes the query of one cell.
func (b *Workbench) ComposeCell(ctx context.Context, n *notebook.Notebook, cell int, r NotebookRange) (*notebook.Composed, error) {
	opt, err := b.notebookOptions(ctx, r.Params)
	if err != nil {
		return nil, err
	}
	opt.From, opt.To = r.From, r.To
	return notebook.Compose(n, cell, notebookHost{b}.Datasets(), opt)
}

// ExportNotebook runs a notebook and writes it as html, md or json, or without
// running it as sql.
func (b *Workbench) ExportNotebook(ctx context.Context, n *notebook.Notebook, format string, r NotebookRange) ([]byte, error) {
	opt, err := b.notebookOptions(ctx, r.Params)
	if err != nil {
		return nil, err
	}
	opt.From, opt.To = r.From, r.To
	if format == "sql" {
		return notebook.Script(n, opt)
	}
	out, err := notebook.Run(ctx, n, notebookHost{b}, opt)
	if err != nil {
		return nil, err
	}
	switch format {
	case "html":
		return notebook.HTML(out), nil
	case "md":
		return notebook.MarkdownOf(out), nil
	}
	return notebook.JSON(out)
}
