package store

import (
	"fmt"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// lentSQL selects what was lent of a dataset, in table order. Columns that
// were not are errors when they are read after all.
func lentSQL(body engine.Type, t LentTable) string {
	has := map[string]bool{}
	for _, p := range t.Need.Paths {
		has[p[0]] = true
	}
	parts := []string{}
	for _, alike := range alikeFiles(t.Files) {
		parts = append(parts, lentFilesSQL(body, has, alike))
	}
	if len(parts) == 0 {
		return "SELECT " + strings.Join(nullColumns(body, has), ", ") + " WHERE false"
	}
	return strings.Join(parts, " UNION ALL ")
}

// alikeFiles puts files together that one SELECT can read.
func alikeFiles(files []LentFile) [][]LentFile {
	var out [][]LentFile
	of := map[string]int{}
	for _, f := range files {
		kind := fmt.Sprint(f.Columns, f.Envelope, f.Labels, f.Taken, f.Aside)
		i, ok := of[kind]
		if !ok {
			i = len(out)
			of[kind] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

func lentFilesSQL(body engine.Type, has map[string]bool, files []LentFile) string {
	like := files[0]
	paths, rows, origins := make([]string, len(files)), make([]string, len(files)), make([]engine.Origin, len(files))
	for i, f := range files {
		o := f.Origin
		paths[i], origins[i] = engine.QuoteText(f.Path), o
		rows[i] = fmt.Sprintf("(%d, %d::BIGINT, %d::BIGINT, %s, %s, %s, %s)", i, f.First, f.FirstSeq, engine.QuoteText(o.Source), engine.QuoteText(o.URL), timestampSQL(o.Arrival), partitionsSQL(o))
	}
	var list []string
	add := func(name, typ, value string) {
		if !has[name] {
			value = notLent(name, typ)
		}
		list = append(list, value+" AS "+engine.QuoteIdent(name))
	}
	for _, c := range engine.Envelope {
		if c.Name != "labels" {
			add(c.Name, c.Type.DuckDB(), like.envelopeSQL(c))
			continue
		}
		add(c.Name, c.Type.DuckDB(), labelsSQL(like.labelsSQL(), "o.partitions", origins))
		add("body", body.DuckDB(), like.bodySQL(body))
		add("rest", "JSON", like.restSQL())
	}
	from := "read_parquet([" + strings.Join(paths, ", ") + "], file_row_number = true, hive_partitioning = false) AS f"
	if has["_seq"] || has["_source"] || has["_position"] || has["arrival_time"] || has["labels"] || has["event_time"] && like.Envelope["event_time"] == nil {
		from += " JOIN (VALUES " + strings.Join(rows, ", ") + ") AS o(i, row, first, source, url, arrival, partitions) ON o.i = f.file_index"
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM " + from
}

// envelopeSQL is the value of an envelope column. There is no ingest time: the
// rows were not stored.
func (f *LentFile) envelopeSQL(c engine.EnvelopeColumn) string {
	switch c.Name {
	case "arrival_time":
		return "o.arrival"
	case "_seq":
		return "o.first + o.row + f.file_row_number"
	case "_source":
		return "o.source"
	case "_position":
		return "o.url || '#' || (o.row + f.file_row_number + 1)"
	case "_late":
		return "false"
	case "event_time":
		return f.timeSQL()
	}
	value, declared, ok := f.value(f.Envelope[c.Name])
	switch {
	case !ok:
		return "NULL::" + c.Type.DuckDB()
	case len(declared.fields) > 0:
		return "CASE WHEN " + value + " IS NOT NULL THEN to_json(" + value + ")::VARCHAR END"
	}
	return "(" + value + ")::VARCHAR"
}

// timeSQL reads the event time in the ways of the records that are scanned.
func (f *LentFile) timeSQL() string {
	value, declared, ok := f.value(f.Envelope["event_time"])
	if !ok {
		if f.Envelope["event_time"] == nil {
			return "o.arrival"
		}
		return "NULL::TIMESTAMPTZ"
	}
	switch {
	case strings.HasPrefix(declared.name, "TIMESTAMP"), declared.name == "DATE":
		return instantSQL(value, declared.name)
	case declared.name == "VARCHAR":
		return "try_cast(" + value + " AS TIMESTAMPTZ)"
	case strings.HasSuffix(declared.name, "INTEGER"), strings.HasSuffix(declared.name, "BIGINT"):
		return "CASE WHEN abs(" + value + ") < 100000000 THEN NULL WHEN abs(" + value + ") < 100000000000 THEN make_timestamptz((" + value + " * 1000000)::BIGINT)" +
			" WHEN abs(" + value + ") < 100000000000000 THEN make_timestamptz((" + value + " * 1000)::BIGINT)" +
			" WHEN abs(" + value + ") < 100000000000000000 THEN make_timestamptz((" + value + ")::BIGINT) ELSE make_timestamptz((" + value + " // 1000)::BIGINT) END"
	}
	return "NULL::TIMESTAMPTZ"
}

func (f *LentFile) labelsSQL() string {
	var entries []string
	for _, p := range f.Labels {
		if value, declared, ok := f.value(p); ok && len(declared.fields) == 0 {
			entries = append(entries, "struct_pack(k := "+engine.QuoteText(p.String())+", v := ("+value+")::VARCHAR)")
		}
	}
	if len(entries) > 0 {
		return "map_from_entries(list_filter([" + strings.Join(entries, ", ") + "], lambda e: e.v IS NOT NULL))"
	}
	if value, declared, ok := f.value(engine.Path{"labels"}); ok && declared.name == "MAP" {
		return "(" + value + ")::MAP(VARCHAR, VARCHAR)"
	}
	return "NULL::MAP(VARCHAR, VARCHAR)"
}

// value reads a place of the file's rows.
func (f *LentFile) value(path engine.Path) (sql string, declared declaredType, ok bool) {
	if len(path) == 0 {
		return "", declared, false
	}
	for _, c := range f.Columns {
		if c.Name != path[0] {
			continue
		}
		sql, declared = fileColumn(c.Name), parseDeclared(c.Declared)
	next:
		for _, name := range path[1:] {
			for _, member := range declared.fields {
				if declared.name == "STRUCT" && member.name == name {
					sql, declared = sql+"."+engine.QuoteIdent(name), member.typ
					continue next
				}
			}
			return "", declared, false
		}
		return sql, declared, true
	}
	return "", declared, false
}

func (f *LentFile) bodySQL(body engine.Type) string {
	declared := map[string]engine.ForeignColumn{}
	for _, c := range f.Columns {
		if !slices.Contains(f.Taken, c.Name) && !slices.Contains(f.Aside, c.Name) {
			declared[c.Name] = c
		}
	}
	return tableBody(body, declared)
}

func (f *LentFile) restSQL() string {
	var members []string
	for _, c := range f.Columns {
		if slices.Contains(f.Aside, c.Name) {
			members = append(members, engine.QuoteText(engine.Ident(c.Name)), "to_json("+convertSQL(fileColumn(c.Name), c.Declared)+")")
		}
	}
	if len(members) == 0 {
		return "NULL::JSON"
	}
	return "json_object(" + strings.Join(members, ", ") + ")"
}
