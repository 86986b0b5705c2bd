package parquet

import (
	"cmp"
	"slices"
)

// Range is a part of an object that is asked for at once, in bytes, and the
// pieces in it.
type Range struct {
	Offset, Length int64
	Pieces         []Piece
}

const (
	// maxGap is how many bytes that nobody wants are read rather than asking
	// twice, and maxWaste is 1/20 of what is wanted for all of them together.
	maxGap   = 256 << 10
	maxWaste = 20
	// maxRange bounds what one request brings of several pieces, so that
	// several requests share the work.
	maxRange = 8 << 20
)

// Ranges puts pieces together that lie close to one another. Those that lie
// closest come first, as long as little is read in vain.
func Ranges(pieces []Piece) []Range {
	sorted := slices.Clone(pieces)
	slices.SortFunc(sorted, func(a, b Piece) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Length, b.Length)) })
	join := joins(sorted)
	var out []Range
	for i, p := range sorted {
		last := len(out) - 1
		if i > 0 && join[i] && p.Offset+p.Length-out[last].Offset <= maxRange {
			out[last].Pieces = append(out[last].Pieces, p)
			out[last].Length = p.Offset + p.Length - out[last].Offset
			continue
		}
		out = append(out, Range{p.Offset, p.Length, []Piece{p}})
	}
	return out
}

// joins says of each piece whether it is read together with the one before.
func joins(sorted []Piece) []bool {
	join := make([]bool, len(sorted))
	type gap struct {
		at    int
		bytes int64
	}
	var gaps []gap
	left := int64(0)
	for i, p := range sorted {
		left += p.Length
		if i == 0 {
			continue
		}
		before := sorted[i-1]
		// Pieces that overlap are nothing a sound file has; they come apart.
		if n := p.Offset - before.Offset - before.Length; n >= 0 && n <= maxGap {
			gaps = append(gaps, gap{i, n})
		}
	}
	left /= maxWaste
	slices.SortFunc(gaps, func(a, b gap) int { return cmp.Or(cmp.Compare(a.bytes, b.bytes), a.at-b.at) })
	for _, g := range gaps {
		if g.bytes > left {
			break
		}
		left -= g.bytes
		join[g.at] = true
	}
	return join
}
