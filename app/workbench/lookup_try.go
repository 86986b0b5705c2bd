package workbench

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine"
)

// LookupTrial is what a record with some key would get.
type LookupTrial struct {
	Values   []LookupValue `json:"values"`
	Dropped  bool          `json:"dropped"`
	Rejected string        `json:"rejected"`
	MS       float64       `json:"ms"`
}

// LookupValue is a value for a path of a record, as JSON; null is none.
type LookupValue struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// TryLookup looks up one key by itself.
func (b *Workbench) TryLookup(ctx context.Context, name string, key []string) (LookupTrial, error) {
	op := "look up " + name
	l, has := b.Current().Config.Lookup(name)
	if !has {
		e := engine.Errorf(engine.NotFound, op, "there is no lookup of that name")
		if near := engine.Nearest(name, b.lookupNames()); near != "" {
			e = e.WithHint("did you mean %s?", near)
		}
		return LookupTrial{}, e
	}
	if len(key) != len(l.Key) {
		return LookupTrial{}, engine.Errorf(engine.Invalid, op, "its key has %d parts, not %d", len(l.Key), len(key))
	}
	x, release, err := b.openLookup(ctx, l)
	if err != nil {
		return LookupTrial{}, err
	}
	defer release()
	started := time.Now()
	answers, err := x.Batch(ctx, [][]string{key})
	if err != nil {
		return LookupTrial{}, err
	}
	a := answers[0]
	out := LookupTrial{Values: []LookupValue{}, Dropped: a.Drop, Rejected: a.Rejected, MS: ms(time.Since(started))}
	for i, t := range l.Take {
		v := LookupValue{t.Key.Value, "null"}
		if i < len(a.Values) && len(a.Values[i]) > 0 {
			v.Value = string(a.Values[i])
		}
		if !a.Drop && a.Rejected == "" {
			out.Values = append(out.Values, v)
		}
	}
	return out, nil
}
