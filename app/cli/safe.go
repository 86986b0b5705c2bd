package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safeText shows text from elsewhere without letting it steer the terminal:
// control and direction characters are written out. Line ends stay.
func safeText(s string) string { return escape(s, "\n\t") }

// safeCell is safeText for one cell of a table: it stays on its line.
func safeCell(s string) string { return escape(s, "") }

// safeExcerpt keeps the number of characters, so that a caret still points at
// the right one.
func safeExcerpt(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && steers(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func escape(s, keep string) string {
	clean := utf8.ValidString(s) && strings.IndexFunc(s, steers) < 0
	if clean {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !steers(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// steers reports whether a terminal does something with the character other
// than show it.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
