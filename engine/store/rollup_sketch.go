package store

import (
	"fmt"
	"math"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// keptQuantiles are what people see of a number's buckets, in hundredths.
var keptQuantiles = []int{50, 95, 99}

const (
	// exactValues is up to how many different values are counted exactly.
	exactValues = 512
	// registerBits is the width of a register's number.
	registerBits = 12
	registers    = 1 << registerBits
	// hashBits are kept of a hash. One more bit says that a number is not a
	// hash but a register, its number in front of the rank that it holds.
	hashBits     = 63
	registerMark = "9223372036854775808::UBIGINT" // 1 << hashBits
)

// distinctError is the standard error of a count of different values that is
// not exact, relative to it.
var distinctError = math.Round(1.04/math.Sqrt(registers)*1e5) / 1e5

// sketches are the columns that are made of buckets and of values seen.
func (r rollup) sketches() (out []column) {
	for i, f := range r.fields {
		name := func(part string) string { return fmt.Sprintf("f%d_%s", i, part) }
		if f.quantiles {
			for _, q := range keptQuantiles {
				out = append(out, column{name: name(fmt.Sprintf("p%d", q)), kind: "DOUBLE"})
			}
			out = append(out, column{name: name("buckets"), kind: "STRUCT(b INTEGER, n BIGINT)[]"})
		}
		if f.distinct {
			out = append(out, column{name: name("distinct"), kind: "BIGINT"}, column{name: name("exact"), kind: "BOOLEAN"}, column{name: name("seen"), kind: "UBIGINT[]"})
		}
	}
	return out
}

// bucketsSQL counts the values of rows by window, keys, field and bucket. It is
// "" where no field wants that.
func (r rollup) bucketsSQL(rows string) (string, error) {
	var parts []string
	for i, f := range r.fields {
		if !f.quantiles {
			continue
		}
		x, err := plan.NewColumn(f.path, f.plain)
		if err != nil {
			return "", err
		}
		bucket, err := plan.BucketSQL(x)
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("SELECT %s AS time, service, level, %d AS f, %s AS b, count(*) AS n FROM %s AS r GROUP BY ALL HAVING b IS NOT NULL", r.start("event_time"), i, bucket, rows))
	}
	return strings.Join(parts, " UNION ALL "), nil
}

// seenSQL lists the different values of rows by window, keys and field. It is ""
// where no field wants that.
func (r rollup) seenSQL(rows string) string {
	var parts []string
	for i, f := range r.fields {
		if f.distinct {
			x := "r." + engine.QuoteIdent(f.path.String())
			parts = append(parts, fmt.Sprintf("SELECT DISTINCT %s AS time, service, level, %d AS f, hash(%s) >> 1 AS v FROM %s AS r WHERE %s IS NOT NULL", r.start("event_time"), i, x, rows, x))
		}
	}
	return strings.Join(parts, " UNION ALL ")
}

// mergedBuckets adds up the buckets that are held and those that are added,
// and reads the quantiles off them. Buckets are DDSketch's: any order of
// merging gives the same.
func (r rollup) mergedBuckets() string {
	parts, columns := []string{"SELECT " + r.start("time") + " AS time, service, level, f, b, n FROM temp.buckets"}, []string{"time", "service", "level"}
	for i, f := range r.fields {
		if !f.quantiles {
			continue
		}
		parts = append(parts, fmt.Sprintf("SELECT time, service, level, %[1]d, u.b, u.n FROM (SELECT time, service, level, unnest(f%[1]d_buckets) AS u FROM temp.held)", i))
		columns = append(columns, fmt.Sprintf("list({'b': b, 'n': n} ORDER BY b) FILTER (f = %[1]d) AS f%[1]d_buckets", i))
		for _, q := range keptQuantiles {
			// The rank is counted in whole numbers, as plan.Fraction does.
			bucket := fmt.Sprintf("(min(b) FILTER (f = %d AND upto >= greatest(1, (total * %d + 99) // 100)))", i, q)
			columns = append(columns, fmt.Sprintf("%s AS f%d_p%d", plan.BucketValueSQL(bucket), i, q))
		}
	}
	if len(parts) == 1 {
		return ""
	}
	counted := "SELECT time, service, level, f, b, sum(n)::BIGINT AS n FROM (" + strings.Join(parts, " UNION ALL ") + ") GROUP BY ALL"
	ranked := "SELECT *, sum(n) OVER (PARTITION BY time, service, level, f ORDER BY b) AS upto, sum(n) OVER (PARTITION BY time, service, level, f) AS total FROM (" + counted + ")"
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + ranked + ") GROUP BY time, service, level"
}

// mergedSeen puts together the values that are held and those that are added:
// each by itself while they are few, and else as the registers of a
// HyperLogLog. Either is the same in whatever order values came.
func (r rollup) mergedSeen() string {
	parts, columns := []string{"SELECT " + r.start("time") + " AS time, service, level, f, v FROM temp.seen"}, []string{"time", "service", "level"}
	shown := []string{"time", "service", "level"}
	for i, f := range r.fields {
		if !f.distinct {
			continue
		}
		name, only := fmt.Sprintf("f%d_", i), fmt.Sprintf("FILTER (f = %d)", i)
		parts = append(parts, fmt.Sprintf("SELECT time, service, level, %d, unnest(%sseen) FROM temp.held", i, name))
		columns = append(columns,
			fmt.Sprintf("list(v ORDER BY v) %s AS %sseen", only, name),
			fmt.Sprintf("NOT bool_or(many) %s AS %sexact", only, name),
			fmt.Sprintf("sum(pow(2, -(v & 255)::DOUBLE)) %s AS %sranks", only, name))
		shown = append(shown, name+"seen", name+"exact",
			fmt.Sprintf("CASE WHEN %[1]sexact THEN len(%[1]sseen) ELSE %[2]s END AS %[1]sdistinct", name, estimate("len("+name+"seen)", name+"ranks")))
	}
	if len(parts) == 1 {
		return ""
	}
	over := "OVER (PARTITION BY time, service, level, f)"
	union := "SELECT DISTINCT * FROM (" + strings.Join(parts, " UNION ALL ") + ")"
	marked := fmt.Sprintf("SELECT *, max(v) %[1]s >= %[2]s OR count(*) %[1]s > %[3]d AS many FROM (%[4]s)", over, registerMark, exactValues, union)
	registered := fmt.Sprintf("SELECT time, service, level, f, many, CASE WHEN many AND v < %s THEN %s ELSE v END AS v FROM (%s)", registerMark, register("v"), marked)
	// Of a register the largest rank stays: it stands behind the number.
	settled := "SELECT time, service, level, f, many, max(v) AS v FROM (" + registered + ") GROUP BY time, service, level, f, many, CASE WHEN many THEN v >> 8 ELSE v END"
	states := "SELECT " + strings.Join(columns, ", ") + " FROM (" + settled + ") GROUP BY time, service, level"
	return "SELECT " + strings.Join(shown, ", ") + " FROM (" + states + ")"
}

// register is the mark, a hash's register, and the rank of the first one bit
// in what is left of the hash.
func register(v string) string {
	rest := fmt.Sprintf("(%s >> %d)", v, registerBits)
	rank := fmt.Sprintf("(CASE WHEN %[1]s = 0 THEN %[2]d ELSE %[3]d - floor(log2(%[1]s)) END)::UBIGINT", rest, hashBits-registerBits+1, hashBits-registerBits)
	return fmt.Sprintf("%s + ((%s & %d) << 8) + %s", registerMark, v, registers-1, rank)
}

// estimate is Ertl's improved estimator of a HyperLogLog (New cardinality
// estimation algorithms for HyperLogLog sketches, 2017, algorithm 6), which
// needs no table of corrections: of how many registers hold a rank, and the sum
// of the ranks as powers of a half. The term for registers that are full is
// left out, which a hash of 63 bits does not fill.
func estimate(held, ranks string) string {
	// σ(x) = x + Σ x^(2^k) 2^(k-1), of which for registers of so many values
	// nothing is left after a dozen terms.
	empty := fmt.Sprintf("(1 - %s / %d)", held, registers)
	sigma := fmt.Sprintf("(%[1]s + list_sum(list_transform(range(1, 16), lambda k: pow(%[1]s, pow(2, k)) * pow(2, k - 1))))", empty)
	return fmt.Sprintf("round(%f / (%d * %s + %s))::BIGINT", float64(registers)*registers/(2*math.Ln2), registers, sigma, ranks)
}
