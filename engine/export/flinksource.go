package export

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"tidemark.dev/tidemark/engine"
)

// flinkField is a member of a record as Flink decodes it: of a type, or with
// members of its own.
type flinkField struct {
	name    string
	kind    string
	members []*flinkField
}

func (f *flinkField) member(name string) *flinkField {
	i := slices.IndexFunc(f.members, func(m *flinkField) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return f.members[i]
}

// ensure adds a place as text, unless it is there; it reports whether it can
// be read.
func (f *flinkField) ensure(p engine.Path) bool {
	if f.kind != "" {
		return false // a value has no members
	}
	m := f.member(p[0])
	if m == nil {
		m = &flinkField{name: p[0]}
		f.members = append(f.members, m)
		if len(p) == 1 {
			m.kind = "STRING"
		}
	}
	if len(p) == 1 {
		return m.kind != ""
	}
	return m.ensure(p[1:])
}

func (f *flinkField) typeSQL() string {
	if f.kind != "" {
		return f.kind
	}
	parts := make([]string, len(f.members))
	for i, m := range f.members {
		parts[i] = quoted(m.name) + " " + m.typeSQL()
	}
	return "ROW<" + strings.Join(parts, ", ") + ">"
}

// quoted is an identifier of Flink.
func quoted(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }

// flinkText is a text constant. What is not seen is written by its number: the
// SQL client takes control characters in a file for keys that somebody pressed.
func flinkText(s string) string {
	if !strings.ContainsFunc(s, unseen) {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case unseen(r):
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\%04X`, unit)
			}
		default:
			b.WriteRune(r)
		}
	}
	return "U&'" + b.String() + "'"
}

// unseen reports whether a letter shows nothing, so that nobody sees it in a file.
func unseen(r rune) bool { return !strconv.IsPrint(r) }

// fieldsOf are the members of a struct as Flink decodes JSON.
func fieldsOf(t engine.Type) (out []*flinkField) {
	for _, f := range t.Fields {
		if f.Type.Kind == engine.Struct {
			if members := fieldsOf(f.Type); len(members) > 0 {
				out = append(out, &flinkField{name: f.Name, members: members})
			}
			continue
		}
		if kind := decodedType(f.Type); kind != "" {
			out = append(out, &flinkField{name: f.Name, kind: kind})
		}
	}
	return out
}

// decodedType is what Flink decodes values of a type to; "" for what has no
// type yet. Times are decoded as text, for there are many ways to write them.
func decodedType(t engine.Type) string {
	switch t.Kind {
	case engine.Bool:
		return "BOOLEAN"
	case engine.BigInt:
		return "BIGINT"
	case engine.HugeInt:
		return "DECIMAL(38, 0)"
	case engine.Decimal:
		return fmt.Sprintf("DECIMAL(%d, %d)", t.Precision, t.Scale)
	case engine.Double:
		return "DOUBLE"
	case engine.Unknown:
		return ""
	case engine.List, engine.Map:
		if t.Elem == nil || decodedType(*t.Elem) == "" && t.Elem.Kind != engine.Struct {
			return ""
		}
		elem := decodedType(*t.Elem)
		if t.Elem.Kind == engine.Struct {
			if elem = (&flinkField{members: fieldsOf(*t.Elem)}).typeSQL(); elem == "ROW<>" {
				return ""
			}
		}
		if t.Kind == engine.Map {
			return "MAP<STRING, " + elem + ">"
		}
		return "ARRAY<" + elem + ">"
	}
	return "STRING"
}

// flinkSource writes the table that decodes the records, and the view that is
// the dataset.
type flinkSource struct {
	*refuser
	Source
	dataset     string
	transformed bool
	records     *flinkField
}

func (s *flinkSource) tables(connector string) string {
	s.records = &flinkField{members: fieldsOf(s.Body)}
	at := s.eventTime()
	view := s.columns()
	var columns []string
	for _, f := range s.records.members {
		columns = append(columns, quoted(s.recordName(f.name))+" "+f.typeSQL())
	}
	columns = append(columns, "`event_time` AS TO_TIMESTAMP_LTZ(COALESCE("+s.instant(at)+", 0), 3)")
	return fmt.Sprintf("-- The records as they come. One whose event time cannot be read has 1970, which\n-- is left out below.\nCREATE TABLE %s (\n  %s,\n  WATERMARK FOR `event_time` AS %s\n) WITH (\n  %s,\n  'format' = 'json',\n  'json.ignore-parse-errors' = 'true'\n);\n\n",
		quoted(s.dataset+"_records"), strings.Join(columns, ",\n  "), s.watermark(), connector) +
		fmt.Sprintf("-- The dataset, as Tidemark has it.\nCREATE TEMPORARY VIEW %s AS\nSELECT\n  %s\nFROM %s\nWHERE `event_time` > TO_TIMESTAMP_LTZ(0, 3);\n",
			quoted(s.dataset), strings.Join(view, ",\n  "), quoted(s.dataset+"_records"))
}

// watermark follows event time, but not a time that is too far ahead of the
// clock: then there is none, and the one before stays.
func (s *flinkSource) watermark() string {
	w := "`event_time` - " + flinkInterval(s.Lateness)
	if s.MaxFuture == 0 {
		return w
	}
	return "CASE WHEN `event_time` <= CURRENT_TIMESTAMP + " + flinkInterval(s.MaxFuture) + " THEN " + w + " END"
}

// recordName keeps a field called event_time apart from the computed column.
func (s *flinkSource) recordName(name string) string {
	if name == "event_time" {
		return "event_time of the record"
	}
	return name
}

// place reads a field of the record.
func (s *flinkSource) place(p engine.Path) string {
	parts := make([]string, len(p))
	for i, m := range p {
		parts[i] = quoted(m)
	}
	parts[0] = quoted(s.recordName(p[0]))
	return strings.Join(parts, ".")
}

// text reads a field as text, wherever it was decoded to.
func (s *flinkSource) text(p engine.Path) string {
	at := s.records
	for _, m := range p {
		at = at.member(m)
	}
	if at.kind == "STRING" {
		return s.place(p)
	}
	return "CAST(" + s.place(p) + " AS STRING)"
}

func (s *flinkSource) eventTime() string {
	for _, p := range s.Mapping.EventTime {
		if s.records.ensure(p) {
			return s.text(p)
		}
	}
	s.no("event_time", "the dataset does not say where records have their time, and Flink needs to know", "write event_time into the dataset in tidemark.yaml")
	return ""
}

// instant reads a time as milliseconds since 1970: a date and time with or
// without a zone, or a number whose size tells its unit.
func (s *flinkSource) instant(text string) string {
	number := "CAST(" + text + " AS DECIMAL(30, 9))"
	zone := `COALESCE(REGEXP_REPLACE(REGEXP_EXTRACT(` + text + `, '(Z|[+-][0-9]{2}:?[0-9]{2})$', 1), '^([+-][0-9]{2})([0-9]{2})$', '$1:$2'), 'Z')`
	return `CASE
    WHEN REGEXP(` + text + `, '^-?[0-9]+([.][0-9]+)?$') THEN CAST(CASE
      WHEN ABS(` + number + `) < 100000000 THEN NULL
      WHEN ABS(` + number + `) < 100000000000 THEN ` + number + ` * 1000
      WHEN ABS(` + number + `) < 100000000000000 THEN ` + number + `
      WHEN ABS(` + number + `) < 100000000000000000 THEN FLOOR(` + number + ` / 1000)
      ELSE FLOOR(` + number + ` / 1000000)
    END AS BIGINT)
    WHEN REGEXP(` + text + `, '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}') THEN
      UNIX_TIMESTAMP(REPLACE(SUBSTRING(` + text + ` FROM 1 FOR 19), 'T', ' ') || ` + zone + `, 'yyyy-MM-dd HH:mm:ssXXX') * 1000
      + CAST(RPAD(COALESCE(REGEXP_EXTRACT(` + text + `, '[.]([0-9]{1,3})', 1), '0'), 3, '0') AS INT)
  END`
}

// columns are those of the dataset: the envelope, the labels and the body's
// single values, by their paths.
func (s *flinkSource) columns() []string {
	out := []string{"`event_time`"}
	for _, name := range []string{"service", "level", "message", "trace_id", "span_id"} {
		var from []string
		for _, p := range s.raw(s.refuser, engine.Path{name}) {
			if s.records.ensure(p) {
				from = append(from, s.text(p))
			}
		}
		expr := strings.Join(from, ", ")
		if len(from) > 1 {
			expr = "COALESCE(" + expr + ")"
		}
		if len(from) > 0 {
			out = append(out, s.protected(engine.Path{name}, expr))
		}
	}
	for _, l := range s.Mapping.Labels {
		if s.records.ensure(l) {
			out = append(out, s.protected(engine.Path{"labels", l.String()}, s.text(l)))
		}
	}
	return append(out, s.values(engine.Path{"body"}, fieldsOf(s.Body), s.Body)...)
}

func (s *flinkSource) values(under engine.Path, fields []*flinkField, t engine.Type) (out []string) {
	for _, f := range fields {
		at := append(under[:len(under):len(under)], f.name)
		of, _ := t.Field(f.name)
		if f.kind == "" {
			out = append(out, s.values(at, f.members, of)...)
			continue
		}
		expr := s.place(at[1:])
		switch of.Kind {
		case engine.Timestamp:
			expr = "TO_TIMESTAMP_LTZ(" + s.instant(expr) + ", 3)"
		case engine.Date:
			expr = "CAST(" + expr + " AS DATE)"
		}
		out = append(out, s.protected(at, expr))
	}
	return out
}

// protected is a column with its policy.
func (s *flinkSource) protected(p engine.Path, expr string) string {
	name := " AS " + quoted(p.String())
	for _, policy := range s.Policies {
		if !within(p, policy.Path) || s.transformed {
			continue
		}
		text := "CAST(" + expr + " AS STRING)"
		switch policy.Kind {
		case engine.Mask:
			return "CASE WHEN " + expr + " IS NOT NULL THEN '***' END" + name
		case engine.Truncate:
			return fmt.Sprintf("SUBSTRING(%s FROM 1 FOR %d)%s", text, policy.Length, name)
		case engine.Drop:
			return "CAST(NULL AS STRING)" + name
		case engine.Hash:
			s.no("columns: {"+policy.Path.String()+": hash}", "Flink SQL has no keyed hash", "export to connect, which hashes, and let Flink read what comes out of it with --transformed; or mask or drop the column")
		}
	}
	return expr + name
}

// flinkInterval writes a length of time in its largest whole unit.
func flinkInterval(d time.Duration) string {
	for _, u := range []struct {
		unit string
		of   time.Duration
	}{{"DAY", 24 * time.Hour}, {"HOUR", time.Hour}, {"MINUTE", time.Minute}, {"SECOND", time.Second}} {
		if n := int64(d / u.of); d%u.of == 0 {
			digits := ""
			if n > 99 {
				digits = fmt.Sprintf("(%d)", len(fmt.Sprint(n)))
			}
			return fmt.Sprintf("INTERVAL '%d' %s%s", n, u.unit, digits)
		}
	}
	seconds := int64(d / time.Second)
	return fmt.Sprintf("INTERVAL '%d.%03d' SECOND(%d, 3)", seconds, (d%time.Second)/time.Millisecond, max(2, len(fmt.Sprint(seconds))))
}
