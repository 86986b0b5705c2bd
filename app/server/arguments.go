package server

import (
	"database/sql"
	"math"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// maxExact is the largest whole number that JSON readers keep exactly.
const maxExact = 1 << 53

// arguments are the values of $names. A whole number is bound as one.
func arguments(params map[string]any) ([]any, error) {
	var out []any
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		v := params[name]
		switch x := v.(type) {
		case nil, string, bool, int64, time.Time:
		case float64:
			if x == math.Trunc(x) && math.Abs(x) <= maxExact {
				v = int64(x)
			}
		default:
			return nil, engine.Errorf(engine.Invalid, "query", "the value of $%s is neither text, number, boolean nor null", name)
		}
		out = append(out, sql.Named(name, v))
	}
	return out, nil
}
