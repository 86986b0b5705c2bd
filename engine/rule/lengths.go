package rule

import (
	"strings"
	"time"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// lengths are the durations in an expression, by the character they begin at.
type lengths map[int]time.Duration

// maskLengths puts names of the same length where an expression has durations
// such as 28d, which its grammar does not know, and tells where they stood.
func maskLengths(s string) (string, lengths) {
	var found lengths
	var b strings.Builder
	for i := 0; i < len(s); {
		n := skipped(s[i:])
		if n == 0 {
			n = wordLength(s[i:])
		}
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s[i:])
			b.WriteString(s[i : i+n])
			i += n
			continue
		}
		word := s[i : i+n]
		if d, err := engine.ParseDuration(word); err == nil && '0' <= word[0] && word[0] <= '9' {
			if found == nil {
				found = lengths{}
			}
			found[utf8.RuneCountInString(s[:i])] = d
			word = "D" + strings.Repeat("_", n-1)
		}
		b.WriteString(word)
		i += n
	}
	return b.String(), found
}

// skipped is how long the text or comment is that s begins with.
func skipped(s string) int {
	for _, c := range []struct{ open, end string }{{"//", "\n"}, {"/*", "*/"}} {
		if strings.HasPrefix(s, c.open) {
			if i := strings.Index(s[len(c.open):], c.end); i >= 0 {
				return len(c.open) + i + len(c.end)
			}
			return len(s)
		}
	}
	if s[0] != '"' && s[0] != '\'' && s[0] != '`' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] != '`':
			i++
		case s[i] == s[0]:
			return i + 1
		}
	}
	return len(s)
}

// wordLength is how long the name or number is that s begins with.
func wordLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] == '.' && n > 0 || s[n] >= utf8.RuneSelf || '0' <= s[n] && s[n] <= '9' || 'a' <= s[n]|0x20 && s[n]|0x20 <= 'z') {
		n++
	}
	return n
}
