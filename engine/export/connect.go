package export

import (
	"fmt"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

var connectParameters = []Parameter{
	{"input", "aws_kinesis: {streams: [\"${TIDEMARK_STREAM}\"], region: \"${TIDEMARK_REGION}\", dynamodb: {table: tidemark-checkpoints, create: true}}", "Where the records come from: an input of Connect, in YAML. A message is one record."},
	{"alarms", "aws_sns: {topic_arn: \"${TIDEMARK_ALARMS}\", region: \"${TIDEMARK_REGION}\"}", "Where alarms go: an output of Connect, in YAML."},
	{"panes", "drop: {}", "Where finished windows go: an output of Connect, in YAML."},
	{"workspace", "${TIDEMARK_WORKSPACE}", "The folder of this workspace, whose plugins run, seen from where Connect runs."},
	{"state", "memory: {}", "The cache that holds the open windows, in YAML. In memory they are lost with the process."},
}

// connect writes one pipeline: records are decoded, go through the plugins
// and policies, and are counted in windows of event time, which are kept in a
// cache and shown when the watermark has passed their end.
func connect(rules []Rule, set Settings) ([]byte, [][]Difference, error) {
	var maps strings.Builder
	decoding, plugins, watermark := "", "", ""
	differences, err := each("connect", rules, func(r *refuser, rule Rule) []Difference {
		if rule.Plan.Dataset != rules[0].Plan.Dataset {
			r.no("dataset: "+rule.Plan.Dataset, "a pipeline reads one dataset", "export the rules of each dataset by themselves")
		}
		rule.Source.plain(r)
		s := &connectSource{refuser: r, Source: rule.Source, transformed: set.Transformed}
		decoding, watermark = s.decoding(), connectWatermark(rule.Source)
		plugins = ""
		if len(rule.Source.Transforms) > 0 && !set.Transformed {
			plugins = fmt.Sprintf("    - tidemark_plugins: {workspace: %q, dataset: %q}\n", set.value(connectParameters, "workspace"), rule.Plan.Dataset)
		}
		w := newConnectRule(r, rule)
		maps.WriteString(w.processor())
		return w.differences()
	})
	if err != nil {
		return nil, nil, err
	}
	return []byte("# Written by tidemark rules export --target connect; PARITY.md says how it differs.\n" +
		"# Runs with Redpanda Connect 4; what stands in $ and braces are variables of its environment.\n" +
		"input:\n  " + set.value(connectParameters, "input") + "\n\npipeline:\n  threads: 1 # windows see the records in their order\n  processors:\n    - for_each: # one by one, also where the input has batches\n" +
		nested(plugins+mapped("what is no JSON object is left out", "let r = content().parse_json(use_number: true).catch(null)\nroot = if $r.type() == \"object\" { $r } else { deleted() }")+
			mapped("the record's columns, by their paths", decoding)+connectBegin+mapped("the watermark", watermark)+maps.String()+connectEnd) +
		"\noutput:\n  switch:\n    cases:\n      - check: this.kind == \"alarm\"\n        output:\n          " + set.value(connectParameters, "alarms") +
		"\n      - output:\n          " + set.value(connectParameters, "panes") +
		"\n\ncache_resources:\n  - label: tidemark\n    " + set.value(connectParameters, "state") + "\n"), differences, nil
}

// nested is a list of processors within another.
func nested(processors string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(processors, "\n"), "\n", "\n    ") + "\n"
}

// mapped is a processor that maps.
func mapped(about, text string) string {
	return "    # " + about + "\n    - mapping: |2\n        " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n        ") + "\n"
}

// connectBegin fetches what is known of open windows.
const connectBegin = `    - branch:
        request_map: root = ""
        processors:
          - cache: {resource: tidemark, operator: get, key: windows}
          - catch:
              - mapping: 'root = {}'
        result_map: root.state = content().parse_json()
`

// connectWatermark moves the watermark; before is where it was. Records
// without an event time do not move it, and neither do those whose time is too
// far ahead of their arrival, which is now unless the message says otherwise.
func connectWatermark(s Source) string {
	sane := ""
	if s.MaxFuture > 0 {
		sane = fmt.Sprintf(" || $at > @arrival_time.or(now().ts_unix_micro()) + %d", s.MaxFuture.Microseconds())
	}
	return fmt.Sprintf(`root = this
let before = this.state.watermark.or(-4000000000000000)
let at = this.columns.event_time
root.before = $before
root.state.watermark = if $at == null%s { $before } else { [$before, $at - %d].max() }
`, sane, s.Lateness.Microseconds())
}

// connectEnd keeps the open windows, and sends out what is finished.
const connectEnd = `    - branch:
        request_map: root = this.state
        processors:
          - cache: {resource: tidemark, operator: set, key: windows, value: '${! content() }'}
    - mapping: root = if this.emitted.length() == 0 { deleted() } else { this.emitted }
    - unarchive: {format: json_array}
`

// connectRule is one rule on its way to Connect.
type connectRule struct {
	*refuser
	Rule
	read     []bool
	sentence sentence
}

func newConnectRule(r *refuser, rule Rule) *connectRule {
	w := &connectRule{refuser: r, Rule: rule}
	window := rule.Plan.Window
	switch {
	case window.Zone != nil:
		r.no("time_zone: "+window.Zone.String(), "a pipeline cuts windows in UTC", "leave time_zone out, or move the windows with offset")
	case window.Kind == plan.Session:
		r.no("window: {session: …}", "sessions that grow into each other cannot be said in Bloblang", "use a tumbling window, or export to flink")
	case rule.Missing == MissingIsBreaching || rule.Missing == MissingIsIgnored:
		r.no("missing: "+string(rule.Missing), "a pipeline says nothing of a window without records, so nobody can tell that it is missing", "use missing: not_breaching, or export to prometheus or cloudformation")
	}
	w.checkPasts()
	w.exprs(w.record()).value(rule.Plan.When)
	w.sentence = newSentence(r, rule, func(ref *plan.Ref) { w.exprs(w.record()).value(ref) })
	w.read = w.sentence.and(rule.Plan, rule.Plan.When)
	return w
}

// record writes expressions over the columns of a record.
func (w *connectRule) record() *bloblang {
	return &bloblang{refuser: w.refuser, plan: w.Plan, column: func(c *plan.Column) string {
		switch c.Path[0] {
		case "arrival_time", "ingest_time", "_seq", "_source", "_position", "_late", "rest":
			w.no(c.Path.String(), "records do not have it; Tidemark adds it when it reads them", "use a field of the record")
		}
		if len(c.Path) == 1 && (c.Path[0] == "labels" || c.Path[0] == "body") || c.Path[0] == "body" && connectKind(c.Stored.Kind) == "" {
			w.no(c.Path.String(), "it has no single value", "use one of its members")
		}
		return "this.columns." + bloblangText(c.Path.String())
	}}
}

// exprs writes expressions over a window.
func (w *connectRule) exprs(b *bloblang) *bloblang {
	known := map[int]string{}
	b.ref = func(r *plan.Ref) string {
		switch r.To {
		case plan.KeyRef:
			return fmt.Sprintf("this.key.index(%d)", r.Index)
		case plan.MeasureRef:
			return b.value(w.Plan.Measures[r.Index].Expr)
		case plan.AggregateRef:
			if known[r.Index] == "" {
				known[r.Index] = b.let("%s", w.finished(r.Index))
			}
			return known[r.Index]
		}
		return fmt.Sprintf("this.past.index(%d)", r.Index)
	}
	return b
}

// aggregated are the places of the aggregates that are exported.
func (w *connectRule) aggregated() (list []int) {
	all := aggregatesOf(w.Plan, w.read)
	for i, a := range w.Plan.Aggregates {
		if slices.Contains(all, a) {
			list = append(list, i)
		}
	}
	return list
}

// processor counts a record in its windows, and shows those that are done.
func (w *connectRule) processor() string {
	name := bloblangText(w.Name)
	return mapped(fmt.Sprintf("rule %s, version %s: %s", w.Name, w.Hash, strings.ReplaceAll(oneLine(w.When), "${", "$ {")),
		connectBuckets+w.medians()+w.counts()+w.adds()+w.measures()+w.judges()+`root = this
let open = this.state.`+name+`.windows.or({})
let counts = this.columns.event_time != null && this.apply("counts") == true
let spans = if $counts { this.columns.event_time.apply("spans").filter(s -> s.index(1) > this.before) } else { [] }
let key = if $counts { this.apply("key") } else { [] }
let columns = this.columns
let counted = $spans.fold($open, item -> item.tally.assign({"columns": $columns, "span": item.value, "key": $key, "known": item.tally}.apply("add")))
let done = $counted.values().filter(w -> w.end <= this.state.watermark).sort_by(w -> "%020d %020d %s".format(w.end.int64(), w.start.int64(), w.key.format_json(no_indent: true)))
let judged = $done.fold({"alarms": this.state.`+name+`.alarms.or({}), "emitted": []}, item -> item.apply("judge"))
root.state.`+name+`.windows = $counted.filter(w -> w.value.end > this.state.watermark)
root.state.`+name+`.alarms = $judged.alarms
root.emitted = this.emitted.merge($judged.emitted)
`)
}

// counts says which records count, in which group and windows.
func (w *connectRule) counts() string {
	b := w.record()
	counts := "true"
	if w.Plan.Where != nil {
		counts = b.value(w.Plan.Where)
	}
	s := "map counts {\n" + b.text("  ") + "  root = " + counts + "\n}\n"
	b = w.record()
	keys := make([]string, len(w.Plan.Keys))
	for i, k := range w.Plan.Keys {
		keys[i] = b.value(k.Column)
	}
	s += "map key {\n" + b.text("  ") + "  root = [" + strings.Join(keys, ", ") + "]\n}\n"
	return s + "map spans {\n" + w.spans() + "}\n"
}

// spans lists the windows of an instant, in microseconds.
func (w *connectRule) spans() string {
	window := w.Plan.Window
	size, every, offset := window.Size.Microseconds(), window.Every.Microseconds(), window.Offset.Microseconds()
	floor := func(unit int64) string { return fmt.Sprintf("this - (this - %d) %% %d", offset, unit) }
	switch window.Kind {
	case plan.Hopping:
		return fmt.Sprintf("  let newest = %s\n  let at = this\n  root = range(0, %d, 1).map_each(i -> [$newest - i * %d, $newest - i * %d + %d]).filter(s -> s.index(1) > $at)\n",
			floor(every), (size+every-1)/every, every, every, size)
	case plan.Cumulate:
		return fmt.Sprintf("  let start = %s\n  let at = this\n  root = range(1, %d, 1).map_each(i -> [$start, $start + i * %d]).filter(s -> s.index(1) > $at)\n",
			floor(size), size/every+1, every)
	}
	return fmt.Sprintf("  let start = %s\n  root = [[$start, $start + %d]]\n", floor(size), size)
}

// adds counts a record in one window.
func (w *connectRule) adds() string {
	b := w.record()
	var members []string
	for _, i := range w.aggregated() {
		members = append(members, fmt.Sprintf("    %q: %s,\n", fmt.Sprintf("a%d", i+1), w.added(b, i)))
	}
	return "map add {\n" +
		"  let id = \"%d %d %s\".format(this.span.index(0), this.span.index(1), this.key.format_json(no_indent: true))\n  let w = this.known.get($id.replace_all_many([\"~\", \"~0\", \".\", \"~1\"])).or({})\n" +
		b.text("  ") + "  root = {($id): {\n    \"start\": this.span.index(0), \"end\": this.span.index(1), \"key\": this.key, \"records\": $w.records.or(0) + 1,\n" + strings.Join(members, "") + "  }}\n}\n"
}

// measures is what a window says, and whether it breaches.
func (w *connectRule) measures() string {
	b := w.exprs(w.record())
	var members []string
	for i, m := range w.Plan.Measures {
		if w.read[i] {
			members = append(members, fmt.Sprintf("%s: %s", bloblangText(m.Name), b.value(m.Expr)))
		}
	}
	when := b.value(w.Plan.When)
	return "map measures {\n" + b.text("  ") + "  root = {" + strings.Join(members, ", ") + "}\n  root.breaching = " + when + "\n}\n"
}

// judges tells a window, and the alarm of its group where that changes.
func (w *connectRule) judges() string {
	keys := make([]string, len(w.Plan.Keys))
	for i, k := range w.Plan.Keys {
		keys[i] = fmt.Sprintf("%s: $w.key.index(%d)", bloblangText(k.Name), i)
	}
	key := "{" + strings.Join(keys, ", ") + "}"
	reach := int64(w.Of) * every(w.Plan.Window).Microseconds()
	return fmt.Sprintf(`map judge {
  let id = this.value.key.format_json(no_indent: true)
  let before = this.tally.alarms.get($id.replace_all_many(["~", "~0", ".", "~1"])).or({"points": [], "state": ""})
%s  let values = $w.apply("measures")
  let points = $before.points.filter(p -> p.end > $w.end - %d).append({"end": $w.end, "breaching": $values.breaching%s})
  let breaching = $points.filter(p -> p.breaching == true && p.end > $w.end - %d).length()
  let state = if $breaching >= %d { "ALARM" } else { "OK" }
  let changed = $state != $before.state # asked now, as assign changes what is in the tally
  let told = {"rule": %s, "version": %s, "key": %s, "end": ($w.end / 1000000).ts_format("2006-01-02T15:04:05.999999Z07:00", "UTC")}
  let pane = $told.merge({"kind": "pane", "start": ($w.start / 1000000).ts_format("2006-01-02T15:04:05.999999Z07:00", "UTC"), "records": $w.records, "values": $values})
  let alarm = $told.merge({"kind": "alarm", "state": $state, "breaching": $breaching, "severity": %s, "labels": %s, "summary": %s})
  root.alarms = this.tally.alarms.assign({($id): {"points": $points, "state": $state}})
  root.emitted = this.tally.emitted.append($pane).merge(if $changed { [$alarm] } else { [] })
}
`, w.looksBack(), max(reach, furthest(w.Plan).Microseconds()+1), w.remembered(), reach, w.Datapoints, bloblangText(w.Name), bloblangText(w.Hash), key, bloblangText(w.Severity), w.labels(), w.summary())
}

func (w *connectRule) labels() string {
	var parts []string
	for _, name := range sortedKeys(w.Labels) {
		parts = append(parts, bloblangText(name)+": "+bloblangText(w.Labels[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// summary is the sentence about an alarm.
func (w *connectRule) summary() string {
	parts := []string{`""`}
	for i, p := range w.sentence.phrases {
		ref, ok := p.Expr.(*plan.Ref)
		switch {
		case p.Expr == nil:
			parts = append(parts, bloblangText(p.Text))
		case !ok || w.sentence.dropped[i] != "":
			parts = append(parts, `"?"`)
		case ref.To == plan.KeyRef:
			parts = append(parts, fmt.Sprintf(`$w.key.index(%d).string().or("?")`, ref.Index))
		case p.Percent:
			parts = append(parts, fmt.Sprintf(`(($values.%s * 1000).round() / 10).string().catch("?") + " %%"`, bloblangText(ref.Name)))
		default:
			parts = append(parts, fmt.Sprintf(`$values.%s.string().catch("?")`, bloblangText(ref.Name)))
		}
	}
	return strings.Join(parts, " + ")
}

func (w *connectRule) differences() []Difference {
	list := []Difference{
		{"late records", "a record that comes when the watermark has passed the end of its window is not counted in it; no window is corrected"},
		{"silence", "nothing is said of a window without records, and without records the watermark stands still; an alarm of a group that falls silent ends when it has records again"},
		{"states", "the state before the first window is not known, so the first OK of a group is told; there is no INSUFFICIENT_DATA"},
		{"watermark", "it follows the newest record that this process has seen; run one process, for its windows are its own"},
		{"numbers", "they are those of floating point: whole numbers are exact up to 9007199254740992"},
	}
	list = append(list, streamDifferences(w.Rule)...)
	for _, i := range w.aggregated() {
		if w.Plan.Aggregates[i].Func == plan.Distinct {
			list = append(list, Difference{"distinct", "Connect keeps every different value of a window until that is shown"})
		}
	}
	for _, p := range w.Source.Policies {
		if p.Kind == engine.Hash {
			list = append(list, Difference{"hash", "TIDEMARK_HASH_KEY is the key in hexadecimal; with the workspace's own key hashes are the same"})
		}
	}
	list = append(list, pastDifferences(w.Plan, false)...)
	return append(list, w.sentence.differences()...)
}
