package parquet

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/apache/thrift/lib/go/thrift"
	"pgregory.net/rapid"
)

// slow reads with the library, value by value.
type slow struct{ thrift.TProtocol }

func (r slow) value(kind thrift.TType, depth int) (v value, err error) {
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
		err = fmt.Errorf("a value of the kind %v", kind)
	}
	return v, err
}

func (r slow) list(v *value, depth int) error {
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

func (r slow) fields(v *value, depth int) error {
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

func slowDecode(src []byte) (v value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	memory := thrift.NewTMemoryBuffer()
	memory.Write(src)
	conf := &thrift.TConfiguration{MaxMessageSize: int32(len(src)) + 1, MaxFrameSize: int32(len(src)) + 1}
	return slow{thrift.NewTCompactProtocolConf(memory, conf)}.value(thrift.STRUCT, 0)
}

// plain makes what is empty alike, however it came about.
func plain(v value) value {
	if len(v.text) == 0 {
		v.text = nil
	}
	list, fields := v.list, v.fields
	v.list, v.fields = nil, nil
	for _, e := range list {
		v.list = append(v.list, plain(e))
	}
	for _, f := range fields {
		v.fields = append(v.fields, field{f.id, plain(f.value)})
	}
	if math.IsNaN(v.float) {
		v.float = 0
	}
	return v
}

// sameAsSlow fails where a message that both readers take means two things.
func sameAsSlow(t interface{ Fatalf(string, ...any) }, src []byte) (read bool) {
	got, err := decode(src)
	want, slowErr := slowDecode(src)
	if err == nil && slowErr == nil && !reflect.DeepEqual(plain(got), plain(want)) {
		t.Fatalf("%x\n%+v\nwant\n%+v", src, got, want)
	}
	return err == nil && slowErr == nil
}

func anyValue(depth int) *rapid.Generator[value] {
	return rapid.Custom(func(t *rapid.T) value {
		kinds := []thrift.TType{thrift.BOOL, thrift.BYTE, thrift.I16, thrift.I32, thrift.I64, thrift.DOUBLE, thrift.STRING}
		if depth > 0 {
			kinds = append(kinds, thrift.LIST, thrift.STRUCT, thrift.STRUCT)
		}
		return valueOf(t, rapid.SampledFrom(kinds).Draw(t, "kind"), depth)
	})
}

func valueOf(t *rapid.T, kind thrift.TType, depth int) value {
	v := value{kind: kind}
	switch kind {
	case thrift.BOOL:
		v.number = rapid.Int64Range(0, 1).Draw(t, "bool")
	case thrift.BYTE:
		v.number = int64(rapid.Int8().Draw(t, "byte"))
	case thrift.I16:
		v.number = int64(rapid.Int16().Draw(t, "i16"))
	case thrift.I32:
		v.number = int64(rapid.Int32().Draw(t, "i32"))
	case thrift.I64:
		v.number = rapid.Int64().Draw(t, "i64")
	case thrift.DOUBLE:
		v.float = rapid.Float64().Draw(t, "double")
	case thrift.STRING:
		v.text = rapid.SliceOf(rapid.Byte()).Draw(t, "text")
	case thrift.LIST:
		first := anyValue(depth-1).Draw(t, "element")
		v.elem, v.list = first.kind, []value{first}
		for range rapid.IntRange(0, 20).Draw(t, "more") {
			v.list = append(v.list, valueOf(t, first.kind, depth-1))
		}
	case thrift.STRUCT:
		for range rapid.IntRange(0, 6).Draw(t, "fields") {
			v.fields = append(v.fields, field{rapid.Int16().Draw(t, "id"), anyValue(depth-1).Draw(t, "field")})
		}
	}
	return v
}

// What was written is read, as the library reads it, and what is spoilt means
// nothing else than to the library.
func TestCompact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := valueOf(t, thrift.STRUCT, 4)
		src, err := encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(src)
		if err != nil || !reflect.DeepEqual(plain(got), plain(want)) {
			t.Fatalf("%+v, %v\nwant\n%+v", got, err, want)
		}
		if !sameAsSlow(t, src) {
			t.Fatal("the library does not read it")
		}
		src[rapid.IntRange(0, len(src)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "spoilt")
		sameAsSlow(t, src)
	})
}

// The footers of many writers mean the same to both readers.
func TestCompactFooters(t *testing.T) {
	t.Parallel()
	corpus := os.Getenv("TIDEMARK_CORPUS")
	if corpus == "" {
		t.Skip("TIDEMARK_CORPUS is not set")
	}
	files, read := 0, 0
	err := filepath.WalkDir(filepath.Join(corpus, "parquet"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".parquet" {
			return err
		}
		files++
		all, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n, err := FooterLength(all, int64(len(all)))
		if err == nil && sameAsSlow(t, all[int64(len(all))-n:len(all)-tailBytes]) {
			read++
		}
		return nil
	})
	if err != nil || read < 40 {
		t.Errorf("%d footers of %d files were read by both, %v", read, files, err)
	}
}

func FuzzCompact(f *testing.F) {
	f.Add([]byte{0x15, 0x02, 0x19, 0x1c, 0x48, 0x01, 'a', 0x00, 0x11, 0x00})
	f.Add([]byte{0x19, 0xf5, 0x10, 0x02})
	f.Fuzz(func(t *testing.T, src []byte) { sameAsSlow(t, src) })
}

func BenchmarkDecode(b *testing.B) {
	src, err := encode(value{kind: thrift.STRUCT, fields: []field{{1, value{kind: thrift.LIST, elem: thrift.STRUCT, list: chunks(200)}}}})
	if err != nil {
		b.Fatal(err)
	}
	for name, read := range map[string]func([]byte) (value, error){"ours": decode, "library": slowDecode} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := read(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// chunks are like what a footer says of the columns of its row groups.
func chunks(n int) (out []value) {
	for i := range n {
		text := value{kind: thrift.STRING, text: []byte("c123456789")}
		stats := value{kind: thrift.STRUCT, fields: []field{{statsNulls, long(0)}, {statsMax, text}, {statsMin, text}}}
		path := value{kind: thrift.LIST, elem: thrift.STRING, list: []value{text}}
		meta := value{kind: thrift.STRUCT, fields: []field{{metaPath, path}, {metaValues, long(24576)}, {metaCompressed, long(150000)}, {metaData, long(int64(i) * 150000)}, {metaStats, stats}}}
		out = append(out, value{kind: thrift.STRUCT, fields: []field{{chunkOffset, long(0)}, {chunkMeta, meta}}})
	}
	return out
}
