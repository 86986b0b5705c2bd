package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// cutting is how time is cut.
type cutting struct {
	kind                     string // tumbling, hopping, cumulate, session
	size, every, gap, offset time.Duration
	zone                     string
	// span is how far apart records are.
	span time.Duration
}

func (c cutting) text() string {
	d := engine.FormatDuration
	s := map[string]string{
		"tumbling": "tumbling: " + d(c.size),
		"hopping":  fmt.Sprintf("hopping: {size: %s, every: %s}", d(c.size), d(c.every)),
		"cumulate": fmt.Sprintf("cumulate: {size: %s, step: %s}", d(c.size), d(c.every)),
		"session":  fmt.Sprintf("session: {gap: %s}", d(c.gap)),
	}[c.kind]
	if c.offset != 0 {
		s += ", offset: " + d(c.offset)
	}
	if c.zone != "" {
		s += ", time_zone: " + c.zone
	}
	return "{" + s + "}"
}

func (c cutting) location() *time.Location {
	if c.zone == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(c.zone)
	if err != nil {
		panic(err)
	}
	return zone
}

// cuts lists the instants between two where the clock on the wall shows the
// offset and a multiple of unit. No cut may lie in an hour that is skipped or
// shown twice.
func (c cutting) cuts(unit time.Duration, from, to time.Time) (list []time.Time) {
	if c.zone == "" {
		first := (from.UnixMicro()/unit.Microseconds() - 2) * unit.Microseconds()
		for at := time.UnixMicro(first).UTC().Add(c.offset); at.Before(to); at = at.Add(unit) {
			list = append(list, at)
		}
		return list
	}
	y, m, d := from.In(c.location()).Date()
	for day := d; ; day++ {
		for clock := c.offset; clock < 24*time.Hour+c.offset; clock += unit {
			at := time.Date(y, m, day, 0, 0, int(clock.Seconds()), 0, c.location()).UTC()
			if !at.Before(to) {
				return list
			}
			list = append(list, at)
		}
	}
}

// spans lists all windows that lie around two instants, by their ends. Those
// of sessions depend on records.
func (c cutting) spans(from, to time.Time) (list []plan.Span) {
	from, to = from.Add(-c.size-49*time.Hour), to.Add(c.size+49*time.Hour)
	switch c.kind {
	case "tumbling":
		cuts := c.cuts(c.size, from, to)
		for i := range cuts[1:] {
			list = append(list, plan.Span{Start: cuts[i], End: cuts[i+1]})
		}
	case "hopping":
		for _, start := range c.cuts(c.every, from, to) {
			list = append(list, plan.Span{Start: start, End: c.after(start, c.size)})
		}
	case "cumulate":
		for _, start := range c.cuts(c.size, from, to) {
			for grown := c.every; grown <= c.size; grown += c.every {
				list = append(list, plan.Span{Start: start, End: c.after(start, grown)})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b plan.Span) int { return a.End.Compare(b.End) })
	return list
}

// after is some time after a cut, on the wall.
func (c cutting) after(at time.Time, d time.Duration) time.Time {
	if c.zone == "" {
		return at.Add(d)
	}
	local := at.In(c.location())
	y, m, day := local.Date()
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
	return time.Date(y, m, day, 0, 0, int((clock + d).Seconds()), 0, c.location()).UTC()
}

// sessions cuts records that are in order into stretches without a gap.
func (c cutting) sessions(rows []naiveRecord) (list []plan.Span) {
	for _, r := range rows {
		at := time.UnixMicro(int64(r.at)).UTC()
		if n := len(list); n > 0 && at.Before(list[n-1].End) {
			list[n-1].End = at.Add(c.gap)
			continue
		}
		list = append(list, plan.Span{Start: at, End: at.Add(c.gap)})
	}
	return list
}

// ago is some time before, days on the calendar where there is a time zone.
func (c cutting) ago(t time.Time, d time.Duration) time.Time {
	if c.zone == "" {
		return t.Add(-d)
	}
	return ago(t, d, c.location())
}

// look is previous(measure, back), previous(measure, far),
// baseline(measure, far), baseline(measure, far, every) or with least.
type look struct {
	measure     string
	baseline    bool
	back, least int
	far, every  time.Duration
}

func (l look) text() string {
	d := engine.FormatDuration
	switch {
	case !l.baseline && l.back > 0:
		return fmt.Sprintf("previous(%s, %d)", l.measure, l.back)
	case !l.baseline:
		return fmt.Sprintf("previous(%s, %s)", l.measure, d(l.far))
	}
	s := "baseline(" + l.measure + ", " + d(l.far)
	if l.every > 0 {
		s += ", " + d(l.every)
	}
	if l.least > 0 {
		s += fmt.Sprint(", ", l.least)
	}
	return s + ")"
}

// naiveRule is a rule as it is drawn: its text, and what each part means.
type naiveRule struct {
	text     string
	where    *node // nil keeps all
	keys     []string
	match    string // of the first key
	listed   []string
	cutting  cutting
	measures []naiveMeasure
	when     *node
	recover  *node
	policy   Policy
	forget   time.Duration
	expect   bool
}

type naiveMeasure struct {
	name string
	node *node
}

// naiveWindow is a window of a group.
type naiveWindow struct {
	plan.Span
	rows      []naiveRecord
	values    map[string]any
	breaching any
	recovers  any
}

// naiveGroup is a group and its windows, by their ends.
type naiveGroup struct {
	key     []any
	windows []*naiveWindow
	awaited bool
}

// naiveReport is what a rule would have done.
type naiveReport struct {
	windows     map[string]*naiveWindow
	records     int64
	late        int64
	overflows   int64
	transitions []string
	episodes    []string
}

// run evaluates the rule over all records.
func (r *naiveRule) run(records []naiveRecord, from, to time.Time) *naiveReport {
	out := &naiveReport{windows: map[string]*naiveWindow{}}
	if len(records) == 0 {
		return out
	}
	byTime := func(a, b naiveRecord) int { return int(min(max(a.at-b.at, -1), 1)) }
	oldest := time.UnixMicro(int64(slices.MinFunc(records, byTime).at)).UTC()
	newest := time.UnixMicro(int64(slices.MaxFunc(records, byTime).at)).UTC()
	first, last := oldest, newest // windows count that hold an instant between
	if !from.IsZero() {
		first = from
	}
	if !to.IsZero() && !to.After(last) {
		last = to.Add(-time.Microsecond)
	}
	known := newest // who is expected may come until then
	if !to.IsZero() {
		known = to
	}
	since := oldest
	if first.After(oldest) {
		since = first
	}
	spans := r.cutting.spans(oldest, newest)
	counted := func(s plan.Span) bool {
		return s.End.After(first) && !s.Start.After(last) && (!r.expect || !s.End.After(known))
	}
	seen := map[int]bool{}
	for _, g := range r.groups(records, spans) {
		r.look(g, spans)
		for _, w := range g.windows {
			if !counted(w.Span) {
				continue
			}
			out.windows[fmt.Sprint(w.Start.UnixMicro(), " ", w.End.UnixMicro(), " ", keyText(g.key))] = w
			if slices.ContainsFunc(r.measures, func(m naiveMeasure) bool { return overflows(m.node, w.rows) }) {
				out.overflows++
			}
			for _, row := range w.rows {
				id := row.columns["_seq"].(int)
				if row.late && !seen[id] {
					out.late++
				}
				seen[id] = true
			}
		}
		var slots []plan.Span
		for _, s := range spans {
			if counted(s) {
				slots = append(slots, s)
			}
		}
		end := last.Add(r.cutting.gap)
		r.alarm(out, g, slots, counted, since, end)
	}
	out.records = int64(len(seen))
	slices.Sort(out.transitions)
	slices.Sort(out.episodes)
	return out
}

func keyText(values []any) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%q", valueOf(v).String())
	}
	return b.String()
}

// groups divides the records that count, and computes every window of each
// group that has some.
func (r *naiveRule) groups(records []naiveRecord, spans []plan.Span) (list []*naiveGroup) {
	rows := map[string][]naiveRecord{}
	for _, rec := range records {
		if !r.counts(rec) {
			continue
		}
		var key []any
		for _, k := range r.keys {
			key = append(key, rec.columns[k])
		}
		name := keyText(key)
		if len(rows[name]) == 0 {
			list = append(list, &naiveGroup{key: key})
		}
		rows[name] = append(rows[name], rec)
	}
	for _, g := range list {
		mine := rows[keyText(g.key)]
		slices.SortStableFunc(mine, func(a, b naiveRecord) int { return int(min(max(a.at-b.at, -1), 1)) })
		cut := spans
		if r.cutting.kind == "session" {
			cut = r.cutting.sessions(mine)
		}
		for _, s := range cut {
			w := &naiveWindow{Span: s, values: map[string]any{}}
			for _, rec := range mine {
				if s.Contains(time.UnixMicro(int64(rec.at))) {
					w.rows = append(w.rows, rec)
				}
			}
			if len(w.rows) > 0 {
				r.measure(g, w)
				g.windows = append(g.windows, w)
			}
		}
		g.awaited = len(r.listed) > 0
	}
	for _, name := range r.listed {
		if !slices.ContainsFunc(list, func(g *naiveGroup) bool { return g.key[0] == any(name) }) {
			list = append(list, &naiveGroup{key: []any{name}, awaited: true})
		}
	}
	return list
}

// counts is where, the pattern of a key, and the list of those that must
// appear.
func (r *naiveRule) counts(rec naiveRecord) bool {
	if r.where != nil && r.where.eval(&scene{record: rec.columns}) != true {
		return false
	}
	if len(r.keys) == 0 {
		return true
	}
	text, isText := rec.columns[r.keys[0]].(string)
	if r.match != "" && !(isText && globbed(r.match, text)) {
		return false
	}
	return len(r.listed) == 0 || isText && slices.Contains(r.listed, text)
}

// globbed matches a pattern of * and ?.
func globbed(pattern, text string) bool {
	switch p, t := []rune(pattern), []rune(text); {
	case len(p) == 0:
		return len(t) == 0
	case p[0] == '*':
		return globbed(string(p[1:]), text) || len(t) > 0 && globbed(pattern, string(t[1:]))
	default:
		return len(t) > 0 && (p[0] == '?' || p[0] == t[0]) && globbed(string(p[1:]), string(t[1:]))
	}
}

func (r *naiveRule) measure(g *naiveGroup, w *naiveWindow) {
	for i, k := range r.keys {
		w.values[k] = g.key[i]
	}
	for _, m := range r.measures {
		w.values[m.name] = m.node.eval(&scene{rows: w.rows, values: w.values})
	}
}

// look evaluates the conditions of every window, which may look back at the
// windows before.
func (r *naiveRule) look(g *naiveGroup, spans []plan.Span) {
	for i, w := range g.windows {
		s := &scene{rows: w.rows, values: w.values, past: func(l look) any { return r.back(g, spans, i, l) }}
		w.breaching = r.when.eval(s)
		if r.recover != nil {
			w.recovers = r.recover.eval(s)
		}
	}
}

// back is what a measure was in windows before window i.
func (r *naiveRule) back(g *naiveGroup, spans []plan.Span, i int, l look) any {
	me := g.windows[i].Span
	ended := func(at time.Time) any {
		for _, w := range g.windows {
			if w.End.Equal(at) {
				return w.values[l.measure]
			}
		}
		return nil
	}
	switch {
	case !l.baseline && l.back == 0:
		return ended(r.cutting.ago(me.End, l.far))
	case !l.baseline && r.cutting.kind == "session":
		if i < l.back {
			return nil
		}
		return g.windows[i-l.back].values[l.measure]
	case !l.baseline:
		at := slices.IndexFunc(spans, func(s plan.Span) bool { return s.End.Equal(me.End) })
		if at < l.back {
			return nil
		}
		return ended(spans[at-l.back].End)
	}
	var values []any
	for _, w := range g.windows {
		if w.End.After(me.Start) || w.Start.Before(r.cutting.ago(me.Start, l.far)) && l.every == 0 {
			continue
		}
		regular := l.every == 0
		for d := l.every; l.every > 0 && d <= l.far; d += l.every {
			regular = regular || w.End.Equal(r.cutting.ago(me.End, d))
		}
		if v := w.values[l.measure]; regular && v != nil {
			values = append(values, v)
		}
	}
	if len(values) == 0 || len(values) < l.least {
		return nil
	}
	slices.SortFunc(values, order)
	return values[(len(values)-1)/2]
}
