package plugins

import (
	"strings"
	"unicode"
)

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// maxSaid bounds a text of a plugin's in a message.
const maxSaid = 500

// clean makes a text of a plugin's fit to show: valid, short and without
// control characters, which a terminal would obey.
func clean(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxSaid)], "?")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
