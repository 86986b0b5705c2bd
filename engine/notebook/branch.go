package notebook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Condition says on which side of a check a cell stands: where the check found
// rows, or where it passed.
type Condition struct {
	Check string
	Fails bool
}

// String is the condition as a notebook writes it.
func (c Condition) String() string {
	if c.Fails {
		return c.Check + " fails"
	}
	return c.Check + " passes"
}

// branchMark is a comment that begins, turns or ends a branch. A comment that
// says anything else is one.
var branchMark = regexp.MustCompile(`^ {0,3}<!--\s*(?:if\s+(\S+)(?:\s+(\S+))?|(else)|(end))\s*-->\s*$`)

// branches follows the marks of a notebook from line to line.
type branches struct {
	open  []Condition
	lines []int // where each began
}

// take reads a line; ok says that it is a mark, which a cell begins at.
func (b *branches) take(n *Notebook, at int, line string) (ok bool, problem error) {
	m := branchMark.FindStringSubmatch(line)
	switch {
	case m == nil:
		return false, nil
	case m[3] == "" && m[4] == "":
		return true, b.begin(n, at, m[1], m[2])
	case len(b.open) == 0:
		return false, nil // somebody's own comment
	case m[4] != "":
		b.open, b.lines = b.open[:len(b.open)-1], b.lines[:len(b.lines)-1]
	default:
		last := len(b.open) - 1
		b.open = slices.Clone(b.open)
		b.open[last].Fails = !b.open[last].Fails
	}
	return true, nil
}

func (b *branches) begin(n *Notebook, at int, name, side string) error {
	b.open, b.lines = append(slices.Clone(b.open), Condition{name, side != "passes"}), append(b.lines, at)
	if side != "fails" && side != "passes" {
		return n.fail(at, 1, fmt.Sprintf("the branch does not say on which side of %s it is", name), "write <!-- if "+name+" fails --> or <!-- if "+name+" passes -->")
	}
	var names []string
	for _, c := range n.Cells {
		if c.Kind != Check || c.Name == "" {
			continue
		}
		if strings.EqualFold(c.Name, name) {
			return nil
		}
		names = append(names, c.Name)
	}
	hint := "give a check cell above it that name: ```check " + name
	if near := engine.Nearest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return n.fail(at, 1, "there is no check "+name+" above this branch", hint)
}

// end says what was left open.
func (b *branches) end(n *Notebook) error {
	if len(b.open) == 0 {
		return nil
	}
	last := len(b.open) - 1
	return n.fail(b.lines[last], 1, fmt.Sprintf("the branch %s has no end", b.open[last]), "write <!-- end --> where it ends")
}

// chooses reports whether a branch of the notebook asks what a check found.
func (n *Notebook) chooses(check Cell) bool {
	return check.Name != "" && slices.ContainsFunc(n.Cells, func(c Cell) bool {
		return slices.ContainsFunc(c.Given, func(g Condition) bool { return strings.EqualFold(g.Check, check.Name) })
	})
}

// leftOut says why a cell does not run: a check went the other way, or did not
// run itself.
func (r *runner) leftOut(c Cell) string {
	for _, g := range c.Given {
		failed, ran := r.failed[strings.ToLower(g.Check)]
		switch {
		case !ran:
			return "the check " + g.Check + " was left out"
		case failed != g.Fails:
			return "the check " + Condition{g.Check, failed}.past()
		}
	}
	return ""
}

func (c Condition) past() string {
	if c.Fails {
		return c.Check + " failed"
	}
	return c.Check + " passed"
}

func joinedConditions(list []Condition) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, " and ")
}

// unmarked is the text of a Markdown cell without the mark that it begins with.
func unmarked(src string) string {
	first, rest, _ := strings.Cut(src, "\n")
	if branchMark.MatchString(first) {
		src = rest
	}
	return strings.Trim(src, "\n")
}
