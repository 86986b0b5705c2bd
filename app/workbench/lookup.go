package workbench

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/lookup"
)

// LookupInfo is a lookup of the workspace and what it did since it was opened.
type LookupInfo struct {
	Name string   `json:"name"`
	Kind string   `json:"kind" enum:"table,sql,http"`
	From string   `json:"from"`
	Key  []string `json:"key"`
	Take []string `json:"take"`
	Used []string `json:"used"` // by these datasets
	lookup.Stats
}

// lookups counts what lookups do: those in use, and what others did before.
type lookups struct {
	mu   sync.Mutex
	now  map[*lookup.Lookup]string
	past map[string]lookup.Stats
}

func (l *lookups) add(name string, x *lookup.Lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		l.now, l.past = map[*lookup.Lookup]string{}, map[string]lookup.Stats{}
	}
	l.now[x] = name
}

func (l *lookups) stats(name string) lookup.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.past[name]
	for x, of := range l.now {
		if of == name {
			sum = sum.Add(x.Stats())
		}
	}
	return sum
}

func (l *lookups) done(name string, x *lookup.Lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, has := l.now[x]; has {
		l.past[name] = l.past[name].Add(x.Stats())
		delete(l.now, x)
	}
}

// Lookups lists the lookups of the workspace.
func (b *Workbench) Lookups() []LookupInfo {
	out := []LookupInfo{}
	c := b.Current().Config
	for _, e := range c.Lookups {
		l := e.Value
		i := LookupInfo{Name: l.Name, Kind: "http", From: l.HTTP, Key: []string{}, Take: []string{}, Used: []string{}, Stats: b.lookups.stats(l.Name)}
		switch {
		case l.Table != "":
			i.Kind, i.From = "table", l.Table
		case l.SQL != "":
			i.Kind, i.From = "sql", l.SQL
		}
		for _, k := range l.Key {
			i.Key = append(i.Key, k.Value.Value)
		}
		for _, t := range l.Take {
			i.Take = append(i.Take, t.Key.Value)
		}
		for _, d := range c.Datasets {
			if slices.Contains(d.Value.Transforms, l.Name) {
				i.Used = append(i.Used, d.Key.Value)
			}
		}
		out = append(out, i)
	}
	return out
}

// openLookup prepares a lookup. A table is read now, and stays as it is until
// close is called.
func (b *Workbench) openLookup(ctx context.Context, l workspace.Lookup) (x *lookup.Lookup, release func(), err error) {
	if !b.Current().Trusted {
		return nil, nil, workspace.ErrUntrusted(b.Current().Root, "look up "+l.Name)
	}
	c := l.Config()
	c.Clock = b.clock
	release = func() { b.lookups.done(l.Name, x) }
	var source lookup.Source
	switch {
	case l.Table != "":
		source, err = b.lookupTable(ctx, l)
		c.Cache = -1
	case l.SQL != "":
		source, err = b.lookupSQL(ctx, l)
		c.Cache = -1
	default:
		var e *lookup.Endpoint
		e, err = lookup.NewEndpoint(lookup.Endpoint{URL: l.HTTP, Keys: l.KeyNames(), Take: c.Take, Header: l.Headers, Private: l.Network == "private"}, max(c.Capacity, 1))
		if err != nil {
			return nil, nil, engine.Errorf(engine.Invalid, "look up "+l.Name, "%w", err)
		}
		source = e
		release = func() { e.Close(); b.lookups.done(l.Name, x) }
	}
	if err != nil {
		return nil, nil, err
	}
	x = lookup.New(c, source)
	b.lookups.add(l.Name, x)
	return x, release, nil
}

// lookupSQL reads the rows of a query into memory.
func (b *Workbench) lookupSQL(ctx context.Context, l workspace.Lookup) (lookup.Source, error) {
	t, err := b.table(ctx, l.SQL, nil, lookup.MaxRows, nil)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	var names []string
	for i, c := range t.Columns {
		at[c.Name] = i
		names = append(names, c.Name)
	}
	if err := lookupColumns(l, names); err != nil {
		return nil, err
	}
	out := lookup.NewTable()
	if t.More {
		return nil, engine.Errorf(engine.Invalid, "look up "+l.Name, "its query gives more than %d rows", lookup.MaxRows)
	}
	for _, row := range t.Rows {
		values := map[string]json.RawMessage{}
		for name, i := range at {
			if values[name], err = json.Marshal(row[i]); err != nil {
				return nil, err
			}
		}
		if err := addLookupRow(out, l, values); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lookupTable reads a file of the workspace into memory. It is decoded where
// it can do no harm.
func (b *Workbench) lookupTable(ctx context.Context, l workspace.Lookup) (lookup.Source, error) {
	op := "look up " + l.Name
	if !filepath.IsLocal(filepath.FromSlash(l.Table)) {
		return nil, engine.Errorf(engine.Invalid, op, "%s is not in the workspace", l.Table).WithHint("write a path in the workspace: data/customers.csv")
	}
	path := b.Current().Path(l.Table)
	real, err := filepath.EvalSymlinks(path)
	root, rootErr := filepath.EvalSymlinks(b.Current().Root)
	if err != nil || rootErr != nil {
		return nil, engine.Errorf(engine.NotFound, op, "there is no file %s", l.Table)
	}
	if rel, err := filepath.Rel(root, real); err != nil || !filepath.IsLocal(rel) {
		return nil, engine.Errorf(engine.Invalid, op, "%s is a link that leads out of the workspace", l.Table)
	}
	scratch := b.Current().TempDir()
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".ndjson", ".jsonl":
		return readLookupLines(l, real)
	case ".csv", ".parquet":
		t, err := b.Store.OpenForeign(ctx, real, ext[1:], scratch)
		if err != nil {
			return nil, err
		}
		defer t.Close()
		var names []string
		for _, c := range t.Columns() {
			names = append(names, c.Name)
		}
		if err := lookupColumns(l, names); err != nil {
			return nil, err
		}
		lines, err := os.CreateTemp(scratch, "lookup-*.ndjson")
		if err != nil {
			return nil, engine.Errorf(engine.Unavailable, op, "%w", err)
		}
		lines.Close()
		os.Remove(lines.Name())
		defer os.Remove(lines.Name())
		if err := t.WriteLines(ctx, lines.Name()); err != nil {
			return nil, err
		}
		return readLookupLines(l, lines.Name())
	}
	return nil, engine.Errorf(engine.Invalid, op, "%s is neither CSV nor Parquet nor NDJSON", l.Table).WithHint("name the file .csv, .parquet or .ndjson")
}

func readLookupLines(l workspace.Lookup, path string) (lookup.Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "look up "+l.Name, "%w", err)
	}
	defer f.Close()
	out := lookup.NewTable()
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 4<<20)
	for n := 1; scan.Scan(); n++ {
		var row map[string]json.RawMessage
		if len(strings.TrimSpace(scan.Text())) == 0 {
			continue
		}
		if err := json.Unmarshal(scan.Bytes(), &row); err != nil {
			return nil, engine.Errorf(engine.Invalid, "look up "+l.Name, "line %d of %s: %w", n, l.Table, err)
		}
		if err := addLookupRow(out, l, row); err != nil {
			return nil, err
		}
	}
	if err := scan.Err(); err != nil {
		return nil, engine.Errorf(engine.Invalid, "look up "+l.Name, "%s: %w", l.Table, err)
	}
	return out, nil
}

// addLookupRow puts a row in; one without a whole key is nobody's.
func addLookupRow(t *lookup.Table, l workspace.Lookup, row map[string]json.RawMessage) error {
	key := make([]string, len(l.Key))
	for i, k := range l.Key {
		text, ok := keyText(row[k.Key.Value])
		if !ok {
			return nil
		}
		key[i] = text
	}
	values := make([]json.RawMessage, len(l.Take))
	for i, c := range l.Take {
		if v := row[c.Value.Value]; v != nil {
			values[i] = lookup.Compact(v)
		}
	}
	return t.Add(key, values)
}

// keyText is the text by which a value is found: numbers as they are written.
func keyText(v json.RawMessage) (string, bool) {
	switch {
	case len(v) == 0 || string(v) == "null":
		return "", false
	case v[0] == '"':
		var s string
		err := json.Unmarshal(v, &s)
		return s, err == nil
	case v[0] == '{' || v[0] == '[':
		return "", false
	}
	return string(v), true
}

// lookupColumns refuses names that a table does not have.
func lookupColumns(l workspace.Lookup, have []string) error {
	var want []string
	want = append(want, l.KeyNames()...)
	for _, t := range l.Take {
		want = append(want, t.Value.Value)
	}
	for _, name := range want {
		if slices.Contains(have, name) {
			continue
		}
		e := engine.Errorf(engine.Invalid, "look up "+l.Name, "its table has no column %s", name)
		if near := engine.Nearest(name, have); near != "" {
			return e.WithHint("did you mean %s?", near)
		}
		return e.WithHint("there are %s", strings.Join(have, ", "))
	}
	return nil
}

func (b *Workbench) lookupNames() []string {
	var out []string
	for _, l := range b.Current().Config.Lookups {
		out = append(out, l.Key.Value)
	}
	return out
}
