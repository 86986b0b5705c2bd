package plan

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Accuracy is the relative error of a quantile: the answer x stands for a
// value within x*(1±Accuracy).
const Accuracy = 0.01

// bucketOffset keeps the bucket of the smallest positive double above zero.
const bucketOffset = 40000

// multiplier turns a natural logarithm into bucket widths: with
// γ = (1+α)/(1-α), bucket i holds the values in [γ^i, γ^(i+1)).
var multiplier = 1 / math.Log1p(2*Accuracy/(1-Accuracy))

// smallest is the least value that has a bucket of its own; what is nearer to
// zero counts as zero.
const smallest = 2.2250738585072014e-308 * (1 + Accuracy) / (1 - Accuracy)

// Bucket is the number of the logarithmic bucket that f falls into, by the
// mapping of DDSketch (C. Masson, J. E. Rim, H. K. Lee: DDSketch, PVLDB 12(12),
// 2019, section 2.1), with all buckets kept. Zero has
// bucket 0 and -f the negative bucket of f, so buckets are ordered as their
// values are, and a rank among buckets is a rank among values.
func Bucket(f float64) int32 {
	switch {
	case f >= smallest:
		return int32(math.Floor(math.Log(f)*multiplier)) + bucketOffset
	case f <= -smallest:
		return -Bucket(-f)
	}
	return 0
}

// BucketValue is the value that stands for all values of a bucket: no value
// of the bucket is further from it than Accuracy of its own size.
func BucketValue(b int32) float64 {
	switch {
	case b > 0:
		return min(exp(float64(b-bucketOffset)/multiplier)*(1+Accuracy), math.MaxFloat64)
	case b < 0:
		return -BucketValue(-b)
	}
	return 0
}

// exp is math.Exp, which on amd64 gives infinity for the last half of a power
// of two below the greatest double.
func exp(x float64) float64 {
	if x > 709 {
		half := math.Exp(x / 2)
		return half * half
	}
	return math.Exp(x)
}

// bucketSQL is Bucket of a double in SQL; null, NaN and infinity have none.
func bucketSQL(x string) string {
	index := func(arg string) string {
		return fmt.Sprintf("CAST(floor(ln(%s) * %s) AS INTEGER) + %d", arg, doubleSQL(multiplier), bucketOffset)
	}
	return fmt.Sprintf("CASE WHEN %[1]s BETWEEN %[2]s AND %[3]s THEN %[4]s WHEN %[1]s BETWEEN -%[3]s AND -%[2]s THEN -(%[5]s) WHEN abs(%[1]s) < %[2]s THEN 0 END",
		x, doubleSQL(smallest), doubleSQL(math.MaxFloat64), index(x), index("-"+x))
}

// bucketValueSQL is BucketValue in SQL, up to the last digit of exp.
func bucketValueSQL(b string) string {
	return fmt.Sprintf("sign(%[1]s) * least(exp((abs(%[1]s) - %[2]d) / %[3]s) * %[4]s, %[5]s)",
		b, bucketOffset, doubleSQL(multiplier), doubleSQL(1+Accuracy), doubleSQL(math.MaxFloat64))
}

// BucketSQL reads the bucket of a number as NewColumn reads it from a relation
// named r whose columns are called as paths are; null where it has none.
func BucketSQL(x Expr) (s string, err error) {
	w := recordWriter()
	err = w.try(func() { s = bucketSQL(w.raw(widen(x, engine.Double))) })
	return s, err
}

// BucketValueSQL is BucketValue of a column in SQL, up to the last digit of exp.
func BucketValueSQL(column string) string { return bucketValueSQL(column) }

// Fraction is the q of a quantile as an exact decimal fraction, so that the
// rank of it does not depend on how a double is rounded.
type Fraction struct {
	num, den uint64
}

// maxFractionDigits bounds the decimals of a quantile.
const maxFractionDigits = 9

// NewFraction is q, which must lie between 0 and 1 and have at most nine
// decimals.
func NewFraction(q float64) (Fraction, bool) {
	if !(q >= 0 && q <= 1) {
		return Fraction{}, false
	}
	text := strconv.FormatFloat(q, 'f', -1, 64)
	_, decimals, _ := strings.Cut(text, ".")
	if len(decimals) > maxFractionDigits {
		return Fraction{}, false
	}
	f := Fraction{den: 1}
	for range decimals {
		f.den *= 10
	}
	f.num, _ = strconv.ParseUint(strings.ReplaceAll(text, ".", ""), 10, 64)
	return f, true
}

// String writes the fraction as a decimal number.
func (f Fraction) String() string {
	return strconv.FormatFloat(float64(f.num)/float64(f.den), 'f', -1, 64)
}

// decimalSQL writes the fraction so that DuckDB keeps it a decimal, for which
// quantile_disc counts ranks in integers.
func (f Fraction) decimalSQL() string {
	s := f.String()
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// rank is ceil(q*n), at least 1, of n values.
func (f Fraction) rank(n int64) int64 {
	hi, lo := bits.Mul64(f.num, uint64(n))
	quotient, rest := bits.Div64(hi, lo, f.den)
	if rest > 0 {
		quotient++
	}
	return max(1, int64(quotient))
}
