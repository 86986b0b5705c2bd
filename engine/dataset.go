package engine

import (
	"strings"
)

// EnvelopeColumn is a column that every dataset has, before body.
type EnvelopeColumn struct {
	Name string
	Type Type
}

// Envelope lists the columns all datasets share, in table order. body and
// rest stand between labels and _seq.
var Envelope = []EnvelopeColumn{
	{"event_time", Scalar(Timestamp)},
	{"arrival_time", Scalar(Timestamp)},
	{"ingest_time", Scalar(Timestamp)},
	{"service", Scalar(Varchar)},
	{"level", Scalar(Varchar)},
	{"message", Scalar(Varchar)},
	{"trace_id", Scalar(Varchar)},
	{"span_id", Scalar(Varchar)},
	{"labels", MapOf(Scalar(Varchar))},
	{"_seq", Scalar(BigInt)},
	{"_source", Scalar(Varchar)},
	{"_position", Scalar(Varchar)},
	{"_late", Scalar(Bool)},
}

// Dataset is what a rule, a query or an exporter needs to know of a table:
// its name and the type of its body at one schema version.
type Dataset struct {
	Name    string
	Version int
	Body    Type // always a Struct
}

// Path is a place in a row as SQL, rules and policies name it: the column,
// then the members below it. ["service"], ["body","http","status"],
// ["labels","region"].
type Path []string

// String joins the path with dots; a segment that is not a plain word is
// quoted. It is also the column name by which generated SQL knows the path.
func (p Path) String() string {
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = Ident(s)
	}
	return strings.Join(parts, ".")
}

// SQL reads the path from a row of the table: "body"."http"."status",
// "labels"['region'].
func (p Path) SQL() string {
	if len(p) == 2 && p[0] == "labels" {
		return `"labels"[` + QuoteText(p[1]) + `]`
	}
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = QuoteIdent(s)
	}
	return strings.Join(parts, ".")
}

// ParsePath splits a dotted path; segments may be quoted with double quotes.
func ParsePath(s string) (Path, error) {
	var p Path
	for i := 0; ; {
		var seg string
		if i < len(s) && s[i] == '"' {
			end := i + 1
			for ; end < len(s); end++ {
				if s[end] != '"' {
					continue
				}
				if end+1 < len(s) && s[end+1] == '"' {
					end++
					continue
				}
				break
			}
			if end >= len(s) {
				return nil, Errorf(Invalid, "read path "+s, "a quote is not closed")
			}
			seg, i = strings.ReplaceAll(s[i+1:end], `""`, `"`), end+1
		} else {
			end := strings.IndexByte(s[i:], '.')
			if end < 0 {
				end = len(s) - i
			}
			seg, i = s[i:i+end], i+end
			if seg == "" {
				return nil, Errorf(Invalid, "read path "+s, "a name is empty")
			}
		}
		p = append(p, seg)
		if i == len(s) {
			return p, nil
		}
		if s[i] != '.' {
			return nil, Errorf(Invalid, "read path "+s, "expected a dot after %s", seg)
		}
		i++
	}
}

// Resolve finds the place and the type that a table path means: a bare name
// is an envelope column, else body.NAME. The error of a name that is neither
// lists the nearest ones as its hint.
func (d Dataset) Resolve(p Path) (Path, Type, error) {
	for _, c := range Envelope {
		if c.Name != p[0] {
			continue
		}
		switch {
		case len(p) == 1:
			return p, c.Type, nil
		case c.Name == "labels" && len(p) == 2:
			return p, Scalar(Varchar), nil
		}
		return nil, Type{}, Errorf(NotFound, "", "%s has no member %s", c.Name, p[1:])
	}
	switch p[0] {
	case "rest":
		return p, Scalar(JSON), nil
	case "body":
		if len(p) == 1 {
			return p, d.Body, nil
		}
	default:
		p = append(Path{"body"}, p...)
	}
	t := d.Body
	for i, name := range p[1:] {
		next, ok := t.Field(name)
		switch {
		case ok:
			t = next
			continue
		case t.Kind == Map && t.Elem != nil:
			t = *t.Elem
			continue
		}
		err := Errorf(NotFound, "", "dataset %s has no path %s", d.Name, p[:i+2])
		if near := Nearest(name, d.names(p[1:i+1])); near != "" {
			err = err.WithHint("did you mean %s?", near)
		}
		return nil, Type{}, err
	}
	return p, t, nil
}

// names lists what may stand after the given body path.
func (d Dataset) names(under []string) []string {
	t := d.Body
	for _, name := range under {
		t, _ = t.Field(name)
	}
	var names []string
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	if len(under) == 0 {
		for _, c := range Envelope {
			names = append(names, c.Name)
		}
	}
	return names
}

// Nearest gives the entry of among that name was most likely meant to be, or
// "" when none is close: the "did you mean" of every error.
func Nearest(name string, among []string) string {
	best, bestDist := "", len(name)/2+1
	for _, s := range among {
		if d := editDistance(strings.ToLower(name), strings.ToLower(s)); d < bestDist {
			best, bestDist = s, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours (optimal string alignment; Boytsov 2011, section 2).
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	prev2, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(y)]
}

// Short reads the path from a row like SQL does, but quotes only what has to
// be quoted: body.http.status, labels['region'].
func (p Path) Short() string {
	if len(p) == 2 && p[0] == "labels" {
		return "labels[" + QuoteText(p[1]) + "]"
	}
	parts := make([]string, len(p))
	for i, s := range p {
		parts[i] = Ident(s) // after a dot, DuckDB takes reserved words too
	}
	parts[0] = ShortIdent(p[0])
	return strings.Join(parts, ".")
}

// ShortIdent writes a SQL identifier, in quotes only where they are needed.
func ShortIdent(s string) string {
	if reservedWords[strings.ToLower(s)] {
		return QuoteIdent(s)
	}
	return Ident(s)
}

// reservedWords cannot be identifiers without quotes in DuckDB.
var reservedWords = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.Fields(`all analyse analyze and anti any array as asc asof asymmetric at authorization between
		bigint binary bit boolean both by case cast char character check coalesce collate collation column columns concurrently
		constraint create cross dec decimal default deferrable desc describe distinct do else end except exists extract false
		fetch float for foreign freeze from full generated glob grant group grouping grouping_id having ilike in initially
		inner inout int integer intersect interval into is isnull join lambda lateral leading left like limit list localtime
		localtimestamp map national natural nchar none not notnull null nullif numeric offset on only or order out outer
		overlaps overlay pivot pivot_longer pivot_wider placing position positional precision primary qualify real references
		returning right row select semi setof show similar smallint some struct substring summarize symmetric table
		tablesample then time timestamp to trailing treat trim true try_cast union unique unpivot using values varchar
		variadic verbose when where window with within xmlattributes`) {
		words[w] = true
	}
	return words
}()

// Walk visits the paths of body with their types, outer ones first.
func (d Dataset) Walk(visit func(Path, Type)) { walkFields(Path{"body"}, d.Body, visit) }

func walkFields(at Path, t Type, visit func(Path, Type)) {
	for _, f := range t.Fields {
		p := append(at[:len(at):len(at)], f.Name)
		visit(p, f.Type)
		if f.Type.Kind == Struct {
			walkFields(p, f.Type, visit)
		}
	}
}
