// Package glob says which keys of a listing belong to a source: those that
// match its pattern and are data rather than bookkeeping.
//
// It owns the meaning of a pattern for files and buckets alike, and leaves
// finding the keys to them. Keys and patterns are separated by slashes.
package glob

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// special are the characters that make a pattern more than a name.
const special = `*?[{`

// maxAlternatives bounds the patterns that {lists} multiply into, because
// matching may have to try each.
const maxAlternatives = 1000

// Pattern is a path whose segments may hold *, ?, [class], {this,that} and
// whose ** stands for any number of folders. It takes the keys it matches and
// everything beneath them, so the name of a folder takes the folder. A
// backslash makes the next character a plain one. The empty pattern takes all.
type Pattern struct {
	text   string
	prefix string
	plain  bool
}

// Parse reads a pattern.
func Parse(text string) (Pattern, error) {
	trimmed := strings.TrimRight(text, "/")
	if !utf8.ValidString(text) {
		return Pattern{}, fmt.Errorf("the pattern %q is not UTF-8; write * for the odd characters", text)
	}
	if !doublestar.ValidatePattern(trimmed) {
		return Pattern{}, fmt.Errorf("the pattern %q has an unfinished [class], {list} or \\escape", text)
	}
	if alternatives(trimmed) > maxAlternatives {
		return Pattern{}, fmt.Errorf("the {lists} of the pattern %q stand for more than %d patterns", text, maxAlternatives)
	}
	p := Pattern{text: trimmed}
	p.prefix, p.plain = literal(trimmed)
	if p.plain && trimmed != "" && trimmed != text {
		p.prefix += "/"
	}
	return p, nil
}

// Quote makes a pattern that takes exactly the given name.
func Quote(name string) string {
	var b strings.Builder
	for _, r := range name {
		if strings.ContainsRune(special+`}]\`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// literal is the text up to the first special character, without backslashes,
// and whether that is all of it.
func literal(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case strings.IndexByte(special, text[i]) >= 0:
			return b.String(), false
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), true
}

// alternatives is how many patterns the {lists} of a text stand for, or a
// number above it, capped where it no longer matters.
func alternatives(text string) int {
	total, open := 1, []int{}
	for i := 0; i < len(text) && total <= maxAlternatives; i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '{':
			open = append(open, 1)
		case c == ',' && len(open) > 0:
			open[len(open)-1]++
		case c == '}' && len(open) > 0:
			total *= open[len(open)-1]
			open = open[:len(open)-1]
		}
	}
	return total
}

// Literal reports whether the pattern is a plain name.
func (p Pattern) Literal() bool { return p.plain }

// Prefix is what every key the pattern takes begins with. It may end within a
// segment; for a plain name it is that name, with a slash if it had one.
func (p Pattern) Prefix() string { return p.prefix }

// Dir is the deepest folder that holds everything the pattern takes, with its
// slash, or "".
func (p Pattern) Dir() string { return p.prefix[:strings.LastIndexByte(p.prefix, '/')+1] }

// Takes reports whether the key is data of the source: matched by the pattern
// or beneath a folder it matches, and not bookkeeping.
func (p Pattern) Takes(key string) bool {
	return !strings.HasSuffix(key, "/") && p.matches(key) && !p.hides(key)
}

func (p Pattern) matches(key string) bool {
	if p.text == "" {
		return true
	}
	must := p.prefix
	if p.plain { // a name with a slash is also the name itself
		must = strings.TrimRight(must, "/")
	}
	if !strings.HasPrefix(key, must) { // doublestar lets "b/**" match "b", which a listing of "b/" does not hold
		return false
	}
	return doublestar.MatchUnvalidated(p.text, key) || doublestar.MatchUnvalidated(p.text+"/**", key)
}

// hides reports whether the key is bookkeeping. A name that the pattern begins
// to spell is not: what a user typed is never hidden.
func (p Pattern) hides(key string) bool {
	rest := strings.TrimPrefix(key, p.prefix)
	if p.prefix != "" && !strings.HasSuffix(p.prefix, "/") {
		_, rest, _ = strings.Cut(rest, "/")
	}
	return strings.HasSuffix(key, ".crc") && !strings.HasSuffix(p.text, ".crc") || bookkeeping(rest)
}

// Enters reports whether a folder, written without its slash, may hold keys
// that the pattern takes. It may say yes in vain, never no.
func (p Pattern) Enters(dir string) bool {
	if p.hides(dir) {
		return false
	}
	if strings.ContainsAny(p.text, `{\`) { // their slashes do not separate segments
		return true
	}
	want := strings.Split(p.text, "/")
	for i, segment := range strings.Split(dir, "/") {
		if i == len(want) || want[i] == "**" || !doublestar.ValidatePattern(want[i]) { // a [class] with a slash was split
			return true
		}
		if !doublestar.MatchUnvalidated(want[i], segment) {
			return p.text == ""
		}
	}
	return true
}

// String is the pattern as it was written, without slashes at its end.
func (p Pattern) String() string { return p.text }
