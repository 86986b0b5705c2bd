package yamlfile

import (
	"errors"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// maxProblems bounds how much is said about one file.
const maxProblems = 50

// problems collects what is wrong with a file and knows its lines.
type problems struct {
	file   string
	offset int
	lines  []string
	list   []error
}

func newProblems(d Decoder, src []byte) *problems {
	src = src[:min(len(src), MaxSize)]
	return &problems{file: d.File, offset: d.LineOffset, lines: strings.Split(normalise(src), "\n")}
}

// normalise drops a byte order mark and makes every line end a newline, so
// that line numbers are those an editor shows.
func normalise(src []byte) string {
	s := strings.TrimPrefix(string(src), "\ufeff")
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// text places a value at a line and column of the YAML.
func (p *problems) text(value string, line, column int) engine.Text {
	line = max(1, min(line, len(p.lines)))
	return engine.Text{
		Value: value, File: p.file, Line: line + p.offset, Column: max(1, column), Excerpt: p.lines[line-1],
	}
}

func (p *problems) full() bool { return len(p.list) >= maxProblems }

func (p *problems) add(e *engine.Error) {
	if p.full() {
		return
	}
	p.list = append(p.list, e)
}

// addAt reports err as a problem of the given text. An error that already has
// a position keeps it.
func (p *problems) addAt(at engine.Text, err error) {
	var e *engine.Error
	if !errors.As(err, &e) {
		p.add(at.At(0, "%w", err))
		return
	}
	placed := *e
	if placed.Line == 0 {
		placed.File, placed.Line, placed.Column, placed.Excerpt = at.File, at.Line, at.Column, at.Excerpt
	}
	p.add(&placed)
}
