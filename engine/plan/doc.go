// Package plan is what a rule means: a small typed tree of conditions,
// measures and windows, and its two compilers, to DuckDB SQL and to a row
// evaluator in Go. Both follow the one table below, so that the archive, the
// live tail and every exported copy of a rule agree.
//
// It owns the meaning and nothing else: it parses no text (engine/rule does),
// runs no query and keeps no state between windows.
//
// # Types
//
// Expressions are boolean, bigint, hugeint, double, varchar or timestamp. A
// decimal column enters as the double nearest to it, a date as its midnight
// in UTC, a UUID as its lower-case text. Lists, structs and maps can only be
// tested for null; JSON and paths without a type are refused.
//
// # Null
//
//	== !=  in                  null-safe: null == null is true
//	< <= > >=                  null if an operand is null
//	+ - * / %  functions       null if an operand is null
//	contains startsWith ...    null if an operand is null
//	and or not                 three-valued
//	c ? a : b                  a null condition takes b
//	a ?? b                     b where a is null
//
// A record whose `where` is null is left out; count(p) counts where p is
// true; every other aggregate leaves nulls out and is null over nothing.
//
// # Numbers
//
// Bigints have 64 bits and hugeints 128; a result that does not fit is null,
// it never wraps. Where a bigint meets a hugeint both are hugeints, where
// either meets a double both are doubles. / always gives a double. % takes
// the sign of its left operand. Division by zero, NaN and infinity are null,
// also where they are stored in a column. round goes away from zero at one
// half. There is no power: its last digit depends on the machine.
//
// # Sums
//
// A parallel sum of doubles gives another answer every run, so nothing is
// summed as a double. Integers are summed with 128 bits. A double is rounded
// to SumScale decimal places as it enters, as round(x * 1e6), and summed as
// an integer; a value of SumLimit or more does not enter, and the sum and
// average of that window are null and flagged. Averages divide last.
//
// # Quantiles
//
// quantile(x, q) is the bucket of the value at rank ceil(q*n) of n, for the
// logarithmic buckets of a DDSketch with a relative accuracy of 1 %: the
// answer is within 1 % of the exact value at that rank, and does not depend
// on the order of records or on how they were split. See Bucket.
//
// # Earlier windows
//
// previous and baseline read what a measure was in earlier windows of the same
// group: see Past. A median is one of the values, so that nothing is rounded.
// They are computed window by window (Trail), and by window functions in the
// statement that people see.
//
// # Text
//
// Text is compared by its UTF-8 bytes. len counts code points; lower and
// upper map each code point by itself; trim removes spaces, tabs and line
// ends. matches finds an RE2 expression anywhere in the text.
package plan
