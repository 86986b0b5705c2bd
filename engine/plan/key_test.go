package plan_test

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine/plan"
)

// TestKeys: values of one type share a key if they are equal, and only then.
func TestKeys(t *testing.T) {
	text := rapid.Map(rapid.StringOfN(rapid.SampledFrom([]rune("a\x00\x02")), 0, 3, -1), plan.Text)
	types := []*rapid.Generator[plan.Value]{
		text,
		rapid.Map(rapid.Bool(), plan.Bool),
		rapid.Map(rapid.Int64Range(-2, 2), plan.Int),
		rapid.Map(rapid.Int64Range(-2, 2), func(n int64) plan.Value {
			return plan.BigInt(new(big.Int).Lsh(big.NewInt(n), 64))
		}),
		rapid.Map(rapid.SampledFrom([]float64{0, -1, 1, 0.5}), plan.Double),
		rapid.Map(rapid.Int64Range(-2, 2), func(us int64) plan.Value { return plan.Time(time.UnixMicro(us)) }),
		rapid.Map(rapid.SliceOfN(text, 0, 2), plan.List),
	}
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom(types), 1, 3).Draw(t, "kinds")
		draw := func(name string) (all []plan.Value, key string) {
			var b []byte
			for _, kind := range kinds {
				v := rapid.OneOf(kind, rapid.Just(plan.Null)).Draw(t, name)
				all, b = append(all, v), v.AppendKey(b)
			}
			return all, string(b)
		}
		x, xKey := draw("x")
		y, yKey := draw("y")
		if same := slices.EqualFunc(x, y, plan.Value.Equal); same != (xKey == yKey) {
			t.Errorf("%v and %v: equal is %v, and their keys are %q and %q", x, y, same, xKey, yKey)
		}
	})
}
