package export

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// constructs are rules that use a part of the language, by its name: a node,
// an operator, an aggregate, a function, a kind of window, a key of the file.
var constructs = map[string]string{
	"Literal": "when: n > 10", "Column": `where: 'service == "a"'`, "Ref": "when: n > 10", "Not": "when: not (n < 10)", "Negate": "when: -n < -10",
	"Binary": "when: n > 10", "In": `where: 'service in ["a", "b"]'`, "IsNull": "where: body.status == nil", "Matches": `where: 'service matches "^a"'`,
	"Conditional": "when: '(n > 10 ? n : 0) > 10'", "Coalesce": "measures: {n: 'sum(body.status) ?? 0'}", "Call": "when: abs(n) > 10", "Convert": "when: n * 1.5 > 10",
	"Equal": "when: n == 10", "NotEqual": "when: n != 10", "Less": "when: n < 10", "AtMost": "when: n <= 10", "Greater": "when: n > 10", "AtLeast": "when: n >= 10",
	"Add": "when: n + 1 > 10", "Sub": "when: n - 1 > 10", "Mul": "when: n * 2 > 10", "Div": "when: n / 2 > 10", "Mod": "when: n % 2 == 1",
	"And": "when: n > 10 && n < 20", "Or": "when: n < 10 || n > 20", "Concat": `where: 'service + "x" == "ax"'`,
	"Contains": `where: 'service contains "a"'`, "StartsWith": `where: 'service startsWith "a"'`, "EndsWith": `where: 'service endsWith "a"'`,
	"count": "measures: {n: 'count(level == \"ERROR\")'}", "sum": "measures: {n: sum(body.duration_ms)}", "avg": "measures: {n: avg(body.duration_ms)}",
	"min": "measures: {n: min(body.duration_ms)}", "max": "measures: {n: max(body.duration_ms)}", "quantile": "measures: {n: 'quantile(body.duration_ms, 0.95)'}",
	"distinct": "measures: {n: distinct(service)}", "first": "measures: {n: first(body.duration_ms)}", "last": "measures: {n: last(body.duration_ms)}", "list": "measures: {n: count(), l: list(service)}\nwhen: n > 10 && l != nil",
	"abs": "when: abs(n) > 10", "ceil": "when: ceil(n / 2) > 10", "floor": "when: floor(n / 2) > 10", "round": "when: round(n / 2) > 10",
	"epoch": "where: epoch(event_time) > 0", "len": "where: len(service) > 3", "lower": `where: 'lower(service) == "a"'`, "upper": `where: 'upper(service) == "A"'`, "trim": `where: 'trim(service) == "a"'`,
	"Tumbling": "window: {tumbling: 1m}", "Hopping": "window: {hopping: {size: 10m, every: 5m}}", "Cumulate": "window: {cumulate: {size: 1h, step: 10m}}", "Session": "window: {session: {gap: 5m}}",
	"previous": "when: n > previous(n, 1)", "baseline": "when: n > baseline(n, 1h)",
	"KeyRef": "group_by: [service]\nwhen: 'n > 10 && service != \"a\"'", "AggregateRef": "when: n > 10", "MeasureRef": "measures: {n: count(), m: n * 2}\nwhen: m > 10", "PastRef": "when: n > previous(n, 1)",
	"missing": "alarm: {missing: missing}", "ignore": "alarm: {missing: ignore}", "breaching": "alarm: {missing: breaching}", "not_breaching": "alarm: {missing: not_breaching}",
	"rule": "when: n > 10", "dataset": "when: n > 10", "where": `where: 'service == "a"'`, "group_by": "group_by: [service]", "window": "window: {tumbling: 1m, offset: 10s}",
	"measures": "measures: {n: count()}", "when": "when: n > 10", "alarm": "alarm: {datapoints: 3, of: 5, missing: not_breaching}", "late": "late: {allowed: 5m}", "severity": "severity: critical",
	"labels": "labels: {team: a}", "notify": "notify: [team]", "runbook": "runbook: notebooks/a.md", "summary": `summary: "{{n}}"`,
	"keys": "", "expect": "", "recover_when": "recover_when: n < 5", "repeat": "", "silence": "", "inhibit": "", "incidents": "", "forget": "forget: 1h",
}

// whole are rules that do not fit beside a window.
var whole = map[string]string{
	"expect": "rule: small\ndataset: app_logs\nexpect: {within: 24h, by: \"06:00\"}\n",
	"keys":   "rule: small\ndataset: app_logs\ngroup_by: [service]\nexpect: {within: 24h, keys: seen}\n",
}

// notifying are keys that say when people are told and what a rule is measured
// against, which no copy takes over; PARITY.md says so of every rule.
var notifying = []string{"repeat", "silence", "inhibit", "incidents"}

// TestEveryConstructIsDecided fails when the language has grown by something
// that this test does not export, and holds what becomes of each part for each
// target against a golden file.
func TestEveryConstructIsDecided(t *testing.T) {
	t.Parallel()
	names := language(t)
	var b strings.Builder
	for _, name := range names {
		lines, known := constructs[name]
		if !known {
			t.Errorf("%s is new: say in this test how a rule uses it, and decide what every target makes of it", name)
			continue
		}
		if slices.Contains(notifying, name) {
			continue
		}
		var r Rule
		if src, ok := whole[name]; ok {
			r = parsed(t, src)
		} else {
			r = small(t, strings.Split(lines, "\n")...)
		}
		fmt.Fprintf(&b, "%s\n", name)
		for _, target := range Targets() {
			_, err := Write(target, []Rule{r}, Settings{Transformed: true})
			var refusal *Refusal
			switch {
			case errors.As(err, &refusal) && refusal.Construct != "" && refusal.Why != "" && refusal.Instead != "":
				fmt.Fprintf(&b, "  %-14s refused: %s: %s\n", target, refusal.Construct, refusal.Why)
			case err != nil:
				t.Errorf("%s to %s: %v", name, target, err)
			default:
				fmt.Fprintf(&b, "  %-14s exported\n", target)
			}
		}
	}
	compare(t, "constructs.golden", []byte(b.String()))
}

// language lists what rules are made of, from where it is defined.
func language(t *testing.T) []string {
	t.Helper()
	names := slices.Concat(plan.Aggregates(), plan.Functions(), plan.Pasts(),
		[]string{string(MissingIsMissing), string(MissingIsIgnored), string(MissingIsBreaching), string(MissingIsNotBreaching)})
	spec := reflect.TypeFor[rule.Spec]()
	for i := range spec.NumField() {
		if name, _, _ := strings.Cut(spec.Field(i).Tag.Get("yaml"), ","); name != "" { // At is no key of the file
			names = append(names, name)
		}
	}
	names = append(names, declared(t, "../plan/expr.go")...)
	names = append(names, declared(t, "../plan/window.go")...)
	slices.Sort(names)
	return slices.Compact(names)
}

// declared lists the nodes of expressions, and the constants of Op, RefKind and
// WindowKind that a file declares.
func declared(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		of := ""
		for _, s := range g.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				if id, ok := s.Type.(*ast.Ident); ok {
					of = id.Name
				}
				if g.Tok == token.CONST && slices.Contains([]string{"Op", "RefKind", "WindowKind"}, of) {
					names = append(names, s.Names[0].Name)
				}
			case *ast.TypeSpec:
				if st, ok := s.Type.(*ast.StructType); ok && len(st.Fields.List) > 0 && len(st.Fields.List[0].Names) == 0 && fmt.Sprint(st.Fields.List[0].Type) == "typed" {
					names = append(names, s.Name.Name)
				}
			}
		}
	}
	return names
}
