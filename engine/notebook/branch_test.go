package notebook

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

const branching = "```check pool\n%s\n```\n" + `
<!-- if pool fails -->
It is small.
` + "```sql who\nselect 1 as n\n```" + `
<!-- else -->
It is large.
` + "```sql\nselect 2 as n\n```" + `
<!-- end -->
At last.
`

// TestBranches: a check chooses between the cells below its marks, text too.
func TestBranches(t *testing.T) {
	for query, fails := range map[string]bool{"select 1": true, "select 1 where false": false} {
		n, err := Parse("n.md", fmt.Appendf(nil, branching, query), strict)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), n, rowsHost{}, Options{Now: time.Unix(1e9, 0)})
		if err != nil {
			t.Fatal(err)
		}
		page, md := string(HTML(r)), string(MarkdownOf(r))
		for _, out := range []string{page, md} {
			if strings.Contains(out, "It is small.") != fails || strings.Contains(out, "It is large.") == fails || !strings.Contains(out, "At last.") {
				t.Errorf("the check failed: %v, and the report says\n%s", fails, out)
			}
			if strings.Count(out, "left out: the check pool") != 1 {
				t.Errorf("it does not say once what was left out:\n%s", out)
			}
		}
		if strings.Contains(md, "the check found 1 row") != fails || strings.Contains(page, "the check passed") == fails {
			t.Errorf("the check is not told:\n%s", md)
		}
	}
}

// TestBranchesAreRead refuses marks that would not do what they seem to.
func TestBranchesAreRead(t *testing.T) {
	for mark, want := range map[string]string{
		"<!-- if pol fails -->\n<!-- end -->":   "did you mean pool?",
		"<!-- if pool -->\n<!-- end -->":        "does not say on which side",
		"<!-- if pool succeeds -->":             "does not say on which side",
		"<!-- if pool fails -->":                "has no end",
		"<!-- end -->":                          "",
		"<!-- if this is wrong, tell us -->":    "",
		"<!-- if POOL passes -->\n<!-- end -->": "",
	} {
		_, err := Parse("n.md", []byte("```check pool\nselect 1\n```\n"+mark+"\n"), strict)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(told(err), want) {
			t.Errorf("%s: %v, want %q", mark, err, want)
		}
	}
}

func told(err error) string {
	var e *engine.Error
	if errors.As(err, &e) {
		return e.Error() + " " + e.Hint
	}
	return err.Error()
}

// rowsHost gives the rows of queries whose columns are whole numbers.
type rowsHost struct{ duck }

func (rowsHost) Query(ctx context.Context, q string, _ []sql.NamedArg, _ int) (*Table, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, q)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	t := &Table{Columns: []Column{{"n", "INTEGER"}}, Rows: [][]any{}}
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, []any{n})
	}
	return t, rows.Err()
}

// TestStepsGoOn: however many cells ran before, what comes out is the same,
// also after it was kept as JSON.
func TestStepsGoOn(t *testing.T) {
	src := fmt.Sprintf(branching, "select 1") + "```chart\ndata: who\nx: n\ny: n\n```\n"
	n, err := Parse("n.md", []byte(src), strict)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Run(t.Context(), n, rowsHost{}, Options{Now: time.Unix(1e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for cut := range n.Cells {
		kept, err := json.Marshal(whole.Cells[:cut])
		if err != nil {
			t.Fatal(err)
		}
		var done []CellResult
		if err := json.Unmarshal(kept, &done); err != nil {
			t.Fatal(err)
		}
		s, err := Begin(n, rowsHost{}, Options{Now: time.Unix(1e9, 0)})
		if err == nil {
			err = s.GoOn(done)
		}
		for err == nil && s.More() {
			_, err = s.Next(t.Context())
		}
		if err != nil || string(HTML(s.Result())) != string(HTML(whole)) {
			t.Errorf("after %d cells: %v", cut, err)
		}
	}
}
