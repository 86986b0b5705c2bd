package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/result"
	"tidemark.dev/tidemark/engine/store/spool"
)

// defaultShot is how many rows a query in one piece gives when nobody says.
const defaultShot = 100_000

// newChunked gathers writes: browsers take large pieces much faster.
func newChunked(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 256<<10) }

type queryInput struct {
	Accept string `header:"Accept"`
	Body   QueryInput
}

// oneShot runs a query and answers with all of its rows.
func (s *Server) oneShot(ctx context.Context, in *queryInput) (answer, error) {
	if in.Body.Limit == 0 {
		in.Body.Limit = defaultShot
	}
	r, err := s.queries.start(ctx, in.Body, maxRows)
	if err != nil {
		return nil, err
	}
	st := r.spool.Wait(ctx, func(spool.Status) bool { return false })
	var w *spool.Window
	if err = outcome(st.Err, ctx); err == nil {
		w, err = r.spool.Window(ctx, 0, st.Rows)
	}
	if err != nil {
		s.queries.free(r)
		return nil, err
	}
	return func(to http.ResponseWriter) error {
		defer s.queries.free(r)
		to.Header().Set("Tidemark-Truncated", strconv.FormatBool(st.Truncated))
		if !wants(in.Accept, typeJSON) {
			return writeWindow(to, w, typeArrow)
		}
		to.Header().Set("Content-Type", typeJSON)
		columns, err := json.Marshal(columnsOf(st.Columns))
		if err != nil {
			return err
		}
		seconds, err := json.Marshal(st.Seconds)
		if err != nil {
			return err
		}
		out := newChunked(to)
		_, _ = out.WriteString(`{"columns":` + string(columns) + `,"truncated":` + strconv.FormatBool(st.Truncated) + `,"seconds":` + string(seconds))
		if used := r.uses.list(); len(used) > 0 {
			attached, err := json.Marshal(used)
			if err != nil {
				return err
			}
			_, _ = out.WriteString(`,"attached":` + string(attached))
		}
		_, _ = out.WriteString(`,"rows":`)
		if err := w.WriteJSON(out); err != nil {
			return err
		}
		_, _ = out.WriteString("}\n")
		return out.Flush()
	}, nil
}

type exportInput struct {
	ID     string `path:"id"`
	Format string `query:"format" enum:"csv,json,parquet,arrow,markdown" default:"csv"`
}

// exports says how each format is called and typed.
var exports = map[string]struct{ extension, media string }{
	"csv":      {"csv", "text/csv; charset=utf-8"},
	"json":     {"json", typeJSON},
	"markdown": {"md", "text/markdown; charset=utf-8"},
	"parquet":  {"parquet", "application/vnd.apache.parquet"},
	"arrow":    {"arrows", typeArrow},
}

// exportQuery runs the query again, to its end: what is kept of it may be cut
// off, and not all formats can be made of it.
func (s *Server) exportQuery(ctx context.Context, in *exportInput) (answer, error) {
	r, err := s.queries.find(in.ID)
	if err != nil {
		return nil, err
	}
	leave, err := s.queries.enter(ctx)
	if err != nil {
		return nil, err
	}
	to := &lazy{format: in.Format}
	begin := func() (answer, error) {
		switch in.Format {
		case "parquet":
			return func(http.ResponseWriter) error {
				_, err := s.bench.Store.WriteParquet(ctx, to, r.sql, 0, r.args...)
				return err
			}, nil
		case "arrow":
			return func(http.ResponseWriter) error {
				sink := &arrowSink{to: to}
				if err := s.bench.Stream(ctx, r.sql, r.args, 0, sink); err != nil {
					return err
				}
				return sink.out.Close()
			}, nil
		}
		rows, err := s.bench.Query(ctx, r.sql, r.args, 0)
		if err != nil {
			return nil, err
		}
		return func(http.ResponseWriter) error {
			defer rows.Close()
			_, err := result.Write(to, rows, in.Format, result.Options{})
			return err
		}, nil
	}
	write, err := begin()
	if err != nil {
		leave()
		return nil, err
	}
	return func(w http.ResponseWriter) error {
		defer leave()
		to.w = w
		err := write(w)
		if err == nil {
			return to.begin()
		}
		if !to.begun {
			return writeFailure(w, err)
		}
		return err
	}, nil
}

// writeFailure answers with a failure where nothing has been written yet.
func writeFailure(w http.ResponseWriter, err error) error { return writeFailed(w, failed(err)) }

func writeFailed(w http.ResponseWriter, f *Failure) error {
	w.Header().Set("Content-Type", typeJSON)
	w.WriteHeader(f.status)
	return json.NewEncoder(w).Encode(f)
}

// lazy says what an answer is when its first bytes come, for until then it
// may become a failure.
type lazy struct {
	w      http.ResponseWriter
	format string
	begun  bool
}

func (l *lazy) begin() error {
	if !l.begun {
		l.begun = true
		e := exports[l.format]
		l.w.Header().Set("Content-Type", e.media)
		l.w.Header().Set("Content-Disposition", `attachment; filename="result.`+e.extension+`"`)
	}
	return nil
}

func (l *lazy) Write(b []byte) (int, error) {
	_ = l.begin()
	return l.w.Write(b)
}

// arrowSink writes the rows of a query as an Arrow IPC stream.
type arrowSink struct {
	to  io.Writer
	out *ipc.Writer
}

func (a *arrowSink) Begin(_ result.Delivered, schema *arrow.Schema) error {
	a.out = ipc.NewWriter(a.to, ipc.WithSchema(schema))
	return nil
}

func (a *arrowSink) Batch(batch arrow.RecordBatch) error {
	if err := a.out.Write(batch); err != nil {
		return engine.Errorf(engine.Unavailable, "write the result", "%w", err)
	}
	return nil
}
