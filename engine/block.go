package engine

// Block is some conformed rows of a dataset, column by column. It is made once
// and not changed after, so that several goroutines may read it.
type Block struct {
	Rows int
	// Body is the type of the column body.
	Body Type
	// Columns are those of BlockColumns.
	Columns []Cells
	// Texts is what the texts in Columns are parts of.
	Texts []byte
	// Bytes is how much memory the block takes; Free gives it back, and is nil
	// where that is not needed.
	Bytes int
	Free  func()
}

// BlockColumns are the columns of a block: of each row its number in its
// object, or when it arrived in microseconds since 1970 and its position;
// its event time in microseconds; the envelope; and the rest,
// which is JSON text.
var BlockColumns = []string{"_r", "_p", "_t", "service", "level", "message", "trace_id", "span_id", "labels", "body", "rest"}

// BlockType is the type of one of BlockColumns.
func BlockType(column string, body Type) Type {
	switch column {
	case "_r", "_t":
		return Scalar(BigInt)
	case "labels":
		return MapOf(Scalar(Varchar))
	case "body":
		return body
	}
	return Scalar(Varchar)
}

// Cells are the values of a column, in the order of its rows. Rows without a
// value are null.
type Cells struct {
	// Count is how many rows have a value. Rows says which, in ascending order;
	// it is nil when they are the first ones.
	Count int
	Rows  []uint32
	// Values holds one word a value; what it means, the type says:
	//
	//	Bool, BigInt, Date (days), Timestamp (microseconds)   the integer
	//	Double                                                its bits
	//	Varchar            where it begins in Texts << 32 | its length
	//	List, Map          its first row in Inner << 32 | how many there are
	//	HugeInt, Decimal, UUID   two words, the upper first; a decimal without
	//	                         its point
	//	Struct             none
	Values []uint64
	// Inner are the known members of a struct, a list's elements, or the keys
	// and the values of a map.
	Inner []Cells
}

// Span finds the values of the rows from first up to end: Values[lo:hi].
func (c *Cells) Span(first, end uint32) (lo, hi int) {
	if c.Rows == nil {
		return min(int(first), c.Count), min(int(end), c.Count)
	}
	return lowerBound(c.Rows, first), lowerBound(c.Rows, end)
}

func lowerBound(rows []uint32, row uint32) int {
	lo, hi := 0, len(rows)
	for lo < hi {
		if mid := (lo + hi) / 2; rows[mid] < row {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// InBlocks reports whether a block can have columns of a type: JSON text is
// written anew by the loader, so what holds it is not known before.
func InBlocks(t Type) bool {
	switch t.Kind {
	case JSON:
		return false
	case List, Map:
		return InBlocks(*t.Elem)
	case Struct:
		for _, f := range t.Fields {
			if !InBlocks(f.Type) {
				return false
			}
		}
	}
	return true
}

// RowGroup is how many rows DuckDB compresses and writes together. Whoever
// brings it fewer has them appended twice: aside first, then to the table.
const RowGroup = 122_880

// BlockRun is neighbouring rows of a block as they become rows of a dataset:
// Rows of them from First on, counted from 0; their _seq count from FirstSeq.
type BlockRun struct {
	Block       *Block
	First, Rows int
	FirstSeq    int64
	Origin      int // of the batch's Origins
}
