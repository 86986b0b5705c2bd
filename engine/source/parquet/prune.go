package parquet

import (
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Fields of Statistics.
const (
	statsOldMax, statsOldMin, statsNulls, statsMax, statsMin, statsMaxExact, statsMinExact = 1, 2, 3, 5, 6, 7, 8
)

// Prune lists the row groups that may hold rows that some scan wants. Paths of
// conditions are columns of the file. What is not certain is kept: statistics
// that are missing, that make no sense, of a kind whose order is not settled,
// or of values that are compared otherwise than they are stored.
func (f *Footer) Prune(scans []engine.Scan) []int {
	var out []int
	for g := range f.Groups {
		for _, s := range scans {
			if f.mayHold(g, s.Conditions) {
				out = append(out, g)
				break
			}
		}
	}
	return out
}

func (f *Footer) mayHold(group int, all []engine.Condition) bool {
	for _, c := range all {
		if leaf := f.leafOf(c.Path); leaf >= 0 && !f.chunkMayHold(group, leaf, c) {
			return false
		}
	}
	return true
}

// leafOf finds the column that a path names, if it is one whose values belong
// to one row each; else -1.
func (f *Footer) leafOf(path engine.Path) int {
	found := -1
	for i, l := range f.Leaves {
		if len(l.Path) != len(path) || !under(l.Path, path) {
			continue
		}
		if found >= 0 || l.repeated || l.unit != l.node {
			return -1
		}
		found = i
	}
	return found
}

func (f *Footer) chunkMayHold(group, leaf int, c engine.Condition) bool {
	chunk := f.Groups[group].Chunks[leaf]
	nulls, counted := int64(0), false
	if chunk.stats != nil {
		nulls, counted = chunk.stats.integer(statsNulls)
	}
	allNull := counted && nulls >= f.Groups[group].Rows && nulls >= chunk.values
	switch c.Op {
	case "null":
		return !counted || nulls != 0
	case "notnull":
		return !allNull
	}
	if allNull {
		return false
	}
	b, ok := f.bounds(chunk, leaf)
	return !ok || b.mayHold(c)
}

// bounds are what the values of a chunk lie between. They may be wider than
// the values: writers cut long texts short.
type bounds struct {
	kind     kind
	min, max scalar
	exact    bool
}

func (f *Footer) bounds(c Chunk, leaf int) (b bounds, ok bool) {
	b.kind = f.Leaves[leaf].kind
	if b.kind.class == opaque || c.stats == nil {
		return b, false
	}
	plain := b.kind.class == integer || b.kind.class == instant
	low, high := c.stats.get(statsMin), c.stats.get(statsMax)
	switch {
	case low != nil && high != nil && (plain || f.ordered(leaf)):
	case plain: // only of signed integers was the order of the old fields ever clear
		low, high = c.stats.get(statsOldMin), c.stats.get(statsOldMax)
	default:
		return b, false
	}
	if low == nil || high == nil {
		return b, false
	}
	var lowOK, highOK bool
	b.min, lowOK = b.kind.statistic(low.text)
	b.max, highOK = b.kind.statistic(high.text)
	lowExact, _ := c.stats.integer(statsMinExact)
	highExact, _ := c.stats.integer(statsMaxExact)
	b.exact = b.kind.class != text || lowExact != 0 && highExact != 0
	return b, lowOK && highOK && b.kind.compare(b.min, b.max) <= 0
}

// ordered reports whether the file says that a column's statistics follow the
// order of its type.
func (f *Footer) ordered(leaf int) bool {
	orders := f.tree.structs(fileOrders)
	return len(orders) == len(f.Leaves) && orders[leaf].get(1) != nil
}

func (b bounds) mayHold(c engine.Condition) bool {
	for _, v := range c.Values {
		s, ok := b.kind.given(v)
		if !ok || b.mayBe(strings.ToLower(c.Op), s) {
			return true
		}
	}
	return len(c.Values) == 0
}

func (b bounds) mayBe(op string, v scalar) bool {
	below, above := b.kind.compare(b.min, v), b.kind.compare(b.max, v)
	// NaN stands in no statistics and is greater than everything in DuckDB.
	nan := b.kind.class == real
	switch op {
	case "=", "in":
		return below <= 0 && above >= 0
	case "!=":
		return nan || !b.exact || below != 0 || above != 0
	case "<":
		return below < 0
	case "<=":
		return below <= 0
	case ">":
		return nan || above > 0
	case ">=":
		return nan || above >= 0
	}
	return true
}

// Span gives the least and the greatest instant of a column, in microseconds
// since 1970, as its statistics have them; ok is false unless those of all row
// groups do.
func (f *Footer) Span(path engine.Path) (low, high int64, ok bool) {
	leaf := f.leafOf(path)
	if leaf < 0 || f.Leaves[leaf].kind.class != instant {
		return 0, 0, false
	}
	for _, g := range f.Groups {
		if g.Rows == 0 {
			continue
		}
		b, has := f.bounds(g.Chunks[leaf], leaf)
		if !has {
			return 0, 0, false
		}
		if !ok || b.min.number < low {
			low = b.min.number
		}
		if !ok || b.max.number > high {
			high = b.max.number
		}
		ok = true
	}
	return low, high, ok
}
