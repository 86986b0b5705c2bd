package export

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// plainMember is a member of an object that a selector can name.
var plainMember = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// selector is where a record of the log group holds a path.
func (w *cwRule) selector(p engine.Path) string {
	members := w.Source.raw(w.refuser, p)[0]
	for _, m := range members {
		if !plainMember.MatchString(m) {
			w.no(p.String(), "a selector names members of letters, digits, - and _", "rename the field in a transform plugin")
		}
	}
	return "$." + strings.Join(members, ".")
}

// pattern writes a condition in the grammar of filter patterns.
func (w *cwRule) pattern(all []conjunction) string {
	if len(all) == 0 {
		w.no("a condition that no record fulfils", "there is nothing to count", "take the measure out of the rule")
	}
	parts := make([]string, len(all))
	for i, c := range all {
		if parts[i] = w.all(c); parts[i] == "" {
			return "" // every line
		}
	}
	s := parts[0]
	if len(parts) > 1 {
		s = "(" + strings.Join(parts, ") || (") + ")"
	}
	s = "{ " + s + " }"
	if len(s) > maxPattern {
		w.no("where with its conditions", fmt.Sprintf("as a filter pattern it has %d characters, and %d are allowed", len(s), maxPattern), "shorten the condition, or compute a field in a transform plugin")
	}
	return s
}

func (w *cwRule) all(c conjunction) string {
	if len(c) == 1 {
		return w.test(c[0])
	}
	parts := make([]string, len(c))
	for i, a := range c {
		parts[i] = "(" + w.test(a) + ")"
	}
	return strings.Join(parts, " && ")
}

// absent is a field that is null or not there; CloudWatch tells them apart.
func absent(s string) string { return "(" + s + " NOT EXISTS) || (" + s + " IS NULL)" }

var cwOperators = map[relation]string{isLess: "<", isAtMost: "<=", isGreater: ">", isAtLeast: ">="}

// test is an atom. A comparison does not hold for a field that is not there,
// so where nil differs from a constant that is said.
func (w *cwRule) test(a atom) string {
	s := w.selector(a.field.Path)
	switch a.rel {
	case isNull:
		if !a.not {
			return absent(s)
		}
		return w.present(a, s)
	case isEqual:
		if a.not {
			return w.different(a, s, a.values[0]) + " || " + absent(s)
		}
		return w.equals(a, s, a.values[0])
	case isOneOf:
		parts := make([]string, len(a.values))
		for i, v := range a.values {
			if parts[i] = "(" + w.equals(a, s, v) + ")"; a.not {
				parts[i] = "(" + w.different(a, s, v) + ")"
			}
		}
		if a.not {
			return "(" + strings.Join(parts, " && ") + ") || " + absent(s)
		}
		return strings.Join(parts, " || ")
	case isLess, isAtMost, isGreater, isAtLeast:
		f, number := a.values[0].Float()
		if !number {
			w.no(describe(a.source), "filter patterns order numbers only", "compare a number")
		}
		return s + " " + cwOperators[a.rel] + " " + strconv.FormatFloat(f, 'f', -1, 64)
	}
	return w.like(a, s)
}

func (w *cwRule) present(a atom, s string) string {
	switch a.field.Type() {
	case engine.Varchar:
		return s + ` = "*"`
	case engine.BigInt, engine.HugeInt, engine.Double:
		return "(" + s + " >= 0) || (" + s + " < 0)"
	case engine.Bool:
		return "(" + s + " IS TRUE) || (" + s + " IS FALSE)"
	}
	w.no(describe(a.source), "filter patterns can say that a field is absent, not that it is there", "compare the field with a value")
	return ""
}

func (w *cwRule) equals(a atom, s string, v plan.Value) string {
	if b := v; b.Equal(plan.Bool(true)) || b.Equal(plan.Bool(false)) {
		return s + " IS " + strings.ToUpper(b.String())
	}
	return s + " = " + w.constant(a, v)
}

// different is a value that is there and another one.
func (w *cwRule) different(a atom, s string, v plan.Value) string {
	switch {
	case v.Equal(plan.Bool(true)):
		return "(" + s + " IS FALSE)"
	case v.Equal(plan.Bool(false)):
		return "(" + s + " IS TRUE)"
	}
	return "(" + s + " != " + w.constant(a, v) + ")"
}

func (w *cwRule) constant(a atom, v plan.Value) string {
	if f, ok := v.Float(); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	text, ok := v.Text()
	if !ok {
		w.no(describe(a.source), "filter patterns compare text and numbers", "compare text or a number")
	}
	return w.quoted(a, text)
}

func (w *cwRule) quoted(a atom, text string) string {
	if w.target == "cloudformation" && strings.Contains(text, resolve) {
		w.no(describe(a.source), "CloudFormation fetches a value for "+resolve+" wherever it stands", "export to terraform")
	}
	if w.target == "terraform" && !norm.NFC.IsNormalString(text) {
		w.no(describe(a.source), "Terraform puts letters and their accents together in all text", "export to cloudformation")
	}
	if strings.ContainsAny(text, "*\"\\") || strings.ContainsFunc(text, unicode.IsControl) {
		w.no(describe(a.source), `in a filter pattern * stands for any text, and quotes and control characters cannot be written`, "compare another field")
	}
	return `"` + text + `"`
}

// like is a test of text, with * for any text.
func (w *cwRule) like(a atom, s string) string {
	if a.rel == matches {
		w.no(describe(a.source), "filter patterns know only a part of regular expressions", "use contains, startsWith or endsWith, or a field that a transform plugin sets")
	}
	text, _ := a.values[0].Text()
	pattern := strings.Trim(w.quoted(a, text), `"`)
	if a.rel == contains || a.rel == endsWith {
		pattern = "*" + pattern
	}
	if a.rel == contains || a.rel == startsWith {
		pattern += "*"
	}
	if a.not {
		return s + ` != "` + pattern + `"`
	}
	return s + ` = "` + pattern + `"`
}
