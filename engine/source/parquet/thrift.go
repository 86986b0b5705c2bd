package parquet

import (
	"context"
	"errors"
	"fmt"

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

// decode reads a struct in the compact protocol.
func decode(src []byte) (v value, err error) {
	defer func() { // the bytes are somebody else's, and so is the decoder
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	memory := thrift.NewTMemoryBuffer()
	memory.Buffer.Write(src)
	conf := &thrift.TConfiguration{MaxMessageSize: int32(len(src)) + 1, MaxFrameSize: int32(len(src)) + 1}
	r := reader{thrift.NewTCompactProtocolConf(memory, conf)}
	return r.value(thrift.STRUCT, 0)
}

type reader struct{ thrift.TProtocol }

// background is for an interface that asks for a context and a memory that
// never waits.
var background = context.Background()

func (r reader) value(kind thrift.TType, depth int) (v value, err error) {
	if depth > maxDepth {
		return v, errDepth
	}
	v.kind = kind
	switch kind {
	case thrift.BOOL:
		var b bool
		if b, err = r.ReadBool(background); b {
			v.number = 1
		}
	case thrift.BYTE:
		var n int8
		n, err = r.ReadByte(background)
		v.number = int64(n)
	case thrift.I16:
		var n int16
		n, err = r.ReadI16(background)
		v.number = int64(n)
	case thrift.I32:
		var n int32
		n, err = r.ReadI32(background)
		v.number = int64(n)
	case thrift.I64:
		v.number, err = r.ReadI64(background)
	case thrift.DOUBLE:
		v.float, err = r.ReadDouble(background)
	case thrift.STRING:
		v.text, err = r.ReadBinary(background)
	case thrift.LIST:
		err = r.list(&v, depth)
	case thrift.STRUCT:
		err = r.fields(&v, depth)
	default:
		err = fmt.Errorf("it has a value of the kind %v", kind)
	}
	return v, err
}

func (r reader) list(v *value, depth int) error {
	elem, n, err := r.ReadListBegin(background)
	if err != nil {
		return err
	}
	v.elem = elem
	for range n {
		e, err := r.value(elem, depth+1)
		if err != nil {
			return err
		}
		v.list = append(v.list, e)
	}
	return r.ReadListEnd(background)
}

func (r reader) fields(v *value, depth int) error {
	if _, err := r.ReadStructBegin(background); err != nil {
		return err
	}
	for {
		_, kind, id, err := r.ReadFieldBegin(background)
		if err != nil {
			return err
		}
		if kind == thrift.STOP {
			return r.ReadStructEnd(background)
		}
		f, err := r.value(kind, depth+1)
		if err != nil {
			return err
		}
		v.fields = append(v.fields, field{id, f})
		if err := r.ReadFieldEnd(background); err != nil {
			return err
		}
	}
}

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
