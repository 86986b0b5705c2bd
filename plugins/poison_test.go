package plugins_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// echo gives its records back unchanged, and does to a batch that holds the
// byte '!' what poison does. Its answer begins ahead bytes before the request,
// so that it can point at the request's own regions.
func echo(poison []byte) Module {
	const (
		ahead              = 96 + 4*1024
		ptr, size, n, base = 1, 2, 3, 4 // parameters 0 to 2, then locals
		at, end            = 5, 6
	)
	base32 := func(offset uint32, value ...[]byte) []byte {
		return Code(Get(base), Code(value...), Store32(offset))
	}
	moved := func(offset uint32) []byte { return Code(Get(ptr), Load32(offset), Const32(ahead), Add) }
	code := Code(
		Get(ptr), Load32(8), Set(n),
		Get(ptr), Const32(ahead), Sub, Set(base),
		// Look for the marker.
		Get(ptr), Get(ptr), Load32(32+16), Add, Set(at),
		Get(at), Get(ptr), Load32(32+20), Add, Set(end),
		Get(at), Get(end), Less, If(Loop(
			Get(at), Load8(0), Const32('!'), Eq, If(poison),
			Get(at), Const32(1), Add, Set(at),
			Get(at), Get(end), Less)),
		// Head, $src and the text.
		base32(0, Const32(0x31424d54)), base32(4, Const32(0)),
		base32(8, Get(n)), base32(12, Const32(2)),
		base32(16, Get(size), Const32(ahead), Add),
		base32(32, Const32(7)), base32(32+16, Const32(96)), base32(32+20, Get(n), Const32(4), Mul),
		base32(64, Get(ptr), Load32(32)), base32(64+8, moved(32+8)), base32(64+12, moved(32+12)),
		base32(64+16, moved(32+16)), base32(64+20, Get(ptr), Load32(32+20)),
		// The numbers from n-1 down to 0.
		Get(n), If(Loop(
			Get(n), Const32(1), Sub, Set(n),
			Get(base), Get(n), Const32(4), Mul, Add, Get(n), Store32(96),
			Get(n))),
		Get(base), Widen, Const64(32), Shl64, Get(size), Const32(ahead), Add, Widen, Or64,
	)
	m := some(nil)
	m.Funcs[3].Code, m.Funcs[3].Locals = code, []byte{I32, I32, I32, I32}
	return m
}

func TestPoisonRowsAloneAreRejected(t *testing.T) {
	s := surround(t)
	ctx := context.Background()
	p := must(s.host.Load(ctx, "poison", echo(Unreachable).Bytes(), plugins.Settings{}))
	defer p.Close(ctx)
	rapid.Check(t, func(t *rapid.T) {
		values := make([]string, rapid.IntRange(0, 3000).Draw(t, "rows"))
		for i := range values {
			values[i] = fmt.Sprint("record ", i)
		}
		column := texts("message", values...)
		column.Null = make([]bool, len(values))
		poisoned := map[int]bool{}
		for range rapid.IntRange(0, 8).Draw(t, "poisoned") {
			if len(values) > 0 {
				poisoned[rapid.IntRange(0, len(values)-1).Draw(t, "row")] = true
			}
		}
		for row := range poisoned {
			values[row] += "!"
		}
		null := column.Null
		column = texts("message", values...)
		column.Null = null
		if len(values) > 0 {
			null[len(values)/2] = true
		}
		r, err := p.Transform(ctx, []engine.Column{column}, len(values))
		if err != nil {
			t.Fatal(err)
		}
		var kept []uint32
		var rejected []plugins.Rejection
		for i := range values {
			if poisoned[i] {
				rejected = append(rejected, plugins.Rejection{Row: i, Reason: "it trapped: unreachable"})
			} else {
				kept = append(kept, uint32(i))
			}
		}
		if !slices.Equal(kept, r.Src) || !slices.Equal(rejected, r.Rejected) {
			t.Fatalf("kept %v, rejected %v", r.Src, r.Rejected)
		}
		for i, row := range r.Src {
			isNull := r.Columns[0].IsNull(i)
			if isNull != null[row] || !isNull && string(r.Columns[0].Text(i)) != values[row] {
				t.Fatalf("row %d became %q", row, r.Columns[0].Text(i))
			}
		}
	})
	s.stillWorks(t)
}

func TestWhatPoisonDoes(t *testing.T) {
	s := surround(t)
	ctx := context.Background()
	message := "\x1c\x00\x00\x00n\x00o\x00 \x00s\x00u\x00c\x00h\x00 \x00p\x00l\x00a\x00c\x00e\x00\x1b\x00"
	aborting := echo(Code(Const32(answerAt+4), Const32(0), Const32(12), Const32(3), Call(0)))
	aborting.Imports = []Import{{Module: "env", Name: "abort", Params: []byte{I32, I32, I32, I32}}}
	aborting.Data = append(aborting.Data, At(answerAt, []byte(message)))
	exiting := echo(Code(Const32(3), Call(0)))
	exiting.Imports = []Import{{Module: "wasi_snapshot_preview1", Name: "proc_exit", Params: i32}}
	for _, c := range []struct {
		name string
		m    Module
		want string
	}{
		{"traps", echo(Unreachable), "it trapped: unreachable"},
		{"divides by zero", echo(Code(Const32(1), Const32(0), DivU, Drop)), "it trapped: integer divide by zero"},
		{"reads beyond", echo(Code(Const32(-4), Load32(0), Drop)), "it trapped: out of bounds memory access"},
		{"aborts", aborting, "it aborted at line 12: no such place"},
		{"exits", exiting, "it trapped: module closed with exit_code(3)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := must(s.host.Load(ctx, "poison", c.m.Bytes(), plugins.Settings{}))
			defer p.Close(ctx)
			r := must(p.Transform(ctx, []engine.Column{texts("message", "a", "b!", "c")}, 3))
			if len(r.Src) != 2 || len(r.Rejected) != 1 || strings.TrimSpace(r.Rejected[0].Reason) != c.want {
				t.Errorf("%+v", r)
			}
		})
	}
}

// numbered answers with rows made of i64 numbers: n is the code that leaves
// the count of rows, of is the code that leaves where row local 3 comes from.
func numbered(n, of []byte) []byte {
	const count, row, at = 4, 3, 5
	manifest := strings.Replace(someManifest, `"outputs":[{"field":"message","type":"utf8"}]`, `"outputs":[{"field":"body.n","type":"i64"}]`, 1)
	m := some(nil, Func{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(manifest)))})
	m.Data = []Data{At(manifestAt, []byte(manifest)), At(answerAt, frame(0, src(), col{kind: 2, flags: 2, data: u32s(7, 0)}))}
	m.Funcs[3].Locals = []byte{I32, I32, I32}
	m.Funcs[3].Code = Code(
		n, Set(count),
		Const32(answerAt), Get(count), Store32(8),
		Const32(answerAt), Const32(1<<18), Store32(16),
		Const32(answerAt), Const32(1<<16), Store32(32+16),
		Const32(answerAt), Get(count), Const32(4), Mul, Store32(32+20),
		Get(count), If(Loop(
			Const32(answerAt+1<<16), Get(row), Const32(4), Mul, Add, of, Store32(0),
			Get(row), Const32(1), Add, Set(row),
			Get(row), Get(count), Less)),
		Packed(answerAt, 1<<18),
	)
	return m.Bytes()
}

func TestDropAndSplit(t *testing.T) {
	s := surround(t)
	ctx := context.Background()
	rows := Code(Get(1), Load32(8))
	for _, c := range []struct {
		name string
		wasm []byte
		want []uint32 // of records 0 to 4
	}{
		{"every second is dropped", numbered(Code(rows, Const32(2), DivU), Code(Get(3), Const32(2), Mul)), []uint32{0, 2}},
		{"each is split in two", numbered(Code(rows, Const32(2), Mul), Code(Get(3), Const32(2), DivU)), []uint32{0, 0, 1, 1, 2, 2, 3, 3, 4, 4}},
		{"all are dropped", numbered(Const32(0), Get(3)), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := must(s.host.Load(ctx, "some", c.wasm, plugins.Settings{}))
			defer p.Close(ctx)
			r := must(p.Transform(ctx, []engine.Column{texts("message", "a", "b", "c", "d", "e")}, 5))
			if !slices.Equal(r.Src, c.want) || len(r.Rejected) > 0 || len(r.Columns[0].Ints) != len(c.want) {
				t.Fatalf("%+v", r)
			}
			for _, v := range r.Columns[0].Ints {
				if v != 7 {
					t.Errorf("%d", v)
				}
			}
		})
	}
}

func TestFieldWiseFunctionsKeepTheirRecords(t *testing.T) {
	s := surround(t)
	ctx := context.Background()
	for name, n := range map[string]uint32{"drops": 0, "splits": 2} {
		answer := frame(n, src(make([]uint32, n)...), col{kind: 4, flags: 2, offsets: u32s(0, 1), data: []byte("x")})
		p := must(s.host.Load(ctx, name, some(answer).Bytes(), plugins.Settings{Fields: []string{"message", "body.a"}}))
		defer p.Close(ctx)
		r := must(p.Transform(ctx, []engine.Column{texts("message", "a"), texts("body.a", "b")}, 1))
		if len(r.Src) != 0 || len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Reason, "drops or splits") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := s.host.Load(ctx, "some", numbered(Const32(0), Get(3)), plugins.Settings{Fields: []string{"message"}}); err == nil || !strings.Contains(err.Error(), "fields are given") {
		t.Error(err)
	}
}
