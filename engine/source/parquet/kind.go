package parquet

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"time"
)

// class is how the values of a column are compared.
type class int

const (
	opaque  class = iota // not at all
	integer              // int32 and int64, signed
	real                 // float and double
	text                 // UTF-8, byte by byte
	instant              // microseconds since 1970, UTC
)

// kind is the class of a column and how its statistics are written.
type kind struct {
	class    class
	physical int64
	// scale turns an instant as it is stored into microseconds: multiplied if
	// it is positive, else divided.
	scale int64
}

const dayMicros = 24 * 60 * 60 * 1_000_000

// kindOf reads the type of a column. A timestamp of no zone counts as UTC, as
// in the dataset.
func kindOf(e *value) kind {
	physical, _ := e.integer(elementType)
	k := kind{physical: physical}
	converted, old := e.integer(elementConverted)
	logical := e.get(elementLogical)
	switch {
	case logical != nil:
		logicalKind(&k, logical)
	case !old:
		plainKind(&k)
	case converted == convertedUTF8 && physical == typeBytes:
		k.class = text
	case converted == convertedDate && physical == typeInt32:
		k.class, k.scale = instant, dayMicros
	case converted == convertedMillis && physical == typeInt64:
		k.class, k.scale = instant, 1000
	case converted == convertedMicros && physical == typeInt64:
		k.class, k.scale = instant, 1
	case converted >= convertedInt8 && converted <= convertedInt64:
		plainKind(&k)
	}
	return k
}

func logicalKind(k *kind, logical *value) {
	switch {
	case logical.get(logicalString) != nil && k.physical == typeBytes:
		k.class = text
	case logical.get(logicalDate) != nil && k.physical == typeInt32:
		k.class, k.scale = instant, dayMicros
	case logical.get(logicalTimestamp) != nil && k.physical == typeInt64:
		unit := logical.get(logicalTimestamp).get(2)
		if unit == nil {
			return
		}
		for id, scale := range map[int16]int64{1: 1000, 2: 1, 3: -1000} {
			if unit.get(id) != nil {
				k.class, k.scale = instant, scale
			}
		}
	case logical.get(logicalInteger) != nil:
		if signed, ok := logical.get(logicalInteger).integer(2); ok && signed != 0 {
			plainKind(k)
		}
	}
}

func plainKind(k *kind) {
	switch k.physical {
	case typeInt32, typeInt64:
		k.class = integer
	case typeFloat, typeDouble:
		k.class = real
	}
}

// scalar is a value of a statistic or a condition.
type scalar struct {
	number int64
	float  float64
	text   []byte
}

// statistic reads a value of the statistics.
func (k kind) statistic(b []byte) (s scalar, ok bool) {
	switch k.physical {
	case typeInt32:
		if len(b) != 4 {
			return s, false
		}
		s.number = int64(int32(binary.LittleEndian.Uint32(b)))
	case typeInt64:
		if len(b) != 8 {
			return s, false
		}
		s.number = int64(binary.LittleEndian.Uint64(b))
	case typeFloat:
		if len(b) != 4 {
			return s, false
		}
		s.float = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case typeDouble:
		if len(b) != 8 {
			return s, false
		}
		s.float = math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	switch k.class {
	case instant:
		s.number, ok = k.micros(s.number)
		return s, ok
	case real:
		return s, !math.IsNaN(s.float)
	}
	s.text = b
	return s, true
}

// micros scales an instant; ok is false for what does not fit.
func (k kind) micros(n int64) (int64, bool) {
	if k.scale < 0 {
		return floorDiv(n, -k.scale), true
	}
	if n > math.MaxInt64/k.scale || n < math.MinInt64/k.scale {
		return 0, false
	}
	return n * k.scale, true
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// exactDouble is the highest integer up to which doubles hold all of them.
const exactDouble = 1 << 53

// given reads a value of a condition; ok is false for one that cannot be
// compared with the column as it is stored.
func (k kind) given(v any) (s scalar, ok bool) {
	switch v := v.(type) {
	case time.Time:
		s.number = v.UnixMicro()
		return s, k.class == instant && time.UnixMicro(s.number).Equal(v)
	case string:
		s.text = []byte(v)
		return s, k.class == text
	case int64:
		s.number, s.float = v, float64(v)
		return s, k.class == integer || k.class == real && v < exactDouble && v > -exactDouble
	case float64:
		s.float = v
		return s, k.class == real && !math.IsNaN(v)
	}
	return s, false
}

func (k kind) compare(a, b scalar) int {
	switch k.class {
	case text:
		return bytes.Compare(a.text, b.text)
	case real:
		return cmp.Compare(a.float, b.float)
	}
	return cmp.Compare(a.number, b.number)
}
