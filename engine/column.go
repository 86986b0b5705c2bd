package engine

// Column is one field of many records, stored column by column: what crosses
// into a plugin's memory. Exactly one of Ints, Floats and Offsets+Bytes is
// used, by Type:
//
//	Bool, BigInt, Timestamp (microseconds, UTC)   Ints
//	Double                                        Floats
//	Varchar, JSON (JSON text)                     Offsets, Bytes
//	HugeInt (not for plugins)                     Ints, two a row: the upper half, the lower
//
// Row i of a text column is Bytes[Offsets[i]:Offsets[i+1]]; len(Offsets) is
// the number of rows plus one. Null rows still occupy a slot.
type Column struct {
	Name    string
	Type    TypeKind
	Null    []bool // nil when no row is null
	Ints    []int64
	Floats  []float64
	Offsets []uint32
	Bytes   []byte
}

// Len is the number of rows.
func (c *Column) Len() int {
	switch {
	case c.Type == Double:
		return len(c.Floats)
	case c.Type == Varchar || c.Type == JSON:
		return max(0, len(c.Offsets)-1)
	case c.Type == HugeInt:
		return len(c.Ints) / 2
	}
	return len(c.Ints)
}

// IsNull reports whether row i has no value.
func (c *Column) IsNull(i int) bool { return c.Null != nil && c.Null[i] }

// Text is row i of a text column; it is valid as long as the column is.
func (c *Column) Text(i int) []byte { return c.Bytes[c.Offsets[i]:c.Offsets[i+1]] }
