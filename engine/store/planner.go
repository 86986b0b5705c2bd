package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store/cage"
)

// planner asks DuckDB's own optimizer what a query reads of which table. It is
// an instance in memory with the tables of the database and no rows.
type planner struct {
	mu   sync.Mutex
	db   *sql.DB
	like string // what its tables are
}

// What the optimizer must not do to a query that is only looked at: conclude
// from tables without rows, and read a table in two steps. The second also
// leaves conditions above the scans, so that their columns show there.
const (
	showConditions = "statistics_propagation,late_materialization"
	showColumns    = showConditions + ",filter_pushdown"
)

// needs finds out what a query reads of attached datasets. Where that cannot
// be told it is everything.
func (s *Store) needs(ctx context.Context, conn *sql.Conn, names []string, query string, args []any, few *cage.Few) ([]engine.Need, error) {
	columns, conditions, err := s.planned(ctx, query, args)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		// It may be the query that is wrong, which must not cost a download.
		if own := explains(ctx, conn, query, args); own != nil {
			return nil, cage.Explain(own, query)
		}
	}
	var out []engine.Need
	for _, name := range names {
		v, _ := s.Schema(name)
		need := engine.Need{Dataset: name, Scans: []engine.Scan{{}}}
		if err != nil {
			need.Paths = everything()
		} else {
			paths := namedPaths(v.Body)
			need.Paths = columns.paths(name, paths)
			need.Scans = conditions.scans(name, paths, few)
		}
		out = append(out, need)
	}
	return out, nil
}

// everything are all columns of a dataset.
func everything() []engine.Path {
	var out []engine.Path
	for _, name := range columnNames() {
		out = append(out, engine.Path{name})
	}
	return out
}

// planned plans a query twice: to see its columns, and its conditions.
func (s *Store) planned(ctx context.Context, query string, args []any) (columns, conditions scans, err error) {
	p := &s.planner
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.open(ctx, s.catalogSQL(wordsOf(query))); err != nil {
		return nil, nil, err
	}
	if columns, err = p.explain(ctx, showColumns, query, args); err != nil {
		return nil, nil, err
	}
	conditions, err = p.explain(ctx, showConditions, query, args)
	return columns, conditions, err
}

// catalogSQL makes the tables of the database that words name in an empty one.
func (s *Store) catalogSQL(words map[string]bool) []string {
	var out, names []string
	if words["tidemark"] {
		out = slices.Clone(systemTables)
	}
	all := words["all_events"]
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, d := range s.datasets {
		if !all && !words[strings.ToLower(name)] {
			continue
		}
		out = append(out, "CREATE TABLE main."+engine.QuoteIdent(name)+" ("+strings.Join(tableColumns(d.version.Body), ", ")+")")
		names = append(names, name)
	}
	slices.Sort(out[len(out)-len(names):])
	if !all {
		return out
	}
	if names = slices.DeleteFunc(names, func(n string) bool { return s.datasets[n].attached }); len(names) > 0 {
		slices.Sort(names)
		out = append(out, allEventsSQL(names))
	}
	return out
}

func (p *planner) open(ctx context.Context, tables []string) error {
	like := strings.Join(tables, ";")
	if p.db != nil && p.like == like {
		return nil
	}
	p.close()
	db, err := openInstance(ctx, "", Options{Threads: 1, Memory: 256_000_000})
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	for _, ddl := range tables {
		if _, err := db.ExecContext(ctx, ddl); err != nil {
			db.Close()
			return err
		}
	}
	p.db, p.like = db, like
	return nil
}

func (p *planner) close() {
	if p.db != nil {
		p.db.Close()
		p.db = nil
	}
}

func (p *planner) explain(ctx context.Context, without, query string, args []any) (scans, error) {
	if _, err := p.db.ExecContext(ctx, "SET disabled_optimizers = "+engine.QuoteText(without)); err != nil {
		return nil, err
	}
	rows, err := p.db.QueryContext(ctx, "EXPLAIN (FORMAT json) "+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := scans{}
	for rows.Next() {
		var key, text string
		if err := rows.Scan(&key, &text); err != nil {
			return nil, err
		}
		var tree []planNode
		if err := json.Unmarshal([]byte(text), &tree); err != nil {
			return nil, fmt.Errorf("read a plan: %w", err)
		}
		if len(tree) == 1 {
			markFirst(&tree[0])
		}
		for i := range tree {
			found.add(&tree[i])
		}
	}
	return found, rows.Err()
}

// planNode is an operator of a plan.
type planNode struct {
	Name     string                     `json:"name"`
	Children []planNode                 `json:"children"`
	Extra    map[string]json.RawMessage `json:"extra_info"`
	// first says that the query's LIMIT takes the first rows of this reading.
	first bool
}

// markFirst marks the reading whose rows go one by one up to the only LIMIT
// of a plan, above which none is left out. Where anything else is done with
// them there is none.
func markFirst(n *planNode) {
	limits := 0
	for ; ; n = &n.Children[0] {
		switch n.Name {
		case "LIMIT", "STREAMING_LIMIT":
			limits++
		case "FILTER":
			if limits == 0 {
				return
			}
		case "SEQ_SCAN":
			n.first = limits == 1 && n.plain()
			return
		case "PROJECTION":
		default:
			return
		}
		if len(n.Children) != 1 {
			return
		}
	}
}

// plain reports that nothing but conditions chooses among the rows of a
// reading: no sample.
func (n *planNode) plain() bool {
	for key := range n.Extra {
		if !plainReading[key] {
			return false
		}
	}
	return true
}

var plainReading = map[string]bool{"Table": true, "Type": true, "Projections": true, "Filters": true, "Estimated Cardinality": true}

// texts reads what a plan has as one text or a list of them.
func (n *planNode) texts(key string) []string {
	raw, has := n.Extra[key]
	if !has {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		if one == "" {
			return nil
		}
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal(raw, &list) // what is neither is no list of columns
	return list
}

// scans are the readings of tables in a plan, by table.
type scans map[string][]*planNode

const plannerTables = "memory.main."

func (s scans) add(n *planNode) {
	if table := n.texts("Table"); len(table) == 1 {
		name, ours := strings.CutPrefix(table[0], plannerTables)
		if ours {
			name = strings.Trim(name, `"`)
			s[name] = append(s[name], n)
		}
	}
	for i := range n.Children {
		s.add(&n.Children[i])
	}
}

// paths lists what the readings of a table give on.
func (s scans) paths(table string, known map[string][]engine.Path) []engine.Path {
	wanted := map[string]engine.Path{}
	for _, n := range s[table] {
		for _, column := range n.texts("Projections") {
			places := known[column]
			if places == nil {
				return everything()
			}
			for _, p := range places {
				wanted[p.String()] = p
			}
		}
		for _, filter := range n.texts("Filters") { // what is pushed down all the same
			for _, name := range columnNames() {
				if strings.Contains(filter, name) {
					wanted[name] = engine.Path{name}
				}
			}
		}
	}
	var out []engine.Path
	for _, p := range wanted {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b engine.Path) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// scans lists the conditions of every reading of a table, and how many rows of
// it are enough for a query that wants few.
func (s scans) scans(table string, known map[string][]engine.Path, few *cage.Few) []engine.Scan {
	var out []engine.Scan
	for _, n := range s[table] {
		var scan engine.Scan
		if n.first && few != nil {
			scan.Limit = few.Rows + few.Skipped
		}
		for _, filter := range n.texts("Filters") {
			scan.Conditions = append(scan.Conditions, readFilter(filter, known)...)
		}
		out = append(out, scan)
	}
	return out
}

// namedPaths are the columns of a dataset and the members of body, by the
// names that plans have for them. Two may have the same.
func namedPaths(body engine.Type) map[string][]engine.Path {
	out := map[string][]engine.Path{}
	for _, name := range columnNames() {
		out[name] = []engine.Path{{name}}
	}
	var walk func(at engine.Path, t engine.Type)
	walk = func(at engine.Path, t engine.Type) {
		if t.Kind != engine.Struct {
			return
		}
		for _, f := range t.Fields {
			p := append(at[:len(at):len(at)], f.Name)
			name := strings.Join(p, ".")
			out[name] = append(out[name], p)
			walk(p, f.Type)
		}
	}
	walk(engine.Path{"body"}, body)
	return out
}

// explains reports what is wrong with a query, without running it.
func explains(ctx context.Context, conn *sql.Conn, query string, args []any) error {
	rows, err := conn.QueryContext(ctx, "EXPLAIN "+query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return rows.Err()
}
