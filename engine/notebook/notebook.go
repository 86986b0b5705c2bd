// Package notebook reads and runs notebooks: Markdown with SQL, chart, rule
// and check cells. It owns the file's form, how cells refer to each other and
// to parameters, and how results are written out. What SQL may do, and where
// rows come from, is the host's business.
package notebook

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// DecodeYAML reads YAML that begins on a line of a file, and refuses unknown
// keys with their place.
type DecodeYAML func(file string, firstLine int, src []byte, out any) error

// Notebook is a notebook as it stands in its file.
type Notebook struct {
	File   string
	Title  string
	Params []Param
	// Time is the range that $from and $to span: "6h", "6h as of now", or two
	// times with a slash between.
	Time  string
	Cells []Cell

	lines []string // of the file
	front engine.At
}

// Param is a parameter: bound in SQL as $name, never pasted.
type Param struct {
	Name    string
	Type    string // text, number, integer, boolean, time or date
	Default any
	Options any // SQL, or a list
	Label   string
}

// Kind is what a cell is.
type Kind string

// The kinds of cells.
const (
	Markdown  Kind = "markdown"
	SQL       Kind = "sql"
	ChartKind Kind = "chart"
	Rule      Kind = "rule"
	Check     Kind = "check"
)

// Cell is one cell. Line is the line of the file that Text begins on, from 1.
type Cell struct {
	Kind  Kind
	Name  string
	Line  int
	Text  string
	Chart *Chart
	// Given are the branches that it stands in, from the outside in.
	Given []Condition
}

type frontMatter struct {
	At     engine.At
	Title  string                    `yaml:"title"`
	Params engine.Entries[paramYAML] `yaml:"params"`
	Time   string                    `yaml:"time"`
}

type paramYAML struct {
	Type    string `yaml:"type"`
	Default any    `yaml:"default"`
	Options any    `yaml:"options"`
	Label   string `yaml:"label"`
}

var paramTypes = []string{"text", "number", "integer", "boolean", "time", "date"}

var cellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// reservedParams are bound by the notebook itself.
var reservedParams = []string{"from", "to"}

// Parse reads a notebook, and fails at the first problem.
func Parse(file string, src []byte, decode DecodeYAML) (*Notebook, error) {
	n, problems := Read(file, src, decode)
	if len(problems) > 0 {
		return nil, problems[0]
	}
	return n, nil
}

// Read reads a notebook as far as it can be read, for an editor, and lists
// what is wrong with it.
func Read(file string, src []byte, decode DecodeYAML) (*Notebook, []error) {
	lines := strings.Split(string(bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))), "\n")
	n := &Notebook{File: file, lines: lines}
	at := 0
	var problems []error
	if len(lines) > 0 && strings.TrimSpace(lines[0]) == "---" {
		end := slices.IndexFunc(lines[1:], func(l string) bool { return strings.TrimSpace(l) == "---" })
		if end < 0 {
			return n, []error{n.fail(1, 1, "the front matter is not closed", "write --- on a line of its own after it")}
		}
		if err := n.readFront(strings.Join(lines[1:end+1], "\n"), decode); err != nil {
			problems = append(problems, err)
		}
		at = end + 2
	}
	problems = append(problems, n.cells(lines, at, decode)...)
	if err := n.checkNames(); err != nil {
		problems = append(problems, err)
	}
	return n, problems
}

func (n *Notebook) fail(line, column int, message, hint string) error {
	e := engine.Errorf(engine.Invalid, "", "%s", message)
	e.File, e.Line, e.Column, e.Hint = n.File, line, column, hint
	if line <= len(n.lines) {
		e.Excerpt = n.lines[line-1]
	}
	return e
}

func (n *Notebook) readFront(text string, decode DecodeYAML) error {
	var f frontMatter
	if strings.TrimSpace(text) != "" {
		if err := decode(n.File, 2, []byte(text), &f); err != nil {
			return err
		}
	}
	n.Title, n.Time, n.front = f.Title, f.Time, f.At
	for _, p := range f.Params {
		v := p.Value
		if v.Type == "" {
			v.Type = "text"
		}
		switch {
		case !slices.Contains(paramTypes, v.Type):
			e := f.At.Within("params").Within(p.Key.Value).Value("type").At(0, "the parameter %s has the type %s", p.Key.Value, v.Type)
			if near := engine.Nearest(v.Type, paramTypes); near != "" {
				return e.WithHint("did you mean %s?", near)
			}
			return e.WithHint("the types are %s", strings.Join(paramTypes, ", "))
		case !cellName.MatchString(p.Key.Value) || slices.Contains(reservedParams, p.Key.Value):
			return p.Key.At(0, "%s cannot be the name of a parameter", p.Key.Value).WithHint("use letters, digits and underscores; from and to are the notebook's time")
		}
		n.Params = append(n.Params, Param{Name: p.Key.Value, Type: v.Type, Default: v.Default, Options: v.Options, Label: v.Label})
	}
	return nil
}

// cells cuts the body into cells at its fences.
func (n *Notebook) cells(lines []string, at int, decode DecodeYAML) (problems []error) {
	start := at
	var in branches
	flush := func(end int, given []Condition) {
		if text := strings.Join(lines[start:end], "\n"); strings.TrimSpace(text) != "" {
			n.Cells = append(n.Cells, Cell{Kind: Markdown, Line: start + 1, Text: text, Given: given})
		}
	}
	for i := at; i < len(lines); i++ {
		if comment(lines[i]) {
			before := in.open
			if mark, problem := in.take(n, i+1, lines[i]); mark {
				flush(i, before)
				start = i
				if problem != nil {
					problems = append(problems, problem)
				}
			}
			for i < len(lines) && !strings.Contains(lines[i], "-->") {
				i++
			}
			continue
		}
		fence, info, ok := opening(lines[i])
		if !ok {
			continue
		}
		end := i + 1
		for end < len(lines) && !closing(lines[end], fence) {
			end++
		}
		kind, name, _ := strings.Cut(strings.TrimSpace(info), " ")
		name = strings.TrimSpace(name)
		switch k := Kind(kind); k {
		case SQL, ChartKind, Rule, Check:
			if end == len(lines) {
				problems = append(problems, n.fail(i+1, 1, "the "+kind+" cell is not closed", "write "+fence+" on a line of its own after it"))
			}
			flush(i, in.open)
			c := Cell{Kind: k, Name: name, Line: i + 2, Text: strings.Join(lines[i+1:end], "\n"), Given: in.open}
			if k == ChartKind {
				var problem error
				if c.Chart, problem = n.chart(c, decode); problem != nil {
					problems = append(problems, problem)
				}
			}
			n.Cells = append(n.Cells, c)
			start = end + 1
		}
		i = end
	}
	if start < len(lines) {
		flush(len(lines), in.open)
	}
	if problem := in.end(n); problem != nil {
		problems = append(problems, problem)
	}
	return problems
}

// chart reads what a chart cell says; nil where that is wrong.
func (n *Notebook) chart(c Cell, decode DecodeYAML) (*Chart, error) {
	chart := &Chart{}
	if err := decode(n.File, c.Line, []byte(c.Text), chart); err != nil {
		return nil, err
	}
	if err := chart.validate(); err != nil {
		return nil, err
	}
	return chart, nil
}

// comment reports whether a line begins an HTML comment, in which nothing is
// a cell.
func comment(line string) bool {
	trimmed := strings.TrimLeft(line, " ")
	return len(line)-len(trimmed) <= 3 && strings.HasPrefix(trimmed, "<!--")
}

// opening reads the line that opens a fenced block: at least three backticks
// or tildes.
func opening(line string) (fence, info string, ok bool) {
	trimmed := strings.TrimLeft(line, " ")
	if len(line)-len(trimmed) > 3 || !strings.HasPrefix(trimmed, "```") && !strings.HasPrefix(trimmed, "~~~") {
		return "", "", false
	}
	n := len(trimmed) - len(strings.TrimLeft(trimmed, trimmed[:1]))
	info = trimmed[n:]
	return trimmed[:n], info, trimmed[0] == '~' || !strings.Contains(info, "`")
}

func closing(line, fence string) bool {
	t := strings.TrimSpace(line)
	return len(t) >= len(fence) && strings.Trim(t, fence[:1]) == ""
}

func (n *Notebook) checkNames() error {
	seen := map[string]int{}
	for _, c := range n.Cells {
		if c.Name == "" {
			continue
		}
		if !cellName.MatchString(c.Name) {
			return n.fail(c.Line-1, 1, fmt.Sprintf("%q cannot be the name of a cell", c.Name), "use letters, digits and underscores")
		}
		if other, twice := seen[strings.ToLower(c.Name)]; twice {
			return n.fail(c.Line-1, 1, fmt.Sprintf("the cell %s stands on line %d already", c.Name, other), "give one of them another name")
		}
		seen[strings.ToLower(c.Name)] = c.Line - 1
	}
	for _, c := range n.Cells {
		if c.Chart == nil {
			continue
		}
		if _, ok := seen[strings.ToLower(c.Chart.Data)]; !ok {
			var names []string
			for _, other := range n.Cells {
				if other.Kind == SQL && other.Name != "" {
					names = append(names, other.Name)
				}
			}
			hint := "give a sql cell that name"
			if near := engine.Nearest(c.Chart.Data, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			return c.Chart.At.Value("data").At(0, "there is no cell %s to draw", c.Chart.Data).WithHint("%s", hint)
		}
	}
	return nil
}
