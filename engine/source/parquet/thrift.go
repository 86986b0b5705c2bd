package parquet

import (
	"context"
	"errors"

	"github.com/apache/thrift/lib/go/thrift"
)

// value is a value of a Thrift message that is kept whole, so that fields
// which are not known here are written as they were read.
type value struct {
	kind   thrift.TType
	number int64 // of bools and integers
	float  float64
	text   []byte
	elem   thrift.TType // of a list
	list   []value
	fields []field // of a struct
}

type field struct {
	id    int16
	value value
}

// maxDepth bounds the nesting of a message; a Parquet footer has about ten.
const maxDepth = 32

var errDepth = errors.New("it is nested too deep")

// get finds a field of a struct.
func (v *value) get(id int16) *value {
	for i := range v.fields {
		if v.fields[i].id == id {
			return &v.fields[i].value
		}
	}
	return nil
}

// integer reads a field that is an integer or a boolean.
func (v *value) integer(id int16) (n int64, ok bool) {
	f := v.get(id)
	if f == nil {
		return 0, false
	}
	switch f.kind {
	case thrift.BOOL, thrift.BYTE, thrift.I16, thrift.I32, thrift.I64:
		return f.number, true
	}
	return 0, false
}

// bytes reads a field that is text.
func (v *value) bytes(id int16) []byte {
	if f := v.get(id); f != nil && f.kind == thrift.STRING {
		return f.text
	}
	return nil
}

// structs reads a field that is a list of structs.
func (v *value) structs(id int16) []value {
	if f := v.get(id); f != nil && f.kind == thrift.LIST && f.elem == thrift.STRUCT {
		return f.list
	}
	return nil
}

// set gives a field a value; Thrift wants fields in the order of their ids
// only to be short.
func (v *value) set(id int16, to value) {
	if f := v.get(id); f != nil {
		*f = to
		return
	}
	v.fields = append(v.fields, field{id, to})
}

// drop takes fields out.
func (v *value) drop(ids ...int16) {
	kept := make([]field, 0, len(v.fields))
next:
	for _, f := range v.fields {
		for _, id := range ids {
			if f.id == id {
				continue next
			}
		}
		kept = append(kept, f)
	}
	v.fields = kept
}

// shallow is a copy whose fields can be set and dropped.
func (v value) shallow() value {
	v.fields = append([]field(nil), v.fields...)
	return v
}

func long(n int64) value { return value{kind: thrift.I64, number: n} }

// background is for an interface that asks for a context and a memory that
// never waits.
var background = context.Background()

// encode writes a struct in the compact protocol.
func encode(v value) ([]byte, error) {
	memory := thrift.NewTMemoryBuffer()
	w := writer{thrift.NewTCompactProtocolConf(memory, nil)}
	if err := w.value(v); err != nil {
		return nil, err
	}
	return memory.Bytes(), w.Flush(background)
}

type writer struct{ thrift.TProtocol }

func (w writer) value(v value) error {
	switch v.kind {
	case thrift.BOOL:
		return w.WriteBool(background, v.number != 0)
	case thrift.BYTE:
		return w.WriteByte(background, int8(v.number))
	case thrift.I16:
		return w.WriteI16(background, int16(v.number))
	case thrift.I32:
		return w.WriteI32(background, int32(v.number))
	case thrift.I64:
		return w.WriteI64(background, v.number)
	case thrift.DOUBLE:
		return w.WriteDouble(background, v.float)
	case thrift.STRING:
		return w.WriteBinary(background, v.text)
	case thrift.LIST:
		return w.list(v)
	}
	return w.fields(v)
}

func (w writer) list(v value) error {
	if err := w.WriteListBegin(background, v.elem, len(v.list)); err != nil {
		return err
	}
	for _, e := range v.list {
		if err := w.value(e); err != nil {
			return err
		}
	}
	return w.WriteListEnd(background)
}

func (w writer) fields(v value) error {
	if err := w.WriteStructBegin(background, ""); err != nil {
		return err
	}
	for _, f := range v.fields {
		if err := w.WriteFieldBegin(background, "", f.value.kind, f.id); err != nil {
			return err
		}
		if err := w.value(f.value); err != nil {
			return err
		}
		if err := w.WriteFieldEnd(background); err != nil {
			return err
		}
	}
	if err := w.WriteFieldStop(background); err != nil {
		return err
	}
	return w.WriteStructEnd(background)
}
