package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
)

// NotebookText is a notebook as it stands in the editor.
type NotebookText struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// NotebookParsed is a notebook taken apart, as far as it can be read.
type NotebookParsed struct {
	Title    string          `json:"title"`
	Time     string          `json:"time"`
	Params   []NotebookParam `json:"params"`
	Cells    []NotebookCell  `json:"cells"`
	Problems []Problem       `json:"problems"`
}

// NotebookParam is a parameter.
type NotebookParam struct {
	Name       string `json:"name"`
	Label      string `json:"label"`
	Type       string `json:"type" enum:"text,number,integer,boolean,time,date"`
	Default    any    `json:"default"`
	Options    []any  `json:"options,omitempty" doc:"The values to choose from."`
	OptionsSQL string `json:"options_sql,omitempty" doc:"The query whose first column has them."`
}

// NotebookCell is a cell; its lines are those of its text, without fences.
type NotebookCell struct {
	Index   int        `json:"index"`
	Kind    string     `json:"kind" enum:"markdown,sql,chart,rule,check"`
	Name    string     `json:"name"`
	Line    int        `json:"line"`
	EndLine int        `json:"end_line"`
	Text    string     `json:"text"`
	HTML    string     `json:"html,omitempty" doc:"Of a Markdown cell: safe to show."`
	Chart   *CellChart `json:"chart,omitempty"`
}

// CellChart is what a chart cell draws.
type CellChart struct {
	Data   string   `json:"data"`
	Type   string   `json:"type"`
	X      string   `json:"x"`
	Y      []string `json:"y"`
	Series string   `json:"series"`
	Title  string   `json:"title"`
	Height int      `json:"height"`
}

// CellRun asks for a cell to be run.
type CellRun struct {
	NotebookText
	Cell   int            `json:"cell" minimum:"0"`
	Params map[string]any `json:"params,omitempty" doc:"Values for parameters; the others have their defaults."`
	From   time.Time      `json:"from,omitzero" required:"false" doc:"Absent: as the notebook's time says."`
	To     time.Time      `json:"to,omitzero" required:"false"`
	Limit  int            `json:"limit,omitempty" minimum:"0"`
}

// CellReply is a cell that runs or has run.
type CellReply struct {
	SQL      string         `json:"sql"`
	Params   map[string]any `json:"params"`
	Query    *QueryState    `json:"query,omitempty" doc:"Of sql, check and chart cells. A check passes with 0 rows."`
	Backtest *BacktestReply `json:"backtest,omitempty" doc:"Of a rule cell."`
	Chart    *CellChart     `json:"chart,omitempty"`
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
}

// NotebookExport asks for a notebook in another form.
type NotebookExport struct {
	NotebookText
	Format string         `json:"format" enum:"html,md,json,sql"`
	Params map[string]any `json:"params,omitempty"`
	From   time.Time      `json:"from,omitzero" required:"false"`
	To     time.Time      `json:"to,omitzero" required:"false"`
}

func (s *Server) notebooksAPI() {
	handle(s, "POST", "/notebooks/parse", "parseNotebook", "The cells and parameters of a notebook", s.parseNotebook)
	handle(s, "POST", "/notebooks/cell", "runCell", "Run one cell", s.runCell)
	handle(s, "POST", "/notebooks/export", "exportNotebook", "Run a notebook and write it in another form", s.exportNotebook)
}

func (s *Server) parseNotebook(_ context.Context, in *struct{ Body NotebookText }) (NotebookParsed, error) {
	n, errs := workbench.ParseNotebook(in.Body.File, []byte(in.Body.Text))
	out := NotebookParsed{Title: n.Title, Time: n.Time, Params: []NotebookParam{}, Cells: []NotebookCell{}, Problems: []Problem{}}
	for _, err := range errs {
		out.Problems = append(out.Problems, problems(err)...)
	}
	for _, p := range n.Params {
		param := NotebookParam{Name: p.Name, Label: p.Label, Type: p.Type, Default: p.Default}
		switch o := p.Options.(type) {
		case string:
			param.OptionsSQL = o
		case []any:
			param.Options = o
		}
		out.Params = append(out.Params, param)
	}
	for i, c := range n.Cells {
		cell := NotebookCell{
			Index: i, Kind: string(c.Kind), Name: c.Name, Line: c.Line, EndLine: c.Line + strings.Count(c.Text, "\n"), Text: c.Text, Chart: cellChart(c),
		}
		if c.Kind == notebook.Markdown {
			cell.HTML = notebook.MarkdownHTML(c.Text)
		}
		out.Cells = append(out.Cells, cell)
	}
	return out, nil
}

func cellChart(c notebook.Cell) *CellChart {
	if c.Chart == nil {
		return nil
	}
	return &CellChart{
		Data: c.Chart.Data, Type: c.Chart.Type, X: c.Chart.X, Y: c.Chart.Ys(), Series: c.Chart.Series, Title: c.Chart.Title, Height: c.Chart.Height,
	}
}

func (s *Server) runCell(ctx context.Context, in *struct{ Body CellRun }) (CellReply, error) {
	q := in.Body
	out := CellReply{Params: map[string]any{}}
	// A problem in another cell is no reason not to run this one.
	n, errs := workbench.ParseNotebook(q.File, []byte(q.Text))
	c, err := s.bench.ComposeCell(ctx, n, q.Cell, workbench.NotebookRange{Params: typedParams(q.Params), From: q.From, To: q.To})
	if err != nil {
		return out, closest(n, q.Cell, errs, err)
	}
	out.From, out.To, out.Chart = c.From, c.To, cellChart(n.Cells[q.Cell])
	switch cell := n.Cells[q.Cell]; {
	case cell.Kind == notebook.Rule:
		run := workbench.BacktestRun{RuleChoice: workbench.RuleChoice{File: q.File, Text: cell.Text, Line: cell.Line}}
		if !q.From.IsZero() {
			run.From = &q.From
		}
		if !q.To.IsZero() {
			run.To = &q.To
		}
		t, err := inTurn(s, func(ctx context.Context, run *workbench.BacktestRun) (workbench.Backtested, error) {
			return s.bench.RunBacktest(ctx, *run)
		})(ctx, &run)
		if err != nil {
			return out, err
		}
		reply := backtestReply(t)
		out.Backtest, out.SQL = &reply, reply.SQL
	case c.SQL != "":
		out.SQL = c.SQL
		for name, v := range c.Params {
			out.Params[name] = v
		}
		state, err := s.startQuery(ctx, c.SQL, c.Params, q.Limit)
		if err != nil {
			return out, c.Placed(err)
		}
		out.Query = &state
	}
	return out, nil
}

// closest is the problem of the cell's own text, if it has one, or else err.
func closest(n *notebook.Notebook, cell int, problems []error, err error) error {
	if cell >= len(n.Cells) {
		return err
	}
	c := n.Cells[cell]
	for _, p := range problems {
		var e *engine.Error
		if errors.As(p, &e) && e.Line >= c.Line-1 && e.Line <= c.Line+strings.Count(c.Text, "\n") {
			return p
		}
	}
	return err
}

// typedParams writes values as a person types them; null is none.
func typedParams(params map[string]any) map[string]string {
	out := map[string]string{}
	for name, v := range params {
		switch v := v.(type) {
		case nil:
		case float64:
			out[name] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			out[name] = fmt.Sprint(v)
		}
	}
	return out
}

func (s *Server) exportNotebook(ctx context.Context, in *struct{ Body NotebookExport }) (RenderedText, error) {
	q := in.Body
	n, errs := workbench.ParseNotebook(q.File, []byte(q.Text))
	if len(errs) > 0 {
		return RenderedText{}, errs[0]
	}
	text, err := s.bench.ExportNotebook(ctx, n, q.Format, workbench.NotebookRange{Params: typedParams(q.Params), From: q.From, To: q.To})
	return RenderedText{string(text)}, err
}
