package plan

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

func TestWindowHoldsItsInstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := time.Duration(rapid.Int64Range(1000, 1e15).Draw(t, "size")).Truncate(time.Microsecond)
		w := Window{Size: size, Offset: (size / 3).Truncate(time.Microsecond)}
		at := time.UnixMicro(rapid.Int64Range(-1e16, 1e16).Draw(t, "at"))
		i := w.Index(at)
		if at.Before(w.Start(i)) || !at.Before(w.End(i)) {
			t.Fatalf("%v is not in window %d, [%v, %v)", at, i, w.Start(i), w.End(i))
		}
	})
}

// A rank is ceil(q*n) of the fraction as written, not of the double nearest
// to it.
func TestRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.Int64Range(0, 1e9).Draw(t, "q")
		n := rapid.Int64Range(1, 1e15).Draw(t, "n")
		f, ok := NewFraction(float64(digits) / 1e9)
		if !ok {
			t.Fatalf("%d/1e9 is refused", digits)
		}
		exact := new(big.Int).Mul(big.NewInt(digits), big.NewInt(n))
		exact.Add(exact, big.NewInt(1e9-1)).Div(exact, big.NewInt(1e9))
		if got := f.rank(n); got != max(1, exact.Int64()) {
			t.Fatalf("rank %s of %d is %d, want %v", f, n, got, exact)
		}
	})
	for _, q := range []float64{-0.1, 1.1, math.NaN(), 0.12345678901} {
		if _, ok := NewFraction(q); ok {
			t.Errorf("%v is taken", q)
		}
	}
}

// A quantile is within 1 % of the exact value at its rank.
func TestQuantileError(t *testing.T) {
	x, err := NewColumn(engine.Path{"x"}, engine.Scalar(engine.Double))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Float64Range(-10, 1000), rapid.Float64Range(1e308, math.MaxFloat64)), 1, 200).Draw(t, "values")
		at, _ := NewFraction(float64(rapid.IntRange(0, 100).Draw(t, "percent")) / 100)
		a := &Aggregate{Func: Quantile, Arg: x, At: at, kind: engine.Double}
		acc := a.NewAccumulator([]engine.Path{{"x"}})()
		for _, v := range values {
			acc.Add(&Env{Columns: []Value{Double(v)}})
		}
		slices.Sort(values)
		exact := values[at.rank(int64(len(values)))-1]
		v, _ := a.Finish(acc.Parts())
		if got, _ := v.Float(); math.Abs(got-exact) > Accuracy*math.Abs(exact)*(1+1e-9) && math.Abs(exact) >= smallest {
			t.Fatalf("%s of %v is %v, exactly %v", at, values, got, exact)
		}
	})
}

func TestIntegersNeverWrap(t *testing.T) {
	edges := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, -1, 0, 1, 1 << 32, -1 << 32}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := edges.Draw(t, "a"), edges.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		for op, c := range map[string]struct {
			got  Value
			want *big.Int
		}{
			"+": {addInt(a, b), new(big.Int).Add(x, y)},
			"-": {subInt(a, b), new(big.Int).Sub(x, y)},
			"*": {mulInt(a, b), new(big.Int).Mul(x, y)},
		} {
			want := Null
			if c.want.IsInt64() {
				want = Int(c.want.Int64())
			}
			if !c.got.Equal(want) {
				t.Fatalf("%d %s %d is %v, want %v", a, op, b, c.got, want)
			}
		}
	})
}

func TestValueJSON(t *testing.T) {
	huge, _ := new(big.Int).SetString("170141183460469231731687303715884105727", 10)
	for _, c := range []struct {
		v    Value
		want string
	}{
		{Null, `null`},
		{Bool(true), `true`},
		{Int(-5), `-5`},
		{Int(1 << 53), `9007199254740992`},
		{Int(1<<53 + 1), `"9007199254740993"`},
		{BigInt(huge), `"170141183460469231731687303715884105727"`},
		{BigInt(new(big.Int).Add(huge, huge)), `null`},
		{Double(0.05), `0.05`},
		{Double(math.NaN()), `null`},
		{Double(math.Inf(-1)), `null`},
		{Double(math.Copysign(0, -1)), `0`},
		{Text("a\"b"), `"a\"b"`},
		{Time(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)), `"2026-01-02T03:04:05.000006Z"`},
	} {
		if got, err := json.Marshal(c.v); err != nil || string(got) != c.want {
			t.Errorf("%v: %s, want %s (%v)", c.v, got, c.want, err)
		}
	}
}
