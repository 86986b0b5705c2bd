package tester

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/window"
)

// comparePanes matches what fired with what was expected, in any order.
func (t *trial) comparePanes(s *workspace.TestStep) {
	m := &matching{expected: s.ExpectPanes, trial: t, of: make([]int, len(t.fired))}
	for i := range m.of {
		m.of[i] = -1
	}
	var missing []int
	for i := range s.ExpectPanes {
		if !m.find(i, map[int]bool{}) {
			missing = append(missing, i)
		}
	}
	var unexpected []window.Pane
	for j, p := range t.fired {
		if m.of[j] < 0 {
			unexpected = append(unexpected, p)
		}
	}
	for _, i := range missing {
		want := &s.ExpectPanes[i]
		f := t.result.fail(want.At.Text, "this pane did not fire")
		f.Missing = []string{expectedText(want)}
		if near := t.nearest(want, unexpected); near != "" {
			f.Message += "; the nearest differs in " + near
		}
	}
	if len(unexpected) > 0 {
		f := t.result.fail(s.At.Key("expect_panes"), "%s fired that the test does not expect", count(len(unexpected), "pane"))
		for _, p := range unexpected {
			f.Unexpected = append(f.Unexpected, t.paneText(p))
		}
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// matching pairs expected panes with fired ones, as many as can be
// (H. W. Kuhn, 1955, by augmenting paths).
type matching struct {
	expected []workspace.TestPane
	trial    *trial
	of       []int // which expected pane a fired one is taken by
}

func (m *matching) find(i int, tried map[int]bool) bool {
	for j, p := range m.trial.fired {
		if tried[j] || len(m.trial.differences(&m.expected[i], p)) > 0 {
			continue
		}
		tried[j] = true
		if m.of[j] < 0 || m.find(m.of[j], tried) {
			m.of[j] = i
			return true
		}
	}
	return false
}

// nearest says in what the fired pane differs that differs least.
func (t *trial) nearest(want *workspace.TestPane, among []window.Pane) string {
	var best []string
	for _, p := range among {
		if d := t.differences(want, p); best == nil || len(d) < len(best) {
			best = d
		}
	}
	return strings.Join(best, ", ")
}

// differences compares the fields that the test gives.
func (t *trial) differences(want *workspace.TestPane, have window.Pane) (out []string) {
	differs := func(what string, want, have any) {
		out = append(out, fmt.Sprintf("%s (%v, not %v)", what, have, want))
	}
	if len(want.Window) == 2 && (!want.Window[0].Equal(have.Window.Start) || !want.Window[1].Equal(have.Window.End)) {
		differs("window", spanText(plan.Span{Start: want.Window[0].Time, End: want.Window[1].Time}), spanText(have.Window))
	}
	if want.Timing != "" && want.Timing != string(have.Timing) {
		differs("timing", want.Timing, have.Timing)
	}
	if want.Index != nil && *want.Index != have.Index {
		differs("index", *want.Index, have.Index)
	}
	if want.Final != nil && *want.Final != have.Final {
		differs("final", *want.Final, have.Final)
	}
	if retraction := want.Retraction != nil && *want.Retraction; retraction != have.Retraction {
		differs("retraction", retraction, have.Retraction)
	}
	p := t.plan
	for i, k := range p.Keys {
		if v, ok := want.Key[k.Name]; ok && !sameValue(v, have.Keys[i]) {
			differs(k.Name, scalarText(v), valueText(have.Keys[i]))
		}
	}
	for i, m := range p.Measures {
		if v, ok := want.Values[m.Name]; ok && !sameValue(v, have.Measures[i]) {
			differs(m.Name, scalarText(v), valueText(have.Measures[i]))
		}
	}
	return out
}

// sameValue compares what a file says with a value. Lists are compared
// without regard to order, for the order of arrival plays no part.
func sameValue(want any, have plan.Value) bool {
	switch want := want.(type) {
	case nil:
		return have.IsNull()
	case []any:
		items, ok := have.Items()
		if !ok {
			return len(want) == 0 && have.IsNull()
		}
		return sameList(want, items)
	case bool:
		return have.Equal(plan.Bool(want))
	case time.Time:
		at, ok := have.Time()
		return ok && at.Equal(want)
	case string:
		if at, ok := have.Time(); ok {
			t, err := workspace.ParseTestTime(want)
			return err == nil && t.Equal(at)
		}
		text, ok := have.Text()
		return ok && text == want || !ok && want == have.String() && !have.IsNull()
	}
	text := fmt.Sprint(want)
	if _, ok := have.Text(); ok {
		return have.String() == text
	}
	if have.String() == text {
		return true
	}
	f, err := strconv.ParseFloat(text, 64)
	g, ok := have.Float()
	return err == nil && ok && f == g
}

func sameList(want []any, have []plan.Value) bool {
	rest := slices.Clone(have)
	for _, w := range want {
		i := slices.IndexFunc(rest, func(v plan.Value) bool { return sameValue(w, v) })
		if i < 0 {
			return false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return len(rest) == 0
}

func groupText(g rule.Group) string {
	m := map[string]any{}
	for k, v := range g {
		m[k] = v
	}
	return flow(m)
}
