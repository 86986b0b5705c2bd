package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/template"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // what pipelines are made of
	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine/plan"
)

// pieces are what one target or another reads more into than is meant.
var pieces = []string{
	"{{", "}}", "{", "}", "{{ .Value }}", `{{ "x" }}`, "{{resolve:ssm:x}}", "${HOME}", "${", "$$", "$", "$1", "${1}", "%{", "%{if", "%d", "%", "$${", "%%{",
	"${!", "${! json() }", "${{X}}", "$__file{/etc/passwd}", "$__interval", "${__range}", "${TIDEMARK_LOKI}", "DATASET", "TABLE",
	"'", "''", `"`, "`", "``", `\`, `\\`, `\n`, `\x41`, "\n", "\r\n", "\t", "\x01", "\x7f", "\u0085", "\u00a0", "\u2028", "\ufeff",
	" ", "  ", ":", ": ", " #", "#", "--", "/*", "*/", ";", ",", "<time>", "<record>", "*", "?", ".", "|", "^", "(", "[a-z]", "&", "!", "@", "~", "~1",
	"é", "日本", "😀", "a", "checkout", "null", "true", "0",
}

func hostileText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "any") {
			return strings.ReplaceAll(rapid.StringN(1, 30, 90).Draw(t, "text"), "\x00", "0") // no constant holds a zero byte
		}
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 6).Draw(t, "pieces"), "")
	})
}

// hostile is a rule with the same text wherever a rule has text: it looks for it
// with an operator, and value is what the operator finds.
type hostile struct {
	rule        Rule
	text, value string
}

// searches are tests of text, and what passes them.
var searches = map[string]struct {
	test  func(x, s plan.Expr, text string) (plan.Expr, error)
	value func(text string) string
}{
	"==":         {binaryTest(plan.Equal), func(s string) string { return s }},
	"in":         {func(x, s plan.Expr, _ string) (plan.Expr, error) { return plan.NewIn(x, []plan.Expr{s, s}) }, func(s string) string { return s }},
	"contains":   {binaryTest(plan.Contains), func(s string) string { return "a" + s + "b" }},
	"startsWith": {binaryTest(plan.StartsWith), func(s string) string { return s + "b" }},
	"endsWith":   {binaryTest(plan.EndsWith), func(s string) string { return "a" + s }},
	"matches": {
		func(x, _ plan.Expr, text string) (plan.Expr, error) {
			return plan.NewMatches(x, regexp.QuoteMeta(text))
		},
		func(s string) string { return "a" + s + "b" },
	},
}

func binaryTest(op plan.Op) func(x, s plan.Expr, _ string) (plan.Expr, error) {
	return func(x, s plan.Expr, _ string) (plan.Expr, error) { return plan.NewBinary(op, x, s) }
}

func drawHostile(t *rapid.T, base Rule) hostile {
	text := hostileText().Draw(t, "text")
	how := searches[rapid.SampledFrom(sortedKeys(searches)).Draw(t, "operator")]
	r := base
	constant, err := plan.NewLiteral(plan.Text(text))
	if err != nil {
		t.Fatal(err)
	}
	p := *base.Plan
	if p.Where, err = how.test(base.Plan.Where.(*plan.Binary).L, constant, text); err != nil {
		t.Fatal(err)
	}
	r.Plan = &p
	r.Severity, r.Runbook = text, text
	r.Labels = map[string]string{"team": text, text: "x"}
	r.When += " /* " + text + " */"
	r.Summary = []Phrase{{Text: text}, {Expr: base.Summary[0].Expr}, {Expr: constant}}
	if len(p.Keys) > 0 {
		if r.Groups = [][]plan.Value{{plan.Text("checkout")}}; text != "checkout" {
			r.Groups = append(r.Groups, []plan.Value{plan.Text(text)})
		}
	}
	return hostile{r, text, how.value(text)}
}

// write gives the artefact, or "" if the rule is refused, which must be right.
func (h hostile) write(t *rapid.T, target string, refusable func(string) bool) string {
	a, err := Write(target, []Rule{h.rule}, Settings{Transformed: true})
	var refusal *Refusal
	if errors.As(err, &refusal) && refusable != nil && refusable(h.text) {
		return ""
	}
	if err != nil {
		t.Fatalf("%s refuses %q: %v", target, h.text, err)
	}
	Document(a, []Rule{h.rule})
	return string(a.Data)
}

// expanded is a text that was written as a template of Go.
func (h hostile) expanded(t *rapid.T, text string) string {
	asked := func(context.Context, string, time.Time) (promql.Vector, error) {
		return promql.Vector{{F: 7}}, nil
	}
	data := template.AlertTemplateData(map[string]string{"service": "shop"}, nil, "", promql.Sample{})
	e := template.NewTemplateExpander(t.Context(), "{{$labels := .Labels}}{{$values := .Labels}}"+text, "x", data, 0, asked, &url.URL{}, nil)
	out, err := e.Expand()
	if err != nil {
		t.Fatalf("%q became %q: %v", h.text, text, err)
	}
	return out
}

func (h hostile) same(t *rapid.T, what, got, want string) {
	if got != want {
		t.Fatalf("%s: %q came back as %q, not %q", what, h.text, got, want)
	}
}

// TestHostilePrometheus reads what is written with Prometheus' own readers.
func TestHostilePrometheus(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "prometheus")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHostile(t, base)
		data := h.write(t, "prometheus", nil)
		groups, errs := rulefmt.Parse([]byte(data), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			t.Fatalf("%q: %v\n%s", h.text, errs, data)
		}
		rules := groups.Groups[0].Rules
		alert := rules[len(rules)-1]
		h.same(t, "label", h.expanded(t, alert.Labels["team"]), h.text)
		h.same(t, "severity", h.expanded(t, alert.Labels["severity"]), h.text)
		h.same(t, "runbook", h.expanded(t, alert.Annotations["runbook"]), h.text)
		h.same(t, "summary", h.expanded(t, alert.Annotations["summary"]), h.text+"shop"+h.text)
		h.selects(t, rules[0].Expr, func(m *labels.Matcher) bool { return m.Matches(h.value) })
		h.selects(t, alert.Expr, func(m *labels.Matcher) bool { return m.Matches(h.text) })
	})
}

// selects looks for a test of service in an expression.
func (h hostile) selects(t *rapid.T, expr string, f func(*labels.Matcher) bool) {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			for _, m := range v.LabelMatchers {
				found = found || m.Name == "service" && f(m)
			}
		}
		return nil
	})
	if !found {
		t.Fatalf("%q: no series of it in %s", h.text, expr)
	}
}

// hostileBase is the rule that texts are put into.
func hostileBase(t *testing.T, target string) Rule {
	t.Helper()
	lines := []string{`where: 'service == "x"'`, "group_by: [service]", `summary: "{{service}}"`, "when: n > 0"}
	switch target {
	case "prometheus", "loki", "grafana":
		lines = append(lines, "alarm: {missing: breaching}")
	case "eventbridge", "terraform":
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "group_by") || strings.HasPrefix(l, "summary") })
		lines = append(lines, `summary: "{{n}}"`)
	}
	return small(t, lines...)
}

// quotedIn gives the constants behind a prefix in LogQL.
func quotedIn(t *rapid.T, expr, prefix string) (list []string) {
	for rest := expr; ; {
		_, after, found := strings.Cut(rest, prefix)
		if !found {
			return list
		}
		if rest = after; !strings.HasPrefix(after, `"`) {
			continue
		}
		q, err := strconv.QuotedPrefix(after)
		if err != nil {
			t.Fatalf("no constant begins in %.100s: %v", after, err)
		}
		text, err := strconv.Unquote(q)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
		rest = after[len(q):]
	}
}

// filters holds the tests of service in LogQL to what they are to find.
func (h hostile) filters(t *rapid.T, expr string) {
	found := slices.Contains(quotedIn(t, expr, "| service="), h.value)
	for _, p := range quotedIn(t, expr, "| service=~") {
		re, err := regexp.Compile("^(?:" + p + ")$")
		if err != nil {
			t.Fatal(err)
		}
		found = found || re.MatchString(h.value)
	}
	if !found {
		t.Fatalf("%q: nothing finds %q in %s", h.text, h.value, expr)
	}
	group := false
	for _, replacement := range quotedIn(t, expr, `"service", `) {
		group = group || string(regexp.MustCompile("^(?s:)$").ExpandString(nil, replacement, "", []int{0, 0})) == h.text
	}
	if !group {
		t.Fatalf("no group %q in %s", h.text, expr)
	}
}

func TestHostileLoki(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "loki")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHostile(t, base)
		var file lokiFile
		data := h.write(t, "loki", nil)
		if err := yaml.UnmarshalWithOptions([]byte(data), &file, yaml.Strict()); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		alert := file.Groups[0].Rules[0]
		h.same(t, "label", h.expanded(t, alert.Labels["team"]), h.text)
		h.same(t, "severity", h.expanded(t, alert.Labels["severity"]), h.text)
		h.same(t, "runbook", h.expanded(t, alert.Annotations["runbook"]), h.text)
		h.same(t, "summary", h.expanded(t, alert.Annotations["summary"]), h.text+"shop"+h.text)
		h.filters(t, alert.Expr)
	})
}

// TestHostileGrafana puts variables in as Grafana does: $$ is a $, and another $
// begins a variable; in annotations, braces must follow it or not, by version.
func TestHostileGrafana(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "grafana")
	interpolated := func(t *rapid.T, s string) string {
		parts := strings.Split(s, "$$")
		if slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, "$") }) {
			t.Fatalf("%q has a variable in it", s)
		}
		return strings.Join(parts, "$")
	}
	rapid.Check(t, func(t *rapid.T) {
		h := drawHostile(t, base)
		var file grafanaFile
		data := h.write(t, "grafana", nil)
		if err := yaml.UnmarshalWithOptions([]byte(data), &file, yaml.Strict()); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		rule := file.Groups[0].Rules[0]
		h.same(t, "label", h.expanded(t, interpolated(t, rule.Labels["team"])), h.text)
		h.same(t, "severity", h.expanded(t, interpolated(t, rule.Labels["severity"])), h.text)
		for name, want := range map[string]string{"runbook": h.text, "summary": h.text + "shop" + h.text} {
			text := rule.Annotations[name]
			if strings.Contains(text, "${") || strings.Contains(text, "$__") || strings.Contains(text, "$$") {
				t.Fatalf("%q has a variable in it", text)
			}
			h.same(t, name, h.expanded(t, text), want)
		}
		expr := rule.Data[0].Model["expr"].(string)
		if strings.Contains(expr, "$__") || strings.Contains(expr, "${") {
			t.Fatalf("%s has a variable in it", expr)
		}
		h.filters(t, expr)
	})
}

// unwritable are texts that patterns of CloudWatch and EventBridge have no way
// to write.
func unwritable(s string) bool {
	return strings.ContainsAny(s, "*\"\\") || strings.ContainsFunc(s, unicode.IsControl) || strings.Contains(s, resolve) || len(s) > 80
}

// TestHostileCloudWatch compares the template with what Terraform's own
// language makes of the Terraform file.
func TestHostileCloudWatch(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "terraform")
	grouped := small(t, `where: 'service == "x"'`, "group_by: [service]", `summary: "{{service}}"`)
	rapid.Check(t, func(t *rapid.T) {
		of := base
		if rapid.Bool().Draw(t, "grouped") {
			of = grouped
		}
		h := drawHostile(t, of)
		_, matches := h.rule.Plan.Where.(*plan.Matches)
		refusable := func(s string) bool { return matches || unwritable(s) || !norm.NFC.IsNormalString(s) }
		cf, tf := h.write(t, "cloudformation", refusable), h.write(t, "terraform", refusable)
		if tf == "" {
			return
		}
		made := evaluatedTerraform(t, tf)
		alarm := made["resource"].(map[string]any)["aws_cloudwatch_metric_alarm"].(map[string]any)
		filter := made["resource"].(map[string]any)["aws_cloudwatch_log_metric_filter"].(map[string]any)["SmallRecords"].(map[string]any)
		if !strings.Contains(fmt.Sprint(filter["pattern"]), strings.Trim(fmt.Sprintf("%q", h.text), `"`)) && !strings.Contains(fmt.Sprint(filter["pattern"]), h.text) {
			t.Fatalf("%q is not in %v", h.text, filter["pattern"])
		}
		if named := dimensional(plan.Text(h.text)) && h.text != "checkout"; len(h.rule.Groups) > 0 && named != (len(alarm) == 2) {
			t.Fatalf("%d alarms for %q", len(alarm), h.text)
		}
		if cf == "" {
			return
		}
		if strings.Contains(cf, resolve) {
			t.Fatalf("CloudFormation fetches something in %s", cf)
		}
		var stack struct {
			Resources map[string]struct {
				Properties map[string]any
			}
		}
		if err := json.Unmarshal([]byte(cf), &stack); err != nil {
			t.Fatal(err)
		}
		for id, a := range alarm {
			of, tf := stack.Resources[id].Properties, a.(map[string]any)
			h.same(t, "description", fmt.Sprint(tf["alarm_description"]), norm.NFC.String(fmt.Sprint(of["AlarmDescription"])))
			h.same(t, "name", fmt.Sprint(tf["alarm_name"]), fmt.Sprint(of["AlarmName"]))
		}
		h.same(t, "pattern", fmt.Sprint(filter["pattern"]), fmt.Sprint(stack.Resources["SmallRecordsFilter"].Properties["FilterPattern"]))
	})
}

// evaluatedTerraform is a file with all its templates evaluated, by HCL.
func evaluatedTerraform(t *rapid.T, data string) map[string]any {
	var file map[string]any
	if err := json.Unmarshal([]byte(data), &file); err != nil {
		t.Fatal(err)
	}
	return evaluated(t, file).(map[string]any)
}

func evaluated(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = evaluated(t, x)
		}
	case []any:
		for i, x := range v {
			v[i] = evaluated(t, x)
		}
	case string:
		if v == "${var.log_group}" || v == "${var.alarm_topic_arn}" {
			return v
		}
		e, problems := hclsyntax.ParseTemplate([]byte(v), "main.tf.json", hcl.InitialPos)
		if problems.HasErrors() {
			t.Fatalf("%q: %v", v, problems)
		}
		x, problems := e.Value(nil)
		if problems.HasErrors() {
			t.Fatalf("%q: %v", v, problems)
		}
		return x.AsString()
	}
	return v
}

// TestHostileEventBridge fills in what is told as EventBridge does.
func TestHostileEventBridge(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "eventbridge")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHostile(t, base)
		_, matches := h.rule.Plan.Where.(*plan.Matches)
		data := h.write(t, "eventbridge", func(s string) bool { return matches || strings.Contains(s, resolve) || strings.Contains(s, "**") })
		if data == "" {
			return
		}
		if strings.Contains(data, resolve) {
			t.Fatalf("CloudFormation fetches something in %s", data)
		}
		var file struct {
			Resources map[string]struct {
				Properties struct {
					Description  string
					EventPattern struct{ Detail map[string][]any }
					Targets      []struct {
						InputTransformer struct{ InputTemplate string }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(data), &file); err != nil {
			t.Fatal(err)
		}
		rule := file.Resources["SmallRule"].Properties
		told := strings.NewReplacer("<time>", `"T"`, "<record>", `{}`).Replace(rule.Targets[0].InputTransformer.InputTemplate)
		var message struct{ Severity string }
		if err := json.Unmarshal([]byte(told), &message); err != nil {
			t.Fatalf("%v: %s", err, told)
		}
		h.same(t, "severity", message.Severity, h.text)
		if len(rule.Description) > maxEventDescription {
			t.Fatalf("the description has %d bytes", len(rule.Description))
		}
		if !slices.ContainsFunc(rule.EventPattern.Detail["svc"], func(x any) bool { return eventFinds(x, h.value) }) {
			t.Fatalf("%v does not find %q", rule.EventPattern.Detail, h.value)
		}
	})
}

// eventFinds reports whether one test of a pattern takes a text.
func eventFinds(test any, text string) bool {
	m, is := test.(map[string]any)
	if !is {
		return test == text
	}
	for operator, operand := range m {
		s, _ := operand.(string)
		switch operator {
		case "prefix":
			return strings.HasPrefix(text, s)
		case "suffix":
			return strings.HasSuffix(text, s)
		case "wildcard":
			return regexp.MustCompile("^" + wildcardPattern(s) + "$").MatchString(text)
		}
	}
	return false
}

// wildcardPattern is a wildcard of EventBridge as a regular expression.
func wildcardPattern(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '*':
			b.WriteString("(?s:.*)")
			continue
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteString(regexp.QuoteMeta(s[i : i+1]))
	}
	return b.String()
}

// TestHostileConnect runs what is written on Connect's engine: one record that
// the rule finds, one that it does not, and one that ends their window.
func TestHostileConnect(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "connect")
	rapid.Check(t, func(t *rapid.T) {
		if rapid.IntRange(0, 9).Draw(t, "one in ten, as pipelines take their time") > 0 {
			return
		}
		h := drawHostile(t, base)
		set := Settings{Transformed: true, Values: map[string]string{"input": "tidemark_records: {}", "alarms": "tidemark_told: {}", "panes": "tidemark_told: {}"}}
		a, err := Write("connect", []Rule{h.rule}, set)
		if err != nil {
			t.Fatal(err)
		}
		var told []map[string]any
		for _, m := range h.runConnect(t, a.Data) {
			if m["kind"] == "alarm" {
				told = append(told, m)
			}
		}
		if len(told) != 1 {
			t.Fatalf("%d alarms for %q: %v", len(told), h.value, told)
		}
		h.same(t, "group", fmt.Sprint(told[0]["key"].(map[string]any)["service"]), h.value)
		h.same(t, "severity", fmt.Sprint(told[0]["severity"]), h.text)
		h.same(t, "label", fmt.Sprint(told[0]["labels"].(map[string]any)["team"]), map[bool]string{false: h.text, true: "x"}[h.text == "team"])
		h.same(t, "summary", fmt.Sprint(told[0]["summary"]), h.text+h.value+h.text)
	})
}

// runConnect gives a pipeline three records, and gives what it tells.
func (h hostile) runConnect(t *rapid.T, pipeline []byte) []map[string]any {
	var told collected
	var records [][]byte
	for i, service := range []string{h.value, "", h.value} {
		record, err := json.Marshal(map[string]string{"svc": service, "ts": fmt.Sprintf("2026-01-09T1%d:00:05Z", i/2)})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	env := service.NewEnvironment()
	none := service.NewConfigSpec()
	err := errors.Join(
		env.RegisterInput("tidemark_records", none, func(*service.ParsedConfig, *service.Resources) (service.Input, error) {
			return &listed{records}, nil
		}),
		env.RegisterOutput("tidemark_told", none, func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) {
			return &told, 1, nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	b := env.NewStreamBuilder()
	b.SetEnvVarLookupFunc(func(string) (string, bool) { return "a variable", true })
	b.SetLogger(slog.New(slog.DiscardHandler))
	if err := b.SetYAML(string(pipeline)); err != nil {
		t.Fatalf("%v\n%s", err, pipeline)
	}
	stream, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return told.all
}

// listed is an input of some records, at a time when they were new.
type listed struct{ left [][]byte }

func (*listed) Connect(context.Context) error { return nil }
func (*listed) Close(context.Context) error   { return nil }

func (l *listed) Read(context.Context) (*service.Message, service.AckFunc, error) {
	if len(l.left) == 0 {
		return nil, nil, service.ErrEndOfInput
	}
	m := service.NewMessage(l.left[0])
	m.MetaSetMut("arrival_time", time.Date(2026, 1, 9, 12, 0, 0, 0, time.UTC).UnixMicro())
	l.left = l.left[1:]
	return m, func(context.Context, error) error { return nil }, nil
}

// collected is what the outputs of a pipeline write, at the same time.
type collected struct {
	mu  sync.Mutex
	all []map[string]any
}

func (*collected) Connect(context.Context) error { return nil }
func (*collected) Close(context.Context) error   { return nil }

func (c *collected) Write(_ context.Context, m *service.Message) error {
	if err := m.GetError(); err != nil {
		return err
	}
	data, err := m.AsBytes()
	if err != nil {
		return err
	}
	var told map[string]any
	if err := json.Unmarshal(data, &told); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, told)
	return nil
}

// TestHostileFlink takes the constants out of the SQL. What is not seen in a
// file Flink's SQL client would take for keys.
func TestHostileFlink(t *testing.T) {
	t.Parallel()
	base := hostileBase(t, "flink")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHostile(t, base)
		sql := h.write(t, "flink", nil)
		if strings.ContainsFunc(strings.ReplaceAll(sql, "\n", ""), unseen) {
			t.Fatalf("there is something unseen in %q", sql)
		}
		constants := sqlTexts(t, sql)
		if n := len(slices.DeleteFunc(slices.Clone(constants), func(s string) bool { return s != h.text })); n < 2 {
			t.Fatalf("%q is not what the rule says, nor looks for, in %q", h.text, constants)
		}
	})
}

// sqlTexts lists the constants of SQL, without comments and names.
func sqlTexts(t *rapid.T, sql string) (list []string) {
	for rest := sql; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "--"):
			_, rest, _ = strings.Cut(rest, "\n")
		case rest[0] == '`':
			_, rest, _ = strings.Cut(rest[1:], "`")
		case rest[0] == '\'':
			text, after := sqlText(t, rest[1:])
			list, rest = append(list, text), after
		case strings.HasPrefix(rest, "U&'"):
			text, after := sqlText(t, rest[3:])
			list, rest = append(list, sqlUnescaped(t, text)), after
		default:
			rest = rest[1:]
		}
	}
	return list
}

// sqlText reads up to the quote that ends a constant.
func sqlText(t *rapid.T, s string) (text, after string) {
	for {
		head, rest, found := strings.Cut(s, "'")
		if !found {
			t.Fatalf("a constant does not end: %.100s", s)
		}
		text += head
		if !strings.HasPrefix(rest, "'") {
			return text, rest
		}
		text, s = text+"'", rest[1:]
	}
}

// sqlUnescaped reads letters that are written by their numbers.
func sqlUnescaped(t *rapid.T, s string) string {
	var units []uint16
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			r, n := utf8.DecodeRuneInString(s[i:])
			units, i = utf16.AppendRune(units, r), i+n
			continue
		}
		if strings.HasPrefix(s[i:], `\\`) {
			units, i = append(units, '\\'), i+2
			continue
		}
		n, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		units, i = append(units, uint16(n)), i+5
	}
	return string(utf16.Decode(units))
}
