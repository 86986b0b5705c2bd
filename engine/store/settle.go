package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// settlePage is how many rows are read at a time to see what of their rest
// belongs into body.
const settlePage = 100_000

// settleRows moves values that had no type into body, where the newer version
// has one: how records fell into batches must not show in the table. Rows of
// the table old for which the condition where holds were conformed to from;
// they stand in g by now.
func (s *Store) settleRows(ctx context.Context, tx *sql.Tx, old string, from engine.Type, g segment, to engine.Type, where string) error {
	_, err := s.eachPage(ctx, tx, old, from, to, where, func(p *settledPage) error {
		_, err := tx.ExecContext(ctx, "UPDATE "+g.sql()+" SET body = "+overlay("body", "settled_body", to)+
			", rest = settled_rest::JSON FROM "+p.source(to)+" WHERE _seq = settled_seq")
		return err
	})
	return err
}

// copySettled copies the rows of an older segment into g. The database crashes
// on updates of many rows that the same transaction has written, so they are
// joined with what they get on their way.
func (s *Store) copySettled(ctx context.Context, tx *sql.Tx, old segment, read selection, g segment) error {
	const table = "temp.settled"
	defer tx.ExecContext(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+table) //nolint:errcheck // a temporary table
	if _, err := tx.ExecContext(ctx, "CREATE OR REPLACE TEMP TABLE settled (settled_seq BIGINT, settled_body "+g.body.DuckDB()+", settled_rest VARCHAR)"); err != nil {
		return err
	}
	rows, err := s.eachPage(ctx, tx, old.sql(), old.body, g.body, "true", func(p *settledPage) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+table+" SELECT * FROM "+p.source(g.body))
		return err
	})
	if err != nil {
		return err
	}
	from := "(SELECT " + read.columns + " FROM " + read.from + ")"
	if rows > 0 {
		from = "(SELECT " + selectWith(map[string]string{
			"body": "CASE WHEN settled_seq IS NULL THEN body ELSE " + overlay("body", "settled_body", g.body) + " END",
			"rest": "CASE WHEN settled_seq IS NULL THEN rest::VARCHAR ELSE settled_rest END::JSON",
		}) + " FROM " + from + " LEFT JOIN " + table + " ON _seq = settled_seq)"
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO "+g.sql()+" FROM "+from)
	return err
}

// eachPage hands out what rows of old get, page by page, and counts them.
func (s *Store) eachPage(ctx context.Context, tx *sql.Tx, old string, from, to engine.Type, where string, take func(*settledPage) error) (rows int64, err error) {
	if s.opt.Settle == nil {
		return 0, nil
	}
	return s.eachPageOf(ctx, tx, old, s.opt.Settle(from, to), where, take)
}

func (s *Store) eachPageOf(ctx context.Context, tx *sql.Tx, old string, settler engine.Settler, where string, take func(*settledPage) error) (rows int64, err error) {
	if settler.Idle() {
		return 0, nil
	}
	for last, more := int64(-1), true; more; {
		var p *settledPage
		if p, err = s.readPage(ctx, tx, settler, old, where, last); err != nil {
			return rows, err
		}
		last, more = p.last, p.read == settlePage
		rows += p.changed
		if p.changed > 0 {
			err = take(p)
		}
		os.Remove(p.path)
		if err != nil {
			return rows, fmt.Errorf("settle the rows of %s: %w", old, err)
		}
	}
	return rows, nil
}

// settledPage is a file of what some rows get.
type settledPage struct {
	path    string
	last    int64 // _seq of the last row that was read
	read    int64
	changed int64
	longest int
}

func (s *Store) readPage(ctx context.Context, tx *sql.Tx, settler engine.Settler, old, where string, after int64) (p *settledPage, err error) {
	f, err := os.CreateTemp(s.opt.Staging, "settled-*.ndjson")
	if err != nil {
		return nil, err
	}
	p = &settledPage{path: f.Name(), last: after}
	w := bufio.NewWriterSize(f, 1<<16)
	err = p.fill(ctx, tx, settler, w, "SELECT _seq, rest::VARCHAR FROM "+old+" WHERE rest IS NOT NULL AND _seq > "+strconv.FormatInt(after, 10)+
		" AND "+where+" ORDER BY _seq LIMIT "+strconv.Itoa(settlePage))
	if err == nil {
		err = w.Flush()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(p.path)
	}
	return p, err
}

func (p *settledPage) fill(ctx context.Context, tx *sql.Tx, settler engine.Settler, w *bufio.Writer, query string) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	var rest sql.RawBytes
	var line []byte
	for rows.Next() {
		if err := rows.Scan(&p.last, &rest); err != nil {
			return err
		}
		p.read++
		body, left, changed := settler.Settle(rest)
		if !changed {
			continue
		}
		p.changed++
		line = strconv.AppendInt(append(line[:0], `{"settled_seq":`...), p.last, 10)
		line = append(append(line, `,"settled_body":`...), body...)
		if left != nil {
			text, err := json.Marshal(string(left))
			if err != nil {
				return err
			}
			line = append(append(line, `,"settled_rest":`...), text...)
		}
		line = append(line, '}', '\n')
		p.longest = max(p.longest, len(line))
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return rows.Err()
}

// source reads a page as a table.
func (p *settledPage) source(body engine.Type) string {
	columns := []string{
		"settled_seq: 'BIGINT'", "settled_body: " + engine.QuoteText(body.DuckDB()), "settled_rest: 'VARCHAR'",
	}
	return "read_json(" + engine.QuoteText(p.path) + ", format = 'newline_delimited', columns = {" + strings.Join(columns, ", ") +
		"}, maximum_object_size = " + strconv.Itoa(max(objectLimit, 2*p.longest)) + ", compression = 'uncompressed')"
}

// overlay reads a body with the members of another one of the same type put
// over it.
func overlay(body, over string, t engine.Type) string {
	if t.Kind != engine.Struct {
		return "coalesce(" + over + ", " + body + ")"
	}
	var members []string
	for _, f := range t.Fields {
		if f.Type.Known() {
			name := engine.QuoteIdent(f.Name)
			members = append(members, name+" := "+overlay(body+"."+name, over+"."+name, f.Type))
		}
	}
	if len(members) == 0 {
		return body
	}
	return "CASE WHEN " + body + " IS NULL THEN " + over + " WHEN " + over + " IS NULL THEN " + body +
		" ELSE struct_pack(" + strings.Join(members, ", ") + ") END"
}
