package notebook

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// MaxRows is how many rows of a cell are fetched; a cell with more says so.
const MaxRows = 10_000

// Table is the rows of a cell.
type Table struct {
	Columns []Column `json:"columns"`
	Rows    [][]any  `json:"rows"`
	// More says that there are rows beyond MaxRows.
	More bool `json:"more"`
}

// Column is a column of a table; Type is in DuckDB's words.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Episode is one stay in alarm that a rule cell's backtest found.
type Episode struct {
	Key   string     `json:"key"`
	Start time.Time  `json:"start"`
	End   *time.Time `json:"end"`
	Peak  string     `json:"peak"`
}

// Backtest is what a rule cell's backtest found.
type Backtest struct {
	Rule     string    `json:"rule"`
	Windows  int64     `json:"windows"`
	Records  int64     `json:"records"`
	Episodes []Episode `json:"episodes"`
}

// Host runs what cells ask for.
type Host interface {
	// Query runs one statement with named parameters, and gives at most max
	// rows.
	Query(ctx context.Context, query string, args []sql.NamedArg, max int) (*Table, error)
	// Datasets lists the names that a cell must not take.
	Datasets() []string
	// Backtest runs a rule that stands on a line of a file.
	Backtest(ctx context.Context, file string, line int, src string, from, to time.Time) (*Backtest, error)
}

// Options say how a notebook is run.
type Options struct {
	// Params are values for parameters, as a person types them.
	Params map[string]string
	// Watermark is the newest one of the datasets; zero when there is none.
	Watermark time.Time
	Now       time.Time
	// From and To are looked at instead of what the notebook's time means;
	// zero is as the notebook says.
	From, To time.Time
	// Findings says that a check that finds rows does not end the run.
	Findings bool
	// Progress is told before each cell.
	Progress func(cell, of int, line int)
}

// Result is a notebook that was run.
type Result struct {
	Notebook *Notebook      `json:"-"`
	Title    string         `json:"title"`
	File     string         `json:"file"`
	Params   map[string]any `json:"params"`
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Cells    []CellResult   `json:"cells"`
}

// CellResult is a cell that was run.
type CellResult struct {
	Kind     Kind      `json:"kind"`
	Name     string    `json:"name,omitempty"`
	Line     int       `json:"line"`
	Text     string    `json:"text,omitempty"` // of Markdown, SQL and rules
	Table    *Table    `json:"table,omitempty"`
	Chart    *Chart    `json:"chart,omitempty"`
	Backtest *Backtest `json:"backtest,omitempty"`
	Error    string    `json:"error,omitempty"`
	// Failed says of a check that it found rows.
	Failed bool `json:"failed,omitempty"`
	// LeftOut is why the cell did not run: a check went the other way.
	LeftOut string `json:"left_out,omitempty"`
}

// Run runs every cell in order. At the first cell that fails it stops, and
// gives what it has together with the error, which names the cell's line.
func Run(ctx context.Context, n *Notebook, host Host, opt Options) (*Result, error) {
	s, err := Begin(n, host, opt)
	for err == nil && s.More() {
		_, err = s.Next(ctx)
	}
	return s.Result(), err
}

type runner struct {
	n      *Notebook
	host   Host
	opt    Options
	out    *Result
	values map[string]any
	named  map[string]Cell
	order  []string
	tables map[string]*Table
	failed map[string]bool // of the checks that ran
}

func (r *runner) prepare(datasets []string, opt Options) error {
	for _, c := range r.n.Cells {
		if c.Name == "" || c.Kind != SQL && c.Kind != Check {
			continue
		}
		if slices.ContainsFunc(datasets, func(d string) bool { return strings.EqualFold(d, c.Name) }) {
			return r.n.fail(c.Line-1, 1, fmt.Sprintf("the cell %s has the name of a dataset", c.Name), "give the cell another name")
		}
	}
	values, err := r.n.bind(opt.Params)
	if err != nil {
		return err
	}
	from, to, err := r.n.span(opt.Watermark, opt.Now)
	if err != nil {
		return err
	}
	if !opt.From.IsZero() {
		from = opt.From
	}
	if !opt.To.IsZero() {
		to = opt.To
	}
	r.out.Params, r.out.From, r.out.To = values, from, to
	r.values = map[string]any{"from": from, "to": to}
	for k, v := range values {
		r.values[strings.ToLower(k)] = v
	}
	return nil
}

func (r *runner) cell(ctx context.Context, c Cell) (CellResult, error) {
	out := CellResult{Kind: c.Kind, Name: c.Name, Line: c.Line, Text: c.Text}
	var err error
	switch c.Kind {
	case SQL, Check:
		out.Table, err = r.query(ctx, c)
		if err == nil && c.Kind == Check {
			err = r.found(c, &out)
		}
	case ChartKind:
		out.Text, out.Chart = "", c.Chart
		out.Table = r.tables[strings.ToLower(c.Chart.Data)]
		if out.Table == nil {
			err = r.n.fail(c.Line, 1, fmt.Sprintf("the cell %s stands below its chart", c.Chart.Data), "move the chart below the cell")
		} else {
			err = c.Chart.fits(out.Table)
		}
	case Rule:
		out.Backtest, err = r.host.Backtest(ctx, r.n.File, c.Line, c.Text, r.out.From, r.out.To)
	}
	return out, err
}

func (r *runner) query(ctx context.Context, c Cell) (*Table, error) {
	text, before := splice(c.Text, r.named, r.order)
	args, err := r.args(c, text)
	if err != nil {
		return nil, err
	}
	t, err := r.host.Query(ctx, text, args, MaxRows)
	if err != nil {
		return nil, r.placed(c, before, err)
	}
	return t, nil
}

// args gives values for the parameters of a text, and no others.
func (r *runner) args(c Cell, text string) ([]sql.NamedArg, error) {
	var out []sql.NamedArg
	seen := map[string]bool{}
	for _, t := range params(text) {
		key := strings.ToLower(t.text) // as in DuckDB, case does not matter
		if seen[key] {
			continue
		}
		seen[key] = true
		v, ok := r.values[key]
		if !ok {
			names := []string{"from", "to"}
			for _, p := range r.n.Params {
				names = append(names, p.Name)
			}
			hint := "there are $" + strings.Join(names, ", $")
			if near := engine.Nearest(t.text, names); near != "" {
				hint = "did you mean $" + near + "?"
			}
			line, column := r.place(c, t.text)
			return nil, r.n.fail(line, column, "there is no parameter $"+t.text, hint)
		}
		out = append(out, sql.Named(key, v))
	}
	return out, nil
}

// place finds a parameter in a cell.
func (r *runner) place(c Cell, name string) (line, column int) {
	for _, t := range params(c.Text) {
		if t.text == name {
			before := c.Text[:t.start]
			return c.Line + strings.Count(before, "\n"), utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
		}
	}
	return c.Line, 1
}

// placed moves an error's place from the text that ran to the file.
func (r *runner) placed(c Cell, before int, err error) error {
	var e *engine.Error
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	at.File, at.Op = r.n.File, ""
	if at.Line > before {
		at.Line += c.Line - 1 - before
	} else {
		at.Line, at.Column, at.Excerpt = c.Line, 1, ""
	}
	return &at
}

// bind gives every parameter its value.
func (n *Notebook) bind(given map[string]string) (map[string]any, error) {
	out := map[string]any{}
	var names []string
	for _, p := range n.Params {
		names = append(names, p.Name)
		text, ok := given[p.Name]
		if !ok {
			if p.Default == nil {
				out[p.Name] = nil
				continue
			}
			text = fmt.Sprint(p.Default)
			if t, isTime := p.Default.(time.Time); isTime {
				text = t.Format(time.RFC3339Nano)
			}
		}
		v, err := p.read(text)
		if err != nil {
			return nil, err
		}
		out[p.Name] = v
	}
	for name := range given {
		if slices.Contains(names, name) {
			continue
		}
		e := engine.Errorf(engine.Invalid, "run "+n.File, "there is no parameter %s", name)
		if near := engine.Nearest(name, names); near != "" {
			return nil, e.WithHint("did you mean %s?", near)
		}
		return nil, e.WithHint("the parameters are: %s", strings.Join(names, ", "))
	}
	return out, nil
}

func (p Param) read(text string) (any, error) {
	var v any = text
	var err error
	switch p.Type {
	case "number":
		v, err = strconv.ParseFloat(text, 64)
	case "integer":
		v, err = strconv.ParseInt(text, 10, 64)
	case "boolean":
		v, err = strconv.ParseBool(text)
	case "time":
		v, err = time.Parse(time.RFC3339Nano, text)
	case "date":
		v, err = time.Parse("2006-01-02", text)
	}
	if err != nil {
		return nil, engine.Errorf(engine.Invalid, "read the parameter "+p.Name, "%q is not of type %s", text, p.Type)
	}
	return v, nil
}

// DefaultSpan is the time a notebook looks at when it does not say.
const DefaultSpan = 24 * time.Hour

// Length is how long the time is that the notebook looks at.
func (n *Notebook) Length() (time.Duration, error) {
	at := time.Unix(0, 0)
	from, to, err := n.span(at, at)
	return to.Sub(from), err
}

// span finds $from and $to. A relative time ends at the newest watermark, for
// that is as far as the data is complete; "as of now" ends it at the clock.
// Two times with a slash between are the range itself.
func (n *Notebook) span(watermark, now time.Time) (from, to time.Time, err error) {
	wrong := func() (time.Time, time.Time, error) {
		return from, to, n.front.Value("time").At(0, "time: %q is no time range", n.Time).
			WithHint("write time: 6h, 6h as of now, or two times: 2026-01-09T12:00:00Z/2026-01-09T18:00:00Z")
	}
	if a, b, two := strings.Cut(n.Time, "/"); two {
		from, errFrom := time.Parse(time.RFC3339Nano, strings.TrimSpace(a))
		to, errTo := time.Parse(time.RFC3339Nano, strings.TrimSpace(b))
		if errFrom != nil || errTo != nil || !from.Before(to) {
			return wrong()
		}
		return from.UTC(), to.UTC(), nil
	}
	text, ofNow := strings.CutSuffix(strings.TrimSpace(n.Time), "as of now")
	length := DefaultSpan
	if text = strings.TrimSpace(text); text != "" {
		if length, err = engine.ParseDuration(text); err != nil {
			return wrong()
		}
	}
	to = watermark
	if ofNow || to.IsZero() {
		to = now
	}
	return to.Add(-length), to, nil
}
