package workspace_test

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"tidemark.dev/tidemark/app/tester"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/rule"
)

// wrongValues are put where a file has another value.
var wrongValues = []string{
	"", `""`, "nonsense", `"a b, c: d"`, "-1", "0", "1e300", "99999999999999999999", "true", "10 parsecs", "-5m", ".nan",
	"[]", "[x, y]", "[[1]]", "{}", "{x: y}",
}

// readers read a kind of file as far as it can be checked without data. The
// kind is the name of the file before the first - or dot.
var readers = map[string]func(file string, src []byte) error{
	"tidemark":  func(file string, src []byte) error { _, err := workspace.DecodeConfig(file, src); return err },
	"plugin":    workspace.DecodeSettings,
	"rule":      readRule,
	"test":      readTest,
	"dashboard": func(file string, src []byte) error { _, err := workspace.DecodeDashboard(file, src); return err },
	"model":     func(file string, src []byte) error { _, err := workspace.DecodeModel(file, src); return err },
	"notebook":  readNotebook,
}

// TestWrongValuesHaveTheirPlace puts wrong values into every key of every kind
// of file. What is refused is refused at the key's value, with its line and
// what to write instead; nothing else of the file is to blame for it.
func TestWrongValuesHaveTheirPlace(t *testing.T) {
	files, err := txtar.ParseFile("testdata/wrong.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files.Files {
		t.Run(f.Name, func(t *testing.T) {
			kind, _, _ := strings.Cut(strings.TrimSuffix(f.Name, filepath.Ext(f.Name)), "-")
			read := readers[kind]
			if err := read(f.Name, f.Data); err != nil {
				t.Fatalf("as it is written: %v", err)
			}
			lines := strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
			for i := range lines {
				for _, value := range wrongValues {
					if src, written, ok := withValue(lines, i, value); ok {
						checkPlaces(t, written, i+1, read(f.Name, []byte(src)))
					}
				}
			}
		})
	}
}

var keyOfLine = regexp.MustCompile(`^((?:--)?[ -]*)([\w.]+|"[^"]*"):( |$)`)

// TestMissingKeysHaveAPlace takes each key out: what cannot be done without it
// is told with a place, and how it is written.
func TestMissingKeysHaveAPlace(t *testing.T) {
	files, err := txtar.ParseFile("testdata/wrong.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files.Files {
		kind, _, _ := strings.Cut(strings.TrimSuffix(f.Name, filepath.Ext(f.Name)), "-")
		lines := strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
		for i := range lines {
			src, _, ok := withValue(lines, i, "")
			if !ok {
				continue
			}
			without := slices.Delete(strings.SplitAfter(src, "\n"), i, i+1)
			for _, p := range problems(readers[kind](f.Name, []byte(strings.Join(without, "")))) {
				checkPlace(t, "without "+strings.TrimSpace(lines[i]), p)
			}
		}
	}
}

// withValue is the file with another value of the key on a line, and that
// line; what the key had on the lines below goes with it.
func withValue(lines []string, i int, value string) (src, line string, ok bool) {
	m := keyOfLine.FindStringSubmatch(lines[i])
	if m == nil {
		return "", "", false
	}
	end := i + 1
	for end < len(lines) && indent(lines[end]) > len(m[1]) && !strings.HasSuffix(lines[end], "---") {
		end++
	}
	line = strings.TrimRight(m[1]+m[2]+": "+value, " ")
	return strings.Join(slices.Concat(lines[:i], []string{line}, lines[end:]), "\n") + "\n", line, true
}

func indent(line string) int {
	return len(line) - len(strings.TrimLeft(line, " -"))
}

// elsewhere says which other lines are to blame when a key has a value that is
// no wrong one by itself: what reads it does not go with it.
var elsewhere = map[string]string{
	"path":     `route: the name`,
	"key":      `nothing can be deleted|is none of the key`,
	"group_by": `does not group by|wants one path in group_by`,
	"requests": `/ wants a number`,
	"rate":     `> between`,
	"n":        `> between`,
	"steps":    `has no path`,
	"events":   `has no path`,
	"k":        `body\.k`,
	"v":        `body\.v|> between|> wants`,
	"points":   `neither a window nor a rule`,
}

func checkPlaces(t *testing.T, written string, line int, err error) {
	t.Helper()
	if err == nil {
		t.Logf("%-40s is taken", written)
		return
	}
	here := 0
	for _, p := range problems(err) {
		t.Logf("%-40s %v | %s", written, p, hint(p))
		if e := checkPlace(t, written, p); e != nil && e.Line == line {
			here++
		}
	}
	key, _, _ := strings.Cut(strings.TrimLeft(written, " -"), ":")
	if other, ok := elsewhere[key]; ok && regexp.MustCompile(other).MatchString(err.Error()) {
		return
	}
	if here == 0 {
		t.Errorf("%s\n\tis on line %d: %v", written, line, err)
	}
}

// checkPlace wants of a problem a place, a caret and what to write instead.
func checkPlace(t *testing.T, written string, p error) (e *engine.Error) {
	t.Helper()
	switch {
	case !errors.As(p, &e) || e.Line == 0 || e.File == "":
		t.Errorf("%s\n\thas no place: %v", written, p)
	case e.Kind != engine.Invalid && e.Kind != engine.NotFound:
		t.Errorf("%s\n\tis %s: %v", written, e.Kind, p)
	case e.Caret() == "":
		t.Errorf("%s\n\thas no caret: %v", written, p)
	case hint(p) == "" && !strings.Contains(p.Error(), "want "):
		t.Errorf("%s\n\tdoes not say what to write instead: %v", written, p)
	}
	return e
}

func hint(err error) string {
	var e *engine.Error
	for errors.As(err, &e) {
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}

// problems lists errors that were joined.
func problems(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, problems(e)...)
	}
	return out
}

var appLogs = engine.Dataset{Name: "app_logs", Body: engine.StructOf(
	engine.Field{Name: "type", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "duration_ms", Type: engine.Scalar(engine.Double)},
)}

func readRule(file string, src []byte) error {
	spec, err := workspace.DecodeRule(file, src)
	if err != nil {
		return err
	}
	_, err = rule.Compile(spec, appLogs)
	return err
}

func readTest(file string, src []byte) error {
	tests, err := workspace.DecodeTests(file, src)
	if err != nil {
		return err
	}
	return (&tester.Report{}).Run(context.Background(), file, tests, surroundings{})
}

func readNotebook(file string, src []byte) error {
	_, problems := notebook.Read(file, src, func(file string, firstLine int, src []byte, out any) error {
		return yamlfile.DecodeAt(file, firstLine-1, src, out)
	})
	return errors.Join(problems...)
}

// surroundings have one rule.
type surroundings struct{}

func (surroundings) RuleSpec(name engine.Text) (rule.Spec, error) {
	if name.Value != "errors" {
		return rule.Spec{}, name.At(0, "there is no rule %s", name.Value).WithHint("tidemark rules list shows the rules there are")
	}
	return workspace.DecodeRule("rules/errors.yaml", []byte("rule: errors\ndataset: app_logs\nwindow: {tumbling: 1m}\nmeasures: {n: count()}\nwhen: n > 3\n"))
}

func (surroundings) Settings(dataset string) workspace.Dataset {
	c := workspace.Default()
	return c.Dataset(dataset)
}

func (surroundings) Mapping(string) (engine.Mapping, error) { return engine.Mapping{}, nil }

func (surroundings) Body(string) engine.Type { return appLogs.Body }
