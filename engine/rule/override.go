package rule

import (
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// overridable lists the keys that With understands, besides measures.NAME.
var overridable = []string{
	"where", "when", "recover_when", "group_by", "window", "window.tumbling", "window.hopping.size", "window.hopping.every",
	"window.cumulate.size", "window.cumulate.step", "window.session.gap", "window.offset", "window.time_zone", "alarm.datapoints", "alarm.of",
	"alarm.missing", "datapoints", "of", "missing", "forget", "severity", "summary",
}

// With is the rule with some of its keys changed and compiled again: a key is
// named by its path in the file ("alarm.datapoints", "window.tumbling",
// "measures.p95", "when"); "datapoints", "of", "missing" and "window" are
// short for the obvious ones.
func (r *Rule) With(set map[string]string) (*Rule, error) {
	if len(set) == 0 {
		return r, nil
	}
	spec := r.Spec
	if spec.Window != nil {
		w := *spec.Window
		spec.Window = &w
	}
	alarm := Alarm{}
	if spec.Alarm != nil {
		alarm = *spec.Alarm
	}
	spec.Alarm = &alarm
	spec.Measures = slices.Clone(spec.Measures)
	keys := make([]string, 0, len(set))
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := spec.set(key, engine.Text{Value: set[key], File: "--set " + key}); err != nil {
			return nil, err
		}
	}
	return Compile(spec, r.dataset)
}

func (s *Spec) set(key string, t engine.Text) error {
	if name, ok := strings.CutPrefix(key, "measures."); ok {
		return s.setMeasure(name, t)
	}
	if key == "window" || strings.HasPrefix(key, "window.") {
		return s.setWindow(key, t)
	}
	switch key {
	case "where":
		s.Where = t
	case "when":
		s.When = t
	case "recover_when":
		s.RecoverWhen = t
	case "group_by":
		s.GroupBy = nil
		for path := range strings.SplitSeq(t.Value, ",") {
			if path = strings.TrimSpace(path); path != "" {
				s.GroupBy = append(s.GroupBy, GroupKey{Path: engine.Text{Value: path, File: t.File}})
			}
		}
	case "alarm.datapoints", "datapoints":
		return scalar(&s.Alarm.Datapoints, t)
	case "alarm.of", "of":
		return scalar(&s.Alarm.Of, t)
	case "alarm.missing", "missing":
		s.Alarm.Missing = t
	case "forget":
		s.Forget = &Duration{}
		return scalar(s.Forget, t)
	case "severity":
		s.Severity = t
	case "summary":
		s.Summary = t
	default:
		return unknownKey(key, append(s.measureKeys(), overridable...))
	}
	return nil
}

// setWindow changes the window; naming a kind makes it one of that kind.
func (s *Spec) setWindow(key string, t engine.Text) error {
	w := Window{}
	if s.Window != nil {
		w = *s.Window
	}
	kinds := Window{Offset: w.Offset, TimeZone: w.TimeZone}
	into := &Duration{}
	switch key {
	case "window", "window.tumbling":
		w = kinds
		w.Tumbling = into
	case "window.offset":
		w.Offset = into
	case "window.time_zone":
		w.TimeZone = t
		s.Window = &w
		return nil
	case "window.session.gap":
		w = kinds
		w.Session = &Session{}
		into = &w.Session.Gap
	case "window.hopping.size", "window.hopping.every":
		hopping := Hopping{}
		if w.Hopping != nil {
			hopping = *w.Hopping
		}
		w = kinds
		w.Hopping, into = &hopping, &hopping.Size
		if key == "window.hopping.every" {
			into = &hopping.Every
		}
	case "window.cumulate.size", "window.cumulate.step":
		cumulate := Cumulate{}
		if w.Cumulate != nil {
			cumulate = *w.Cumulate
		}
		w = kinds
		w.Cumulate, into = &cumulate, &cumulate.Size
		if key == "window.cumulate.step" {
			into = &cumulate.Step
		}
	default:
		return unknownKey(key, append(s.measureKeys(), overridable...))
	}
	s.Window = &w
	return scalar(into, t)
}

func scalar(into engine.ScalarForm, t engine.Text) error { return place(t, into.SetScalar(t)) }

func (s *Spec) measureKeys() []string {
	var keys []string
	for _, m := range s.Measures {
		keys = append(keys, "measures."+m.Key.Value)
	}
	return keys
}

func (s *Spec) setMeasure(name string, t engine.Text) error {
	for i := range s.Measures {
		if s.Measures[i].Key.Value == name {
			s.Measures[i].Value = t
			return nil
		}
	}
	return unknownKey("measures."+name, s.measureKeys())
}

func unknownKey(key string, among []string) error {
	e := engine.Errorf(engine.Invalid, "set "+key, "there is no such key to set")
	if near := engine.Nearest(key, among); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	return e.WithHint("the keys are %s", join(among))
}
