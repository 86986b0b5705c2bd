package export

import (
	"slices"

	"tidemark.dev/tidemark/engine/plan"
)

// Scraped is what Prometheus would scrape for a rule: which records count,
// under which labels, and which fields are observed.
type Scraped struct {
	Counter string
	Labels  []ScrapedLabel
	Fields  []ScrapedField
}

// ScrapedLabel is a label and where records have its value.
type ScrapedLabel struct {
	Name   string
	Column *plan.Column
}

// ScrapedField is a histogram and the field that it observes.
type ScrapedField struct {
	Metric string
	Column plan.Expr
	// Bounds are the upper ends of its buckets, ascending, without infinity.
	Bounds []float64
}

// ScrapedFor tells what the exported copy of a rule reads.
func ScrapedFor(rule Rule) (s Scraped, err error) {
	r := &refuser{rule: rule.Name, target: "prometheus"}
	_, err = r.try(func() []Difference {
		w := newPromRule(r, rule)
		s.Counter = w.counter()
		for _, k := range rule.Plan.Keys {
			s.label(k.Column.(*plan.Column))
		}
		s.labels(w.where)
		for _, a := range aggregatesOf(rule.Plan, w.read) {
			switch a.Func {
			case plan.Count:
				s.labels(alternatives(r, a.Arg, true))
			case plan.Sum, plan.Avg, plan.Quantile:
				s.field(w.histogram(a), a.Arg, thresholds(rule.Plan.When))
			}
		}
		return nil
	})
	return s, err
}

func (s *Scraped) labels(all []conjunction) {
	for _, c := range all {
		for _, a := range c {
			s.label(a.field)
		}
	}
}

func (s *Scraped) label(c *plan.Column) {
	name := promLabel(c.Path)
	if !slices.ContainsFunc(s.Labels, func(l ScrapedLabel) bool { return l.Name == name }) {
		s.Labels = append(s.Labels, ScrapedLabel{name, c})
	}
}

func (s *Scraped) field(metric string, column plan.Expr, bounds []float64) {
	if !slices.ContainsFunc(s.Fields, func(f ScrapedField) bool { return f.Metric == metric }) {
		s.Fields = append(s.Fields, ScrapedField{metric, stripped(column), bounds})
	}
}

// thresholds are the buckets that PARITY.md asks for: three a decade, and the
// numbers that when compares with.
func thresholds(when plan.Expr) []float64 {
	var bounds []float64
	for decade := 0.001; decade < 1e7; decade *= 10 {
		bounds = append(bounds, decade, 2.5*decade, 5*decade)
	}
	plan.Walk(when, func(e plan.Expr) {
		if l, ok := e.(*plan.Literal); ok {
			if f, number := l.Value.Float(); number {
				bounds = append(bounds, f)
			}
		}
	})
	slices.Sort(bounds)
	return slices.Compact(bounds)
}
