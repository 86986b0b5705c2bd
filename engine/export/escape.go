package export

import (
	"strconv"
	"strings"
	"unicode"
)

// The texts of a rule end up in languages that read more into some of them
// than was meant: templates, variables of an environment, escapes. What is
// here makes a text mean itself.

// yamlQuoted is text in YAML: between single quotes, in which nothing else is
// escaped, unless there is something that cannot stand there.
func yamlQuoted(s string) string {
	if strings.ContainsFunc(s, unseen) {
		return strconv.Quote(s)
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// yamlPlain is text in YAML without quotes, if it can do without.
func yamlPlain(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_./${}", r)
	})
	if !plain || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "}") || !strings.ContainsFunc(s, unicode.IsLetter) {
		return strconv.Quote(s)
	}
	return s
}

// templateText is text in a template of Go, in which two braces begin an
// action. A brace at the end would make one with what follows.
func templateText(s string) string {
	s = strings.ReplaceAll(s, "{{", `{{ "{{" }}`)
	if head, found := strings.CutSuffix(s, "{"); found {
		return head + `{{ "{" }}`
	}
	return s
}

// promText is a constant of PromQL, whose reader takes U+FFFD for a fault.
func promText(s string) string {
	return strings.ReplaceAll(strconv.Quote(s), "\uFFFD", `\ufffd`)
}

// oneLine is text for a comment or a description: on one line, with escapes
// for what is not seen.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(s), " ") {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// atMost cuts text for people that is longer than a system takes, and shows
// that it did.
func atMost(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	const more = "…"
	s = s[:bytes-len(more)]
	return strings.ToValidUTF8(s, "") + more
}

// resolve is how CloudFormation is asked to fetch a value, in any text of a
// template; there is no way to write it as text.
const resolve = "{{resolve:"

// described is what a resource of a template says of itself: the condition,
// more about it, and which rule it is of.
func described(r Rule, more string, limit int) string {
	rest := more + ". Tidemark rule " + r.Name + ", version " + r.Hash + "."
	if len(rest) > limit/2 {
		rest = more + ". Tidemark version " + r.Hash + "."
	}
	return atMost(strings.ReplaceAll(oneLine(r.When), resolve, "{{ resolve:"), limit-len(rest)) + rest
}
