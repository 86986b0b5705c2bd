package meter_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/plugins/bundled"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
	"tidemark.dev/tidemark/plugins/meter"
)

// run is a module that runs, and how often it has called the meter's host.
type run struct {
	api.Module
	yields int
}

// start runs a module with the imports that plugins get; limit bounds the
// memory, in pages.
func start(t testing.TB, wasm []byte) *run {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(1024))
	t.Cleanup(func() { r.Close(ctx) })
	out := &run{}
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	_, err := r.NewHostModuleBuilder(meter.Module).
		NewFunctionBuilder().WithFunc(func() { out.yields++ }).Export(meter.Name).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.NewHostModuleBuilder("env").
		NewFunctionBuilder().WithFunc(func(int32, int32, int32, int32) { panic("aborted") }).Export("abort").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if out.Module, err = r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStartFunctions("_initialize")); err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *run) call(t interface{ Fatal(...any) }, name string, args ...uint64) uint64 {
	out, err := r.ExportedFunction(name).Call(context.Background(), args...)
	if err != nil {
		t.Fatal(name, err)
	}
	if len(out) == 0 {
		return 0
	}
	return out[0]
}

func rewrite(t testing.TB, wasm []byte) []byte {
	t.Helper()
	before := bytes.Clone(wasm)
	out, err := meter.Rewrite(wasm)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, wasm) {
		t.Fatal("the input was changed")
	}
	return out
}

// maskRequest is a frame with one column of text.
func maskRequest(values []string) []byte {
	le := binary.LittleEndian
	offsets, data := []byte{0, 0, 0, 0}, []byte{}
	for _, v := range values {
		data = append(data, v...)
		offsets = le.AppendUint32(offsets, uint32(len(data)))
	}
	offsets = append(offsets, make([]byte, -len(offsets)&7)...)
	b := make([]byte, 64)
	le.PutUint32(b, 0x31424d54)
	le.PutUint32(b[8:], uint32(len(values)))
	le.PutUint32(b[12:], 1)
	b[32] = 4
	le.PutUint32(b[32+12:], 64)
	le.PutUint32(b[32+16:], uint32(64+len(offsets)))
	le.PutUint32(b[32+20:], uint32(len(data)))
	b = append(append(b, offsets...), data...)
	b = append(b, make([]byte, -len(b)&7)...)
	le.PutUint32(b[16:], uint32(len(b)))
	return b
}

func (r *run) mask(t interface{ Fatal(...any) }, request []byte) []byte {
	ptr := r.call(t, "tm_alloc", uint64(len(request)))
	if !r.Memory().Write(uint32(ptr), request) {
		t.Fatal("no room")
	}
	v := r.call(t, "tm_call", 0, ptr, uint64(len(request)))
	b, ok := r.Memory().Read(uint32(v>>32), uint32(v))
	if !ok {
		t.Fatal("no answer")
	}
	return bytes.Clone(b)
}

func TestMeteredModulesGiveTheSameAnswers(t *testing.T) {
	wasm, ok := bundled.Lookup("mask_pii")
	if !ok {
		t.Fatal("mask_pii is not built: run plugins/build.sh")
	}
	plain, metered := start(t, wasm), start(t, rewrite(t, wasm))
	piece := rapid.SampledFrom([]string{"ann@example.com", "10.0.0.1", " ", "::1", "4111111111111111", "é", "x", "-", "."})
	rapid.Check(t, func(t *rapid.T) {
		var values []string
		for range rapid.IntRange(0, 20).Draw(t, "rows") {
			values = append(values, strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "pieces"), ""))
		}
		request := maskRequest(values)
		if a, b := plain.mask(t, request), metered.mask(t, request); !bytes.Equal(a, b) {
			t.Fatalf("%q: plain %q, metered %q", values, a, b)
		}
	})
	if plain.yields != 0 {
		t.Error("the plain module calls the meter")
	}
}

// times is a module whose function run loops n times over body.
func times(body []byte) []byte {
	return Module{Pages: 2, Globals: 1, Funcs: []Func{
		{Name: "run", Params: []byte{I32}, Results: []byte{I32}, Code: Code(
			Loop(body, Get(0), Const32(1), Sub, Set(0), Get(0)), GlobalGet(0))},
		{Name: "one", Code: Op(0x01)},
	}}.Bytes()
}

func TestYieldsAreCounted(t *testing.T) {
	nops := func(n int) []byte { return bytes.Repeat([]byte{0x01}, n) }
	fill := func(n int32) []byte { return Code(Const32(0), Const32(1), Const32(n), MemoryFill) }
	for _, c := range []struct {
		name  string
		body  []byte
		loops uint64
		want  int
	}{
		{"one below", nil, meter.Quantum - 2, 0}, // the entry of run counts as well
		{"just", nil, meter.Quantum - 1, 1},
		{"three", nil, 3 * meter.Quantum, 3},
		{"calls", Call(1), 3 * meter.Quantum / 2, 3},
		{"a long body", nops(1024), 3 * meter.Quantum / 2, 3},
		{"a longer body", nops(4096), 3*meter.Quantum/5 + 3, 3},
		{"fills 64 bytes", fill(64), meter.Quantum, 3}, // loop, instruction and bytes
		{"fills much", fill(1 << 16), 260, 4},          // 1026 each
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, rewrite(t, times(c.body)))
			r.call(t, "run", c.loops)
			if r.yields != c.want {
				t.Errorf("%d loops yield %d times instead of %d", c.loops, r.yields, c.want)
			}
		})
	}
}

// jumps is a module whose function run goes n times through two blocks of a
// switch. It jumps as Go's code does: by a number and the head of the switch.
func jumps() []byte {
	const n, next = 0, 1
	to := func(number int32, loop uint32) []byte { return Code(Const32(number), Set(next), Op(0x0c), U32(loop)) }
	return Module{Funcs: []Func{{Name: "run", Params: []byte{I32}, Locals: []byte{I32}, Code: Code(
		Op(0x03, 0x40), Op(0x02, 0x40), Op(0x02, 0x40), Get(next), Op(0x0e, 1, 0, 1, 0x0b),
		Get(n), Op(0x45), If(Return), to(1, 1), // ahead, to the end of the block
		Op(0x0b), Get(n), Const32(1), Sub, Set(n), to(0, 0), // back
		Op(0x0b))}}}.Bytes()
}

// A jump ahead costs nothing, and one back is a turn of a loop.
func TestJumpsBackAreCounted(t *testing.T) {
	r := start(t, rewrite(t, jumps()))
	r.call(t, "run", 3*meter.Quantum)
	if r.yields != 3 {
		t.Errorf("%d turns yield %d times instead of 3", 3*meter.Quantum, r.yields)
	}
}

func TestCountsAreBounded(t *testing.T) {
	for name, section := range map[string][]byte{
		"more types than bytes":  {1, 5, 0xff, 0xff, 0xff, 0x7f, 0x60},
		"a signature too long":   {1, 7, 1, 0x60, 0xff, 0xff, 0xff, 0x7f, 0x7f},
		"a segment too long":     {11, 9, 1, 1, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0},
		"a billion of locals":    {10, 10, 1, 8, 1, 0xff, 0xff, 0xff, 0x7f, 0x7f, 1, 0x0b},
		"a million of functions": append(append([]byte{3}, U32(1<<20+3)...), append(U32(1<<20), make([]byte, 1<<20)...)...),
	} {
		if _, err := meter.Rewrite(append([]byte("\x00asm\x01\x00\x00\x00"), section...)); err == nil {
			t.Errorf("%s: it is rewritten", name)
		}
	}
}

func TestOwnGlobalsAreOutOfReach(t *testing.T) {
	for name, code := range map[string][]byte{
		"set counter": Code(Const64(1<<60), GlobalSet(1)), "get counter": Code(GlobalGet(1), Drop), "set scratch": Code(Const32(0), GlobalSet(2)),
	} {
		m := Module{Globals: 1, Funcs: []Func{{Name: "run", Code: code}}}
		if _, err := meter.Rewrite(m.Bytes()); err == nil {
			t.Errorf("%s: it is rewritten", name)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	// table.grow by 2^20 elements answers -1.
	grow := Func{Name: "run", Results: []byte{I32}, Code: Code(Op(0xd0, 0x70), Const32(1<<20), Op(0xfc, 15, 0))}
	m := Module{Tables: []uint32{1}, Funcs: []Func{grow}}.Bytes()
	if got := int32(start(t, rewrite(t, m)).call(t, "run")); got != -1 {
		t.Errorf("the table grew from %d", got)
	}
}

// FuzzRewrite gives the rewriter anything at all. What the compiler takes, it
// must still take when it was rewritten.
func FuzzRewrite(f *testing.F) {
	if wasm, ok := bundled.Lookup("mask_pii"); ok {
		f.Add(wasm)
	}
	f.Add(times(Call(1)))
	f.Add(jumps())
	f.Add(times(Code(Const32(0), Const32(1), Const32(9), MemoryFill)))
	f.Add(Module{Tables: []uint32{3}, Funcs: []Func{{}, {Name: "x", Code: Call(0)}}, Start: 1}.Bytes())
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithMemoryLimitPages(64))
	f.Cleanup(func() { r.Close(ctx) })
	compiles := func(wasm []byte) (err error) {
		defer func() { // some modules are too much for the compiler, which the plugins' host knows
			if r := recover(); r != nil {
				err = fmt.Errorf("the compiler panics: %v", r)
			}
		}()
		c, err := r.CompileModule(ctx, wasm)
		if err == nil {
			c.Close(ctx)
		}
		return err
	}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		out, err := meter.Rewrite(wasm)
		if err != nil {
			return
		}
		if compiles(wasm) != nil {
			return
		}
		if err := compiles(out); err != nil {
			t.Fatalf("it compiles, and does not when it is rewritten: %v", err)
		}
	})
}
