package rule

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

// drawer draws expressions over some leaves by kind.
type drawer struct {
	t      *rapid.T
	leaves map[string][]*node
}

func pick[T any](t *rapid.T, list ...T) T { return rapid.SampledFrom(list).Draw(t, "pick") }

func written(kind, text string, v any) *node {
	return &node{kind: kind, text: text, eval: func(*scene) any { return v }}
}

// nothing is nil where some kind is wanted.
func nothing() *node { return written("nil", "nil", nil) }

func integer(n int64) *node { return written("int", strconv.FormatInt(n, 10), big.NewInt(n)) }

func fraction(text string) *node {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return written("double", text, f)
}

func quoted(s string) *node { return written("text", strconv.Quote(s), s) }

// literals may stand anywhere.
var literals = map[string][]*node{
	"bool":   {written("bool", "true", true), written("bool", "false", false)},
	"int":    {integer(0), integer(1), integer(2), integer(10), integer(math.MaxInt64), integer(2147483647)},
	"double": {fraction("0.0"), fraction("0.5"), fraction("2.5"), fraction("1e3"), fraction("1e300"), fraction("1e-5")},
	"text":   {quoted("a"), quoted(""), quoted("ß"), quoted("it's"), quoted("日"), quoted("\t\n")},
	"time": {
		written("time", `date("2026-01-01")`, instantOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))),
		written("time", `date("1969-12-31T23:59:59.5Z")`, instant(-500000)),
	},
}

func (d drawer) leaf(kinds ...string) *node {
	var list []*node
	for _, k := range kinds {
		for range 3 {
			list = append(list, d.leaves[k]...) // literals are rarer
		}
		list = append(list, literals[k]...)
	}
	return rapid.SampledFrom(list).Draw(d.t, "leaf")
}

func (d drawer) of(kind string, depth int) *node {
	switch kind {
	case "bool":
		return d.condition(depth)
	case "text":
		return d.text(depth)
	case "time":
		return d.moment(depth)
	}
	return d.number(depth)
}

func (d drawer) condition(depth int) *node {
	if depth <= 0 {
		return d.leaf("bool")
	}
	switch rapid.IntRange(0, 9).Draw(d.t, "condition") {
	case 0, 1:
		return connected(pick(d.t, "&&", "||"), d.condition(depth-1), d.condition(depth-1))
	case 2:
		return negation(d.condition(depth - 1))
	case 3:
		kind := pick(d.t, "text", "time")
		return comparison(d.comparison(), d.of(kind, depth-1), d.of(kind, depth-1))
	case 4:
		return textual(pick(d.t, "contains", "startsWith", "endsWith"), d.text(depth-1), d.text(depth-1))
	case 5:
		return matching(d.text(depth-1), pick(d.t, "a", "^a.c$", `(?i)ß|σ`, `\s`, `[[:upper:]]+`, `\pL`, "", "^$"))
	case 6:
		if len(d.leaves["list"]) > 0 && rapid.IntRange(0, 4).Draw(d.t, "listed") == 0 {
			return isNil(pick(d.t, "==", "!="), d.leaf("list"))
		}
		return isNil(pick(d.t, "==", "!="), d.of(pick(d.t, "bool", "number", "text", "time"), depth-1))
	case 7:
		return within(d.text(depth-1), pick(d.t, []*node{quoted("a"), quoted("ß")}, []*node{quoted("b"), nothing()}, []*node{}))
	case 8:
		return ternary(d.condition(depth-1), d.condition(depth-1), pick(d.t, nothing(), d.condition(depth-1)))
	}
	return comparison(d.comparison(), d.number(depth-1), d.number(depth-1))
}

func (d drawer) comparison() string { return pick(d.t, "<", "<=", ">", ">=", "==", "!=") }

func (d drawer) number(depth int) *node {
	if depth <= 0 {
		return d.leaf("int", "huge", "double")
	}
	switch rapid.IntRange(0, 7).Draw(d.t, "number") {
	case 0:
		return signed(pick(d.t, "abs", "round", "floor", "ceil", "-"), d.number(depth-1))
	case 1:
		return ternary(d.condition(depth-1), d.number(depth-1), pick(d.t, nothing(), d.number(depth-1)))
	case 2:
		return coalesced(d.number(depth-1), d.number(depth-1))
	case 3:
		return length(d.text(depth - 1))
	case 4:
		return epochOf(d.moment(depth - 1))
	}
	return arithmetic(pick(d.t, "+", "-", "*", "/", "%"), d.number(depth-1), d.number(depth-1))
}

func (d drawer) text(depth int) *node {
	if depth <= 0 {
		return d.leaf("text")
	}
	switch rapid.IntRange(0, 3).Draw(d.t, "text") {
	case 0:
		return both("text", "+", d.text(depth-1), d.text(depth-1), func(v, w any) any { return v.(string) + w.(string) })
	case 1:
		return coalesced(d.text(depth-1), d.text(depth-1))
	}
	return cased(pick(d.t, "lower", "upper", "trim"), d.text(depth-1))
}

func (d drawer) moment(depth int) *node {
	if depth <= 0 || rapid.Bool().Draw(d.t, "plain") {
		return d.leaf("time")
	}
	return coalesced(d.moment(depth-1), d.moment(depth-1))
}

// column reads a path of a record.
func column(kind, path string) *node {
	return &node{kind: kind, text: path, eval: func(s *scene) any { return s.record[path] }}
}

// recordLeaves are the columns of dataset mixed.
var recordLeaves = map[string][]*node{
	"bool":   {column("bool", "b")},
	"int":    {column("int", "i"), column("int", "n.v")},
	"huge":   {column("huge", "h")},
	"double": {column("double", "x"), column("double", "m")},
	"text":   {column("text", "s"), column("text", "service"), column("text", "level"), column("text", "n.w"), column("text", "labels.region")},
	"time":   {column("time", "u"), column("time", "d"), column("time", "event_time")},
	"list":   {column("list", "l")},
}

// ruleDraw draws one rule.
type ruleDraw struct {
	drawer
	rule  *naiveRule
	lines []string
}

var cuttings = []cutting{
	{kind: "tumbling", size: 10 * time.Second, offset: 3 * time.Second, span: 2 * time.Minute},
	{kind: "tumbling", size: time.Minute, span: 10 * time.Minute},
	{kind: "tumbling", size: 24 * time.Hour, offset: 6 * time.Hour, span: 6 * 24 * time.Hour},
	{kind: "hopping", size: 10 * time.Second, every: 4 * time.Second, span: 2 * time.Minute},
	{kind: "hopping", size: time.Minute, every: 10 * time.Second, offset: 7 * time.Second, span: 5 * time.Minute},
	{kind: "cumulate", size: 12 * time.Second, every: 4 * time.Second, span: 2 * time.Minute},
	{kind: "cumulate", size: time.Hour, every: 10 * time.Minute, offset: 5 * time.Minute, span: 5 * time.Hour},
	{kind: "session", gap: 5 * time.Second, span: 2 * time.Minute},
	{kind: "session", gap: time.Hour, span: 40 * time.Hour},
	{kind: "tumbling", size: 24 * time.Hour, zone: "Europe/Berlin", span: 6 * 24 * time.Hour},
	{kind: "tumbling", size: 6 * time.Hour, offset: time.Hour, zone: "Europe/Berlin", span: 4 * 24 * time.Hour},
	{kind: "hopping", size: 24 * time.Hour, every: 6 * time.Hour, zone: "America/New_York", span: 4 * 24 * time.Hour},
	{kind: "cumulate", size: 24 * time.Hour, every: 6 * time.Hour, zone: "Europe/Berlin", span: 4 * 24 * time.Hour},
}

// expectations are the windows of rules that wait for something.
var expectations = map[string]cutting{
	"within: 1m":                                {kind: "tumbling", size: time.Minute, span: 10 * time.Minute},
	"within: 1h":                                {kind: "tumbling", size: time.Hour, span: 12 * time.Hour},
	`within: 24h, by: "06:00 Europe/Berlin"`:    {kind: "tumbling", size: 24 * time.Hour, offset: 6 * time.Hour, zone: "Europe/Berlin", span: 6 * 24 * time.Hour},
	`within: 48h, by: "08:30 America/New_York"`: {kind: "hopping", size: 48 * time.Hour, every: 24 * time.Hour, offset: 8*time.Hour + 30*time.Minute, zone: "America/New_York", span: 6 * 24 * time.Hour},
}

func drawRule(t *rapid.T) *naiveRule {
	d := ruleDraw{drawer{t, recordLeaves}, &naiveRule{forget: 24 * time.Hour}, []string{"rule: whole", "dataset: mixed"}}
	if rapid.IntRange(0, 2).Draw(t, "filtered") > 0 {
		d.rule.where = d.condition(rapid.IntRange(1, 3).Draw(t, "depth"))
		d.say("where", d.rule.where.text)
	}
	d.groups()
	if d.rule.expect = rapid.IntRange(0, 5).Draw(t, "expects") == 0; d.rule.expect {
		d.expectation()
	} else {
		d.rule.cutting = rapid.SampledFrom(cuttings).Draw(t, "window")
		d.lines = append(d.lines, "window: "+d.rule.cutting.text())
		d.measures()
		d.rule.when = d.verdict()
		d.say("when", d.rule.when.text)
	}
	if rapid.IntRange(0, 3).Draw(t, "recovers") == 0 {
		d.rule.recover = d.verdict()
		d.say("recover_when", d.rule.recover.text)
	}
	d.alarm()
	d.rule.text = strings.Join(d.lines, "\n")
	return d.rule
}

// say writes a key whose value is text.
func (d *ruleDraw) say(key, value string) {
	d.lines = append(d.lines, key+": '"+strings.ReplaceAll(value, "'", "''")+"'")
}

func (d *ruleDraw) groups() {
	d.rule.keys = slices.Clone(pick(d.t, []string{}, []string{"service"}, []string{"service"}, []string{"labels.region"}, []string{"n.w", "b"}, []string{"i"}, []string{"d", "service"}, []string{"s"},
		[]string{"service", "level", "labels.region", "n.w", "b"}))
	if len(d.rule.keys) == 0 {
		return
	}
	written := slices.Clone(d.rule.keys)
	if textKey(d.rule.keys[0]) && rapid.IntRange(0, 3).Draw(d.t, "matched") == 0 {
		d.rule.match = pick(d.t, "*", "a*", "?", "*b", "[*")
		written[0] = fmt.Sprintf("{path: %s, match: %q}", written[0], d.rule.match)
	}
	d.lines = append(d.lines, "group_by: ["+strings.Join(written, ", ")+"]")
}

func textKey(path string) bool {
	return slices.Contains([]string{"service", "labels.region", "n.w", "s"}, path)
}

func (d *ruleDraw) expectation() {
	texts := make([]string, 0, len(expectations))
	for text := range expectations {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	within, least := rapid.SampledFrom(texts).Draw(d.t, "within"), rapid.Int64Range(1, 3).Draw(d.t, "least")
	d.rule.cutting = expectations[within]
	line := fmt.Sprintf("expect: {%s, at_least: %d", within, least)
	if rapid.Bool().Draw(d.t, "waits for some") {
		waited := d.condition(1)
		if d.rule.where == nil {
			d.rule.where = waited
		} else {
			d.rule.where = connected("&&", d.rule.where, waited)
		}
		line += ", where: '" + strings.ReplaceAll(waited.text, "'", "''") + "'"
	}
	d.lines = append(d.lines, line+"}")
	if slices.Equal(d.rule.keys, []string{"service"}) && rapid.Bool().Draw(d.t, "listed") {
		d.rule.listed = []string{"a", "absent"}
		d.lines = append(d.lines, "keys: [a, absent]")
	}
	count := aggregated("count", nil, 0)
	d.rule.measures = []naiveMeasure{{"records", count}}
	d.rule.when = comparison("<", d.reference("records", "int"), integer(least))
	d.windowLeaves()
}

// reference names a measure.
func (d *ruleDraw) reference(name, kind string) *node {
	return &node{kind: kind, text: name, measure: name, eval: func(s *scene) any { return s.values[name] }}
}

func (d *ruleDraw) measures() {
	lines := []string{"measures:"}
	for i := range rapid.IntRange(1, 5).Draw(d.t, "measures") {
		name, m := fmt.Sprintf("m%d", i), d.measure()
		d.rule.measures = append(d.rule.measures, naiveMeasure{name, m})
		lines = append(lines, "  "+name+": '"+strings.ReplaceAll(m.text, "'", "''")+"'")
	}
	d.lines = append(d.lines, lines...)
	d.windowLeaves()
}

// measure is an aggregate, or computed from aggregates and earlier measures.
func (d *ruleDraw) measure() *node {
	if rapid.IntRange(0, 2).Draw(d.t, "derived") > 0 {
		return d.aggregate()
	}
	leaves := map[string][]*node{}
	for _, m := range d.rule.measures {
		leaves[m.node.kind] = append(leaves[m.node.kind], d.reference(m.name, m.node.kind))
	}
	for range 2 {
		a := d.aggregate()
		leaves[a.kind] = append(leaves[a.kind], a)
	}
	over := drawer{d.t, leaves}
	if rapid.IntRange(0, 3).Draw(d.t, "other") == 0 {
		return over.of(pick(d.t, "bool", "text", "time"), 2)
	}
	return over.number(rapid.IntRange(1, 2).Draw(d.t, "depth"))
}

func (d *ruleDraw) aggregate() *node {
	depth := rapid.IntRange(0, 2).Draw(d.t, "depth")
	name := pick(d.t, "all", "count", "sum", "sum", "avg", "min", "max", "quantile", "distinct", "first", "last", "list")
	switch name {
	case "all":
		return aggregated("count", nil, 0)
	case "count":
		return aggregated(name, d.condition(max(depth, 1)), 0)
	case "sum", "avg":
		return aggregated(name, d.number(depth), 0)
	case "quantile":
		return aggregated(name, d.number(depth), pick[int64](d.t, 0, 10, 500, 900, 950, 999, 1000, 333))
	}
	return aggregated(name, d.of(pick(d.t, "number", "number", "text", "time"), depth), 0)
}

// windowLeaves makes measures, keys and looks back what is drawn from now on.
func (d *ruleDraw) windowLeaves() {
	leaves := map[string][]*node{}
	for _, m := range d.rule.measures {
		leaves[m.node.kind] = append(leaves[m.node.kind], d.reference(m.name, m.node.kind))
	}
	for _, list := range [][]*node{leaves["int"], leaves["huge"], leaves["double"], leaves["text"]} {
		if len(list) > 0 && rapid.IntRange(0, 2).Draw(d.t, "looks") == 0 {
			n := d.past(list[0])
			leaves[n.kind] = append(leaves[n.kind], n)
		}
	}
	for _, k := range d.rule.keys {
		for kind, list := range recordLeaves {
			if slices.ContainsFunc(list, func(n *node) bool { return n.text == k }) {
				leaves[kind] = append(leaves[kind], &node{kind: kind, text: k, eval: func(s *scene) any { return s.values[k] }})
			}
		}
	}
	d.leaves = leaves
}

// past looks back at a measure.
func (d *ruleDraw) past(m *node) *node {
	c, l := d.rule.cutting, look{measure: m.measure}
	slot := c.every
	if c.kind == "tumbling" {
		slot = c.size
	}
	far := func() time.Duration { return time.Duration(rapid.IntRange(1, 4).Draw(d.t, "far")) * slot }
	choice := rapid.IntRange(0, 4).Draw(d.t, "past")
	if m.kind == "text" {
		choice %= 2
	}
	switch {
	case c.kind == "session" && choice >= 2:
		l.baseline, l.far, l.least = true, 10*c.gap, rapid.IntRange(0, 3).Draw(d.t, "least")
	case choice == 0 || c.kind == "session":
		l.back = rapid.IntRange(1, 3).Draw(d.t, "back")
	case choice == 1:
		l.far = far()
	case choice == 2:
		l.baseline, l.every = true, far()
		l.far = max(c.size, l.every) * time.Duration(rapid.IntRange(1, 3).Draw(d.t, "times"))
	default:
		l.baseline, l.far, l.least = true, c.size+far(), rapid.IntRange(0, 3).Draw(d.t, "least")
	}
	return &node{kind: m.kind, text: l.text(), eval: func(s *scene) any { return s.past(l) }}
}

// verdict is a condition that is neither always nor never true, most of the
// time.
func (d *ruleDraw) verdict() *node {
	if rapid.Bool().Draw(d.t, "any") {
		return d.condition(rapid.IntRange(1, 2).Draw(d.t, "depth"))
	}
	n := comparison(pick(d.t, "<", ">", ">="), d.leaf("int", "double", "huge"), pick(d.t, integer(1), integer(2), fraction("0.5"), d.leaf("int", "double", "huge")))
	if rapid.IntRange(0, 3).Draw(d.t, "perhaps") == 0 {
		return ternary(d.condition(1), n, nothing())
	}
	return n
}

func (d *ruleDraw) alarm() {
	of := rapid.IntRange(1, 4).Draw(d.t, "of")
	d.rule.policy = Policy{Datapoints: rapid.IntRange(1, of).Draw(d.t, "datapoints"), Of: of, Missing: MissingIsBreaching}
	line := fmt.Sprintf("alarm: {datapoints: %d, of: %d", d.rule.policy.Datapoints, of)
	if !d.rule.expect {
		d.rule.policy.Missing = Missing(rapid.SampledFrom(missings).Draw(d.t, "missing"))
		line += ", missing: " + string(d.rule.policy.Missing)
	}
	d.lines = append(d.lines, line+"}")
	if d.rule.expect {
		d.rule.forget = never
	}
	if rapid.IntRange(0, 2).Draw(d.t, "forgets") == 0 {
		d.rule.forget = max(d.rule.cutting.size, d.rule.cutting.gap)*time.Duration(rapid.IntRange(1, 5).Draw(d.t, "forget")) + time.Second
		d.lines = append(d.lines, "forget: "+engine.FormatDuration(d.rule.forget))
	}
}
