package plan

import (
	"math"
	"math/big"
	"math/bits"
)

// The bounds of a 128-bit integer.
var (
	minHuge = new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 127))
	maxHuge = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 127), big.NewInt(1))
)

// addInt, subInt and mulInt are null where 64 bits do not suffice.
func addInt(a, b int64) Value {
	if sum := a + b; (sum > a) == (b > 0) {
		return Int(sum)
	}
	return Null
}

func subInt(a, b int64) Value {
	if diff := a - b; (diff < a) == (b > 0) {
		return Int(diff)
	}
	return Null
}

func mulInt(a, b int64) Value {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	signed := int64(hi)
	if a < 0 {
		signed -= b
	}
	if b < 0 {
		signed -= a
	}
	if int64(lo)>>63 != signed {
		return Null
	}
	return Int(int64(lo))
}

// modInt has the sign of a. The one pair whose division overflows is null.
func modInt(a, b int64) Value {
	if b == 0 || a == math.MinInt64 && b == -1 {
		return Null
	}
	return Int(a % b)
}

func bigArithmetic(op Op, v, w Value) Value {
	a, b, c := v.bigInt(), w.bigInt(), new(big.Int)
	switch op {
	case Add:
		return BigInt(c.Add(a, b))
	case Sub:
		return BigInt(c.Sub(a, b))
	case Mul:
		if c.Mul(a, b).Cmp(minHuge) == 0 && a.Cmp(minHuge) != 0 && b.Cmp(minHuge) != 0 {
			return Null // DuckDB counts this one product as too large
		}
		return BigInt(c)
	}
	if b.Sign() == 0 || a.Cmp(minHuge) == 0 && b.Cmp(big.NewInt(-1)) == 0 {
		return Null
	}
	return BigInt(c.Rem(a, b))
}

// intToDouble rounds an integer to a double.
func intToDouble(v Value) float64 {
	if !v.huge() {
		return float64(v.n)
	}
	return hugeToDouble(v.big())
}

// hugeToDouble rounds a hugeint as DuckDB does: the upper and the lower 64
// bits by themselves, which beyond 2^53 can differ from the nearest double by
// one unit in the last place.
func hugeToDouble(b *big.Int) float64 {
	const two64 = 1 << 64
	lower := new(big.Int).And(b, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	upper := new(big.Int).Rsh(b, 64).Int64()
	if upper == -1 {
		return float64(-float64(math.MaxUint64-lower)) - 1
	}
	return float64(lower) + float64(float64(upper)*two64)
}

// SumScale is the number of decimal places to which a double is rounded when
// it enters a sum or an average.
const SumScale = 6

const sumFactor = 1e6

// SumLimit bounds what enters a sum: from here on a double, or an integer of
// more than 64 bits, does not, and flags its window. It leaves room for a
// hundred million such values before 128 bits overflow.
const SumLimit = 1e24

var (
	sumLimitBig = new(big.Int).Exp(big.NewInt(10), big.NewInt(24), nil)
	sumLimitInt = new(big.Int).Sub(sumLimitBig, big.NewInt(1)).String()
)

// scaled is a double as it enters a sum.
func scaled(f float64) *big.Int {
	whole := math.Round(f * sumFactor)
	if math.Abs(whole) < 1<<62 {
		return big.NewInt(int64(whole))
	}
	n, _ := new(big.Float).SetFloat64(whole).Int(nil)
	return n
}
