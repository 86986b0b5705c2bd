package notebook

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
)

func tryRun(t *testing.T, src string) error {
	t.Helper()
	n, err := Parse("n.md", []byte(src), strict)
	if err != nil {
		return err
	}
	_, err = Run(context.Background(), n, duck{}, Options{Now: time.Unix(1e9, 0)})
	return err
}

// duck is a host that runs SQL on an empty database.
type duck struct{}

func (duck) Datasets() []string { return nil }
func (duck) Backtest(context.Context, string, int, string, time.Time, time.Time) (*Backtest, error) {
	return nil, nil
}

func (duck) Query(ctx context.Context, q string, args []sql.NamedArg, _ int) (*Table, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var a []any
	for _, x := range args {
		a = append(a, x)
	}
	rows, err := db.QueryContext(ctx, q, a...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() { // only whether it runs counts here
	}
	return &Table{}, rows.Err()
}

func TestCellsThatAreEasyToGetWrong(t *testing.T) {
	for name, src := range map[string]string{
		"semicolon then comment": "```sql a\nselect 1 as x; -- note\n```\n```sql b\nfrom a\n```",
		"reserved cell name":     "```sql order\nselect 1 as x\n```\n```sql\nfrom \"order\"\n```",
		"own CTE of that name":   "```sql a\nselect 1 as x\n```\n```sql b\nwith a as (select 2 as x) from a\n```",
		"summarize a cell":       "```sql a\nselect 1 as x\n```\n```sql\nsummarize a\n```",
		"explain a cell":         "```sql a\nselect 1 as x\n```\n```sql\nexplain from a\n```",
		"capital parameter":      "```sql a\nselect $From as x\n```",
		"nested comment":         "```sql a\nselect 1 /* /* */ $zz */\n```",
	} {
		if err := tryRun(t, src); err != nil {
			t.Errorf("%s: %v", name, strings.Split(err.Error(), "\n")[0])
		}
	}
	for name, src := range map[string]string{
		"in a ~~~ block":     "~~~\n```sql a\nselect error('ran')\n```\n~~~\n",
		"in an HTML comment": "<!--\n```sql a\nselect error('ran')\n```\n-->\n",
	} {
		if err := tryRun(t, src); err != nil {
			t.Errorf("%s runs: %v", name, strings.Split(err.Error(), "\n")[0])
		}
	}
}

func TestScriptRuns(t *testing.T) {
	for name, src := range map[string]string{
		"plain":           "---\ntitle: y\n---\n# T\n```sql a\nselect $to as x\n```\n```sql b\nfrom a where x = $to\n```",
		"comment at end":  "```sql a\nselect 1 as x; -- note\n```",
		"line comment":    "```sql a\nselect 1 as x -- note\n```",
		"reserved param":  "---\ntitle: x\n---\n```sql a\nselect $from as x\n```",
		"reserved cell":   "```sql order\nselect 1 as x\n```",
		"self named view": "```sql a\nselect 1 as x\n```\n```sql b\nselect x from a\n```",
	} {
		n, err := Parse("n.md", []byte(src), strict)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Script(n, Options{Now: time.Unix(1e9, 0)})
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("duckdb", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(string(s)); err != nil {
			t.Errorf("%s: %v", name, strings.Split(err.Error(), "\n")[0])
		}
		db.Close()
	}
	for src, fails := range map[string]bool{"```check c\nselect 1\n```": true, "```check\nselect 1 where false; -- none\n```": false} {
		n, err := Parse("n.md", []byte(src), strict)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Script(n, Options{Now: time.Unix(1e9, 0)})
		if err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("duckdb", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(string(s)); (err != nil) != fails {
			t.Errorf("%s: %v", src, err)
		}
		db.Close()
	}
}
