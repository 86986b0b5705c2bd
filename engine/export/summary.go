package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine/plan"
)

// sentence is a rule's summary on its way into a template: what it shows, and
// why the rest of it cannot be shown. A summary never costs the rule.
type sentence struct {
	phrases []Phrase
	// dropped says, by the place of a phrase, why its value is left out.
	dropped map[int]string
}

// newSentence tries which values of a summary the target can tell; try writes
// the measure that a phrase shows, or refuses it.
func newSentence(r *refuser, rule Rule, try func(*plan.Ref)) sentence {
	s := sentence{withConstants(rule.Summary), map[int]string{}}
	for i, p := range s.phrases {
		ref, ok := p.Expr.(*plan.Ref)
		switch {
		case p.Expr == nil, ok && ref.To == plan.KeyRef:
		case !ok || ref.To != plan.MeasureRef:
			s.dropped[i] = "only a measure by itself is shown"
		case !numeric(rule.Plan.Measures[ref.Index].Expr):
			s.dropped[i] = "it is not a number"
		default:
			_, err := r.try(func() []Difference { try(ref); return nil })
			var refusal *Refusal
			if errors.As(err, &refusal) {
				s.dropped[i] = refusal.Why
			}
		}
	}
	return s
}

// withConstants takes a constant of a summary for the text that it is, as in
// {{"{{"}}.
func withConstants(phrases []Phrase) []Phrase {
	phrases = slices.Clone(phrases)
	for i, p := range phrases {
		if l, ok := p.Expr.(*plan.Literal); ok {
			if text, ok := l.Value.Text(); ok {
				phrases[i] = Phrase{Text: text}
			}
		}
	}
	return phrases
}

// reads marks the measures that the sentence shows, with what they are
// computed from.
func (s sentence) reads(p *plan.Plan) []bool {
	var shown []plan.Expr
	for i, phrase := range s.phrases {
		if s.dropped[i] == "" && phrase.Expr != nil {
			shown = append(shown, phrase.Expr)
		}
	}
	return used(p, shown...)
}

// and marks what the sentence reads, and what another expression does.
func (s sentence) and(p *plan.Plan, e plan.Expr) []bool {
	read := used(p, e)
	for i, marked := range s.reads(p) {
		read[i] = read[i] || marked
	}
	return read
}

// template writes the sentence; text writes what stands in it as it is, value
// a measure.
func (s sentence) template(p *plan.Plan, text func(string) string, value func(ref *plan.Ref, percent bool) string) string {
	var b strings.Builder
	for i, phrase := range s.phrases {
		ref, ok := phrase.Expr.(*plan.Ref)
		switch {
		case phrase.Expr == nil:
			b.WriteString(text(phrase.Text))
		case !ok || s.dropped[i] != "":
			b.WriteString("?")
		case ref.To == plan.KeyRef:
			fmt.Fprintf(&b, "{{ $labels.%s }}", promLabel(p.Keys[ref.Index].Path))
		default:
			b.WriteString(value(ref, phrase.Percent))
		}
	}
	return b.String()
}

// remark says in comments what the sentence leaves out.
func (s sentence) remark(indent string) string {
	var b strings.Builder
	for _, d := range s.differences() {
		fmt.Fprintf(&b, "%s# %s\n", indent, oneLine(d.How))
	}
	return b.String()
}

func (s sentence) differences() (list []Difference) {
	for i, p := range s.phrases {
		if why := s.dropped[i]; why != "" {
			list = append(list, Difference{"summary", "the value of " + describe(p.Expr) + " is a ?: " + why})
		}
	}
	return list
}
