package export

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// connectHelpers are maps that the decoding of records uses: what a value is
// as text, as a number, as a time in microseconds.
const connectHelpers = `map text {
  root = match {
    this.type() == "string" => this,
    this.type() == "number" => this.string(),
    this.type() == "bool" => this.string(),
    _ => null,
  }
}
map varchar { root = if this.type() == "string" { this } else { null } }
map bool { root = if this.type() == "bool" { this } else { null } }
map number { root = if this.type() == "number" { this.number() } else { null } }
map integer { root = if this.type() == "number" && this.number() == this.number().floor() { this.number() } else { null } }
map epoch {
  let n = this.number()
  root = match {
    $n.abs() < 100000000 => null,
    $n.abs() < 100000000000 => ($n * 1000000).round(),
    $n.abs() < 100000000000000 => ($n * 1000).round(),
    $n.abs() < 100000000000000000 => $n.floor(),
    _ => ($n / 1000).floor(),
  }
}
map written {
  let dated = this.re_replace_all("^([0-9]{4}-[0-9]{2}-[0-9]{2}) ", "${{1}}T").re_replace_all("([+-][0-9]{2})([0-9]{2})$", "${{1}}:${{2}}")
  let zoned = if $dated.re_match("(Z|[+-][0-9]{2}:[0-9]{2})$") { $dated } else { $dated + "Z" }
  root = $zoned.ts_parse("2006-01-02T15:04:05Z07:00").ts_unix_micro()
}
map instant {
  root = match {
    this.type() == "number" => this.apply("epoch"),
    this.type() == "string" && this.re_match("^-?[0-9]+([.][0-9]+)?$") => this.apply("epoch"),
    this.type() == "string" => this.apply("written").catch(null),
    _ => null,
  }
}
`

// connectSource decodes a record as Tidemark does.
type connectSource struct {
	*refuser
	Source
	transformed bool
}

// decoding is a mapping from the bytes of a record to its columns, by their
// paths. What is no JSON object is left out.
func (s *connectSource) decoding() string {
	var b strings.Builder
	b.WriteString(connectHelpers)
	b.WriteString("let r = this\nroot = {\"columns\": {}, \"emitted\": []}\n")
	set := func(p engine.Path, kind string, from ...engine.Path) {
		values := make([]string, len(from))
		for i, at := range from {
			values[i] = fmt.Sprintf("%s.apply(%q).catch(null)", placeIn("$r", at), kind)
		}
		value := values[0]
		for _, v := range values[1:] {
			value = "(" + value + ").or(" + v + ")"
		}
		fmt.Fprintf(&b, "root.columns.%s = %s\n", bloblangText(p.String()), s.protected(p, value))
	}
	if len(s.Mapping.EventTime) == 0 {
		s.no("event_time", "the dataset does not say where records have their time", "write event_time into the dataset in tidemark.yaml")
	}
	set(engine.Path{"event_time"}, "instant", s.Mapping.EventTime...)
	for _, name := range []string{"service", "level", "message", "trace_id", "span_id"} {
		set(engine.Path{name}, "text", s.raw(s.refuser, engine.Path{name})...)
	}
	for _, l := range s.Mapping.Labels {
		set(engine.Path{"labels", l.String()}, "text", l)
	}
	engine.Dataset{Body: s.Body}.Walk(func(p engine.Path, t engine.Type) {
		if kind := connectKind(t.Kind); kind != "" {
			set(p, kind, p[1:])
		}
	})
	return b.String()
}

// connectKind is the map that reads a type; "" for what has no single value.
func connectKind(k engine.TypeKind) string {
	switch k {
	case engine.Bool:
		return "bool"
	case engine.BigInt, engine.HugeInt:
		return "integer"
	case engine.Double, engine.Decimal:
		return "number"
	case engine.Timestamp, engine.Date:
		return "instant"
	case engine.Varchar, engine.UUID:
		return "varchar"
	}
	return ""
}

// placeIn reads a place in a value.
func placeIn(of string, p engine.Path) string {
	for _, m := range p {
		of += "." + bloblangText(m)
	}
	return of
}

// protected is a column with its policy. The key of hashes is a variable of
// the environment.
func (s *connectSource) protected(p engine.Path, value string) string {
	for _, policy := range s.Policies {
		if !within(p, policy.Path) || s.transformed {
			continue
		}
		text := "(" + value + ")"
		switch policy.Kind {
		case engine.Mask:
			return "if " + text + " == null { null } else { \"***\" }"
		case engine.Truncate:
			return fmt.Sprintf("if %s == null { null } else { %s.string().re_find_all(\"(?s)^.{0,%d}\").index(0) }", text, text, policy.Length)
		case engine.Drop:
			return "null"
		case engine.Hash:
			return fmt.Sprintf("if %s == null { null } else { %s.string().hash(\"hmac_sha256\", env(\"TIDEMARK_HASH_KEY\").decode(\"hex\")).encode(\"hex\").slice(0, 32) }", text, text)
		}
	}
	return value
}
