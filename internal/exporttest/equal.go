package exporttest

import (
	"encoding/json"
	"fmt"
	"math"

	"tidemark.dev/tidemark/engine/plan"
)

// Text is a value as Equal compares it.
func Text(v plan.Value) string {
	if v.IsNull() {
		return "nil"
	}
	return v.String()
}

// TextOf is Text of what another engine wrote as JSON.
func TextOf(v any) string {
	if v == nil {
		return "nil"
	}
	return fmt.Sprint(v)
}

// Equal reports whether another engine has the value that we have; the last
// digits of a logarithm are its library's.
func Equal(ours plan.Value, theirs any) bool {
	n, isNumber := theirs.(json.Number)
	if !isNumber {
		return Text(ours) == TextOf(theirs)
	}
	f, ok := ours.Float()
	g, err := n.Float64()
	return ok && err == nil && (f == g || math.Abs(f-g) <= 1e-9*math.Abs(f))
}
