// Package docs reads the project's Markdown for what a test can hold it to:
// the commands it tells people to type, what it says they print, and the
// places it links to. CONTRIBUTING.md states the rules for writers.
package docs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Command is one command of a document.
type Command struct {
	Line int // 1-based, of the document
	Text string
	// Exit is the exit code that the document announces: "# exit 2" at the
	// end of the command.
	Exit int
	// Shown is what the document says it prints; a command of a sh block
	// shows nothing and may print anything.
	Shown   []string
	Compare bool
}

// Document is what a Markdown file promises.
type Document struct {
	Commands []Command
	// NotRun lists the blocks that are only to be read, with their reasons.
	NotRun []string
	// Links are the targets that are no addresses on the web; Headings are
	// the anchors that others may link to.
	Links    []Link
	Headings map[string]bool
}

// Link is a relative link.
type Link struct {
	Line   int
	Target string
}

var (
	notRun = regexp.MustCompile(`^<!-- not run: (.+?) -->\s*$`)
	exits  = regexp.MustCompile(`# exit (\d+)$`)
)

// Parse reads a document.
func Parse(src []byte) (*Document, error) {
	d := &Document{Headings: map[string]bool{}}
	root := goldmark.DefaultParser().Parse(text.NewReader(src))
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.FencedCodeBlock:
			return ast.WalkSkipChildren, d.block(n, src)
		case *ast.Heading:
			d.Headings[anchor(plain(n, src))] = true
		case *ast.Link:
			d.link(n, src)
		}
		return ast.WalkContinue, nil
	})
	return d, err
}

// block takes in a fenced block. Those of other languages promise nothing.
func (d *Document) block(n *ast.FencedCodeBlock, src []byte) error {
	language := string(n.Language(src))
	if language != "sh" && language != "console" || n.Lines().Len() == 0 {
		return nil
	}
	line := lineOf(src, n.Lines().At(0).Start)
	if reason := reasonBefore(n, src); reason != "" {
		d.NotRun = append(d.NotRun, fmt.Sprintf("line %d: %s", line, reason))
		return nil
	}
	var lines []string
	for i := range n.Lines().Len() {
		s := n.Lines().At(i)
		lines = append(lines, strings.TrimRight(string(s.Value(src)), "\n"))
	}
	if language == "sh" {
		d.sh(line, lines)
		return nil
	}
	return d.console(line, lines)
}

// sh takes in commands alone, one a line; a backslash carries on.
func (d *Document) sh(first int, lines []string) {
	carry := false
	for i, l := range lines {
		switch {
		case carry:
			c := &d.Commands[len(d.Commands)-1]
			c.Text += "\n" + l
		case strings.TrimSpace(l) == "" || strings.HasPrefix(l, "#"):
			continue
		default:
			d.command(first+i, l, false)
		}
		carry = strings.HasSuffix(l, `\`)
	}
}

// console takes in commands after "$ ", carried on after "> ", each with what
// it prints.
func (d *Document) console(first int, lines []string) error {
	for i, l := range lines {
		var last *Command
		if i > 0 {
			last = &d.Commands[len(d.Commands)-1]
		}
		if command, ok := strings.CutPrefix(l, "$ "); ok {
			d.command(first+i, command, true)
			continue
		}
		if last == nil {
			return fmt.Errorf("line %d: a console block begins with a command: $ ", first)
		}
		if more, ok := carriedOn(l); ok && len(last.Shown) == 0 {
			last.Text += "\n" + more
			continue
		}
		last.Shown = append(last.Shown, l)
	}
	return nil
}

// carriedOn is a line of a command after its first; an editor may have taken
// the blank of an empty one away.
func carriedOn(l string) (text string, ok bool) {
	if l == ">" {
		return "", true
	}
	return strings.CutPrefix(l, "> ")
}

func (d *Document) command(line int, text string, compare bool) {
	c := Command{Line: line, Text: text, Compare: compare}
	if m := exits.FindStringSubmatch(text); m != nil {
		c.Exit, _ = strconv.Atoi(m[1]) // digits, by the pattern
	}
	d.Commands = append(d.Commands, c)
}

// reasonBefore gives the reason of a not-run comment right before a block.
func reasonBefore(n ast.Node, src []byte) string {
	html, ok := n.PreviousSibling().(*ast.HTMLBlock)
	if !ok || html.Lines().Len() != 1 {
		return ""
	}
	s := html.Lines().At(0)
	m := notRun.FindSubmatch(s.Value(src))
	if m == nil {
		return ""
	}
	return string(m[1])
}

func (d *Document) link(n *ast.Link, src []byte) {
	target := string(n.Destination)
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return
	}
	line := 0
	if t, ok := n.FirstChild().(*ast.Text); ok {
		line = lineOf(src, t.Segment.Start)
	}
	d.Links = append(d.Links, Link{line, target})
}

func lineOf(src []byte, offset int) int { return 1 + strings.Count(string(src[:offset]), "\n") }

// plain is a node's text without its markup.
func plain(n ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(src))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// anchor is how web pages of repositories name a heading.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || r > 127:
			return r
		}
		return -1
	}, strings.ToLower(heading))
}

// Matches compares what a command printed with what the document shows. In a
// shown line, … stands for any text; a line of ... stands for any lines, none
// included. Spaces at the end of lines and empty lines around the whole do not
// count.
func Matches(shown, printed []string) bool {
	return matchLines(trim(shown), trim(printed))
}

func matchLines(shown, printed []string) bool {
	if len(shown) == 0 {
		return len(printed) == 0
	}
	if strings.TrimSpace(shown[0]) == "..." {
		for skip := range len(printed) + 1 {
			if matchLines(shown[1:], printed[skip:]) {
				return true
			}
		}
		return false
	}
	return len(printed) > 0 && matchLine(shown[0], printed[0]) && matchLines(shown[1:], printed[1:])
}

func matchLine(shown, printed string) bool {
	parts := strings.Split(shown, "…")
	if len(parts) == 1 {
		return shown == printed
	}
	rest, ok := strings.CutPrefix(printed, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

func trim(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimRight(l, " \t\r")
	}
	for len(out) > 0 && out[0] == "" {
		out = out[1:]
	}
	for len(out) > 0 && out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}
