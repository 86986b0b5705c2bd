package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Explanation says why an alarm of a group was on at some time, or was not.
type Explanation struct {
	Rule  string    `json:"rule"`
	Key   Group     `json:"key"`
	At    time.Time `json:"at"`
	State State     `json:"state"`
	// Since is when the state began; nil if the group was not known yet.
	Since *time.Time `json:"since"`
	// Window is the newest window that had ended; nil if there was none with
	// records.
	Window *Datapoint `json:"window"`
	// Conditions are the parts of when that decided the window.
	Conditions []Decided `json:"conditions"`
	// Sentence says it.
	Sentence string `json:"sentence"`
}

// Decided is a part of when and how it came out.
type Decided struct {
	Text string `json:"text"`
	// Holds is null where a value is missing.
	Holds  plan.Value            `json:"holds"`
	Values map[string]plan.Value `json:"values"`
}

// Explain says why the alarm of a group was as it was at some time. The report
// is of the rule, with datapoints.
func (r *Rule) Explain(report *Report, key Group, at time.Time) Explanation {
	x := Explanation{Rule: r.Name, Key: key, At: at, State: InsufficientData, Conditions: []Decided{}}
	reason := ""
	for _, t := range report.Transitions {
		if sameKey(t.Key, key) && !t.At.After(at) {
			x.State, x.Since, reason = t.To, &t.At, t.Reason
		}
	}
	for _, d := range report.Datapoints {
		if sameKey(d.Key, key) && !d.End.After(at) && (x.Window == nil || d.End.After(x.Window.End)) {
			x.Window = &d
		}
	}
	x.Sentence = r.sentenceOf(&x, reason)
	return x
}

func (r *Rule) sentenceOf(x *Explanation, reason string) string {
	when := x.At.Format("2006-01-02 15:04:05Z")
	begin := "It did not fire at " + when
	if x.State == Alarming {
		begin = "It was in alarm at " + when + ", since " + x.Since.Format("2006-01-02 15:04:05Z")
	}
	if x.Window == nil {
		return begin + ": there was no window with records before."
	}
	if w := r.Plan.Window; w.Kind != plan.Session && !w.EndAfter(x.Window.End).After(x.At) {
		return fmt.Sprintf("%s: there were no records in the newest window; the last ones were in that from %s to %s. The state was %s.",
			begin, x.Window.Start.Format("15:04:05"), x.Window.End.Format("15:04:05"), x.State)
	}
	x.Conditions = r.decided(x.Window)
	var parts []string
	for _, c := range x.Conditions {
		parts = append(parts, c.String())
	}
	because := strings.Join(parts, ", and ")
	switch {
	case r.Spec.Expect != nil && !x.Window.Breaching.True():
		return fmt.Sprintf("%s: %s records came, which is enough.", begin, x.Window.Values["records"])
	case x.State == Alarming && x.Window.Breaching.True():
		return begin + ": " + because + "."
	case x.State == Alarming:
		return begin + ", though the newest window does not breach: " + because + ". It began with this: " + reason + "."
	case x.Window.Breaching.True():
		return fmt.Sprintf("%s, though the newest window breaches: %s. %d of %d datapoints are wanted.", begin, because, r.Alarm.Datapoints, r.Alarm.Of)
	}
	return begin + " because " + because + "."
}

// String says it: requests was 87, and the rule wants requests > 100.
func (d Decided) String() string {
	var values []string
	for name, v := range d.Values {
		text := "nothing"
		if !v.IsNull() {
			text = display(v, false)
		}
		values = append(values, name+" was "+text)
	}
	slices.Sort(values)
	was := strings.Join(values, ", ")
	switch {
	case d.Holds.True():
		return was + " (" + d.Text + ")"
	case d.Holds.IsNull():
		return was + ", so that " + d.Text + " cannot be told"
	case was == "":
		return d.Text + " is false"
	}
	return was + ", and the rule wants " + d.Text
}

// decided lists the parts of when that make it what it was for a window.
func (r *Rule) decided(d *Datapoint) []Decided {
	text := r.Spec.When
	if text.Value == "" {
		return []Decided{}
	}
	root, found, err := parse(text)
	if err != nil { // it has been compiled
		return []Decided{}
	}
	env := r.envOf(d)
	c := &converter{text: text, scope: windowScope{r.dataset, r.Plan, false}, lengths: found}
	var visit func(n ast.Node) (plan.Value, []Decided)
	visit = func(n ast.Node) (plan.Value, []Decided) {
		if b, ok := n.(*ast.BinaryNode); ok && (operators[b.Operator] == plan.And || operators[b.Operator] == plan.Or) {
			l, left := visit(b.Left)
			m, right := visit(b.Right)
			return joinDecided(operators[b.Operator] == plan.And, l, m, left, right)
		}
		e, err := c.expr(n)
		if err != nil {
			return plan.Null, nil
		}
		v := plan.Compile(e, nil)(env)
		return v, []Decided{{Text: restored(n.String(), n, text.Value, found), Holds: v, Values: r.valuesIn(e, env)}}
	}
	_, list := visit(root)
	return list
}

// joinDecided keeps of two conditions what decides them together.
func joinDecided(and bool, l, r plan.Value, left, right []Decided) (plan.Value, []Decided) {
	decides := func(v plan.Value) bool { return !v.IsNull() && v.True() != and }
	both := slices.Concat(left, right)
	switch {
	case decides(l) && decides(r):
		if and {
			return plan.Bool(false), both
		}
		return plan.Bool(true), both
	case decides(l):
		return l, left
	case decides(r):
		return r, right
	case l.IsNull() && r.IsNull():
		return plan.Null, both
	case l.IsNull():
		return plan.Null, left
	case r.IsNull():
		return plan.Null, right
	}
	return l, both
}

var maskedLength = regexp.MustCompile(`\bD_+`)

// restored puts durations back into the text of a node.
func restored(s string, n ast.Node, text string, found lengths) string {
	var in []int
	ast.Walk(&n, visitor(func(x ast.Node) {
		if id, ok := x.(*ast.IdentifierNode); ok {
			if _, ok := found[id.Location().From]; ok {
				in = append(in, id.Location().From)
			}
		}
	}))
	slices.Sort(in)
	return maskedLength.ReplaceAllStringFunc(s, func(masked string) string {
		if len(in) == 0 {
			return masked
		}
		at := byteOffset(text, in[0])
		in = in[1:]
		return text[at:min(len(text), at+len(masked))]
	})
}

type visitor func(ast.Node)

// Visit is called for every node.
func (v visitor) Visit(n *ast.Node) { v(*n) }

// valuesIn are the values that an expression reads.
func (r *Rule) valuesIn(e plan.Expr, env *plan.Env) map[string]plan.Value {
	out := map[string]plan.Value{}
	plan.Walk(e, func(x plan.Expr) {
		if ref, ok := x.(*plan.Ref); ok {
			out[ref.Name] = plan.Compile(ref, nil)(env)
		}
	})
	return out
}

// envOf is a window that was reported, as expressions read it.
func (r *Rule) envOf(d *Datapoint) *plan.Env {
	env := &plan.Env{}
	for _, k := range r.Plan.Keys {
		env.Keys = append(env.Keys, d.Key[k.Name])
	}
	for _, m := range r.Plan.Measures {
		env.Measures = append(env.Measures, d.Values[m.Name])
	}
	for i := range r.Plan.Pasts {
		env.Past = append(env.Past, d.Values[r.Plan.PastName(i)])
	}
	return env
}

// GroupOf reads a group as people write it: by the names or paths of group_by,
// values as text. It is one of those that a report has.
func (r *Rule) GroupOf(report *Report, key map[string]string) (Group, error) {
	var match []Group
	for _, d := range report.Datapoints {
		if r.meant(d.Key, key) && !slices.ContainsFunc(match, func(g Group) bool { return sameKey(g, d.Key) }) {
			match = append(match, d.Key)
		}
	}
	e := engine.Errorf(engine.NotFound, "find a group of "+r.Name, "%d groups are meant", len(match))
	switch {
	case len(match) == 1:
		return match[0], nil
	case len(match) == 0:
		e = engine.Errorf(engine.NotFound, "find a group of "+r.Name, "no such group has records")
		return nil, e.WithHint("tidemark rules backtest %s --json lists its groups", r.Name)
	}
	return nil, e.WithHint("name one with --key, as in --key %s=%s", r.Plan.Keys[0].Name, match[0][r.Plan.Keys[0].Name])
}

func (r *Rule) meant(g Group, key map[string]string) bool {
	for name, want := range key {
		v, ok := g[name]
		for _, k := range r.Plan.Keys {
			if !ok && k.Path.Short() == name {
				v, ok = g[k.Name], true
			}
		}
		if !ok || v.String() != want {
			return false
		}
	}
	return true
}

// StateAfter is the state that windows of one group come to by themselves.
func (r *Rule) StateAfter(points []Datapoint) State {
	rows := make([]WindowRow, len(points))
	for i, p := range points {
		rows[i] = WindowRow{plan.Span{Start: p.Start, End: p.End}, *r.envOf(&p)}
	}
	for _, g := range r.States(rows, points[len(points)-1].End) {
		return g.State
	}
	return InsufficientData
}
