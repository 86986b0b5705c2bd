package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/thrift/lib/go/thrift"
)

// decode reads a struct in the compact protocol of Thrift, whose specification
// is thrift-compact-protocol.md of Apache Thrift. A question over an archive
// reads the footers of all its objects: this reader takes two thirds of the
// time and a third of the memory of the library's, which a test holds it
// against. The texts of the value are parts of src.
func decode(src []byte) (value, error) {
	r := reader{left: src}
	return r.value(wireStruct, 0)
}

// Kinds of values as the compact protocol writes them.
const (
	wireStop, wireTrue, wireFalse, wireByte, wireI16, wireI32, wireI64, wireDouble, wireText, wireList = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9

	wireStruct = 12
)

var kinds = [16]thrift.TType{
	wireTrue: thrift.BOOL, wireFalse: thrift.BOOL, wireByte: thrift.BYTE, wireI16: thrift.I16, wireI32: thrift.I32, wireI64: thrift.I64,
	wireDouble: thrift.DOUBLE, wireText: thrift.STRING, wireList: thrift.LIST, wireStruct: thrift.STRUCT,
}

var (
	errCut    = errors.New("it ends in the middle of a value")
	errNumber = errors.New("it has a number of more than 64 bits")
)

// reader reads values off the front of a message.
type reader struct {
	left []byte
	// pending are the fields of the structs that are not complete.
	pending []field
}

// value reads a value that stands in a list or a field of a kind. A boolean
// field is told by its kind, and has no bytes.
func (r *reader) value(wire byte, depth int) (v value, err error) {
	if depth > maxDepth {
		return v, errDepth
	}
	v.kind = kinds[wire]
	switch wire {
	case wireByte:
		var b []byte
		if b, err = r.take(1); err == nil {
			v.number = int64(int8(b[0]))
		}
	case wireI16, wireI32:
		var n int32
		if n, err = r.short(); wire == wireI16 {
			n = int32(int16(n))
		}
		v.number = int64(n)
	case wireI64:
		v.number, err = r.signed()
	case wireDouble:
		var b []byte
		if b, err = r.take(8); err == nil {
			v.float = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case wireText:
		v.text, err = r.text()
	case wireList:
		err = r.list(&v, depth)
	case wireStruct:
		v.fields, err = r.fields(depth)
	default:
		err = fmt.Errorf("it has a value of the kind %d", wire)
	}
	return v, err
}

func (r *reader) take(n int) ([]byte, error) {
	if n > len(r.left) {
		return nil, errCut
	}
	out := r.left[:n:n]
	r.left = r.left[n:]
	return out, nil
}

func (r *reader) unsigned() (uint64, error) {
	n, size := binary.Uvarint(r.left)
	switch {
	case size == 0:
		return 0, errCut
	case size < 0:
		return 0, errNumber
	}
	r.left = r.left[size:]
	return n, nil
}

// signed reads a number, of which small ones are short: 0, -1, 1, -2 are
// written as 0, 1, 2, 3.
func (r *reader) signed() (int64, error) {
	n, err := r.unsigned()
	return int64(n>>1) ^ -int64(n&1), err
}

// short reads a number of 32 bits. Some writers leave more than its bits.
func (r *reader) short() (int32, error) {
	n, err := r.unsigned()
	return int32(uint32(n)>>1) ^ -int32(n&1), err
}

func (r *reader) text() ([]byte, error) {
	n, err := r.unsigned()
	if err != nil {
		return nil, err
	}
	if n > uint64(len(r.left)) {
		return nil, errCut
	}
	return r.take(int(n))
}

func (r *reader) list(v *value, depth int) error {
	head, err := r.take(1)
	if err != nil {
		return err
	}
	wire, n := head[0]&15, uint64(head[0]>>4)
	if n == 15 {
		if n, err = r.unsigned(); err != nil {
			return err
		}
	}
	if n > uint64(len(r.left)) { // each has a byte at least
		return errCut
	}
	if v.elem = kinds[wire]; v.elem == thrift.STOP {
		return fmt.Errorf("it has a list of the kind %d", wire)
	}
	v.list = make([]value, 0, min(n, 256))
	for range n {
		e, err := r.element(wire, depth+1)
		if err != nil {
			return err
		}
		v.list = append(v.list, e)
	}
	return nil
}

func (r *reader) element(wire byte, depth int) (value, error) {
	if wire != wireTrue && wire != wireFalse {
		return r.value(wire, depth)
	}
	b, err := r.take(1)
	if err != nil {
		return value{}, err
	}
	return truth(b[0]), nil
}

func truth(wire byte) value {
	v := value{kind: thrift.BOOL}
	if wire == wireTrue {
		v.number = 1
	}
	return v
}

func (r *reader) fields(depth int) ([]field, error) {
	mark, id := len(r.pending), int16(0)
	for {
		head, err := r.take(1)
		if err != nil {
			return nil, err
		}
		wire := head[0] & 15
		if wire == wireStop {
			out := slices.Clone(r.pending[mark:])
			r.pending = r.pending[:mark]
			return out, nil
		}
		if id, err = r.id(id, head[0]>>4); err != nil {
			return nil, err
		}
		v := truth(wire)
		if wire != wireTrue && wire != wireFalse {
			if v, err = r.value(wire, depth+1); err != nil {
				return nil, err
			}
		}
		r.pending = append(r.pending, field{id, v})
	}
}

// id reads the number of a field: what the one before is short of, or the
// number itself.
func (r *reader) id(before int16, delta byte) (int16, error) {
	if delta != 0 {
		return before + int16(delta), nil
	}
	n, err := r.short()
	return int16(n), err
}
