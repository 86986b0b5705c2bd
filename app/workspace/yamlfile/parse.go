package yamlfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"tidemark.dev/tidemark/engine"
)

// maxDepth bounds how deep a file may nest; the parser is recursive.
const maxDepth = 100

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	mappingNode
	sequenceNode
	// brokenNode was already complained about; nothing is read from it.
	brokenNode
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a single value", "a mapping", "a list", "a broken value"}[k]
}

// node is one value of the file: aliases are resolved (and shared), tags and
// comments are gone, keys are unique.
type node struct {
	kind nodeKind
	// text is a scalar's value; of the others, the place where they begin.
	text engine.Text
	// plain scalars are not quoted: they may be numbers, true or false.
	plain bool
	pairs []pair
	items []*node
	// within is what places found.
	within map[string]engine.Place
}

type pair struct {
	key   engine.Text
	value *node
}

// parse reads the only document of src. It gives nil after a problem that
// leaves nothing to go on with.
func parse(p *problems, src []byte) *node {
	if len(src) > MaxSize {
		p.add(p.text("", 1, 1).At(0, "the file has %d bytes, more than %d", len(src), MaxSize).
			WithHint("split it into smaller files"))
		return nil
	}
	text := strings.Join(p.lines, "\n")
	if !checkText(p, text) || !checkTokens(p, text) {
		return nil
	}
	file, err := parseText(text)
	if err != nil {
		p.add(syntaxError(p, err))
		return nil
	}
	t := treeBuilder{problems: p, anchors: map[string]*node{}}
	var root *node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			p.add(t.at("", doc.Body.GetToken()).At(0, "a second document begins here").
				WithHint("keep one document a file: remove the --- line or move what follows to its own file"))
			return nil
		}
		root = t.build(doc.Body)
	}
	if root == nil {
		root = &node{text: p.text("", 1, 1)}
	}
	return root
}

// parseText runs the YAML parser; a panic in it is the file's fault, not ours.
func parseText(text string) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, fmt.Errorf("this is not readable as YAML")
		}
	}()
	return parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
}

func checkText(p *problems, text string) bool {
	for i, line := range p.lines {
		for col, r := range []rune(line) {
			switch {
			case r == utf8.RuneError && !utf8.ValidString(line):
				p.add(p.text("", i+1, col+1).At(0, "the file is not UTF-8 text").WithHint("save it as UTF-8"))
				return false
			case r < ' ' && r != '\t':
				p.add(p.text("", i+1, col+1).At(0, "control character %U", r).WithHint("remove it, or write it as \"\\x%02x\"", r))
				return false
			}
		}
		if rest := strings.TrimLeft(line, " \t"); strings.HasPrefix(line, "\t") && rest != "" && rest[0] != '#' {
			p.add(p.text("", i+1, 1).At(0, "a tab is used for indentation").WithHint("indent with spaces"))
			return false
		}
	}
	return true
}

// checkTokens refuses what would make the recursive parser go too deep.
func checkTokens(p *problems, text string) (ok bool) {
	defer func() {
		if recover() != nil {
			p.add(p.text("", 1, 1).At(0, "this is not readable as YAML"))
			ok = false
		}
	}()
	flow, chain := 0, 0
	for _, t := range lexer.Tokenize(text) {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		}
		switch t.Type {
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType, token.MappingValueType:
			chain++
		default:
			chain = 0
		}
		if flow > maxDepth || chain > maxDepth {
			p.add(p.text("", t.Position.Line, t.Position.Column).At(0, "the file nests deeper than %d levels", maxDepth))
			return false
		}
	}
	return true
}

// syntaxError places what the parser says.
func syntaxError(p *problems, err error) *engine.Error {
	var syntax yaml.Error
	if !errors.As(err, &syntax) || syntax.GetToken() == nil || syntax.GetToken().Position == nil {
		return p.text("", 1, 1).At(0, "%w", err)
	}
	pos := syntax.GetToken().Position
	e := p.text("", pos.Line, pos.Column).At(0, "%s", syntax.GetMessage())
	switch {
	case strings.Contains(e.Error(), "mapping value is not allowed"):
		return e.WithHint("put the value in quotes if it contains a colon, and write one key a line")
	case strings.Contains(e.Error(), "value is not allowed"):
		return e.WithHint("begin the keys of one mapping, and the dashes of one list, in the same column")
	case strings.Contains(e.Error(), "reserved character"), strings.Contains(e.Error(), "cannot start any token"):
		return e.WithHint("put the value in quotes")
	case strings.Contains(e.Error(), "not found"), strings.Contains(e.Error(), "could not find end"):
		return e.WithHint("close what is opened here; quote text that contains brackets, braces or commas")
	}
	return e
}
