package meter_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
	"tidemark.dev/tidemark/plugins/meter"
)

// The modules that are generated stop by themselves: every function and loop of
// theirs takes one from a global, and returns nothing but a trap without any.
const (
	fuelGlobal = 0
	fuel       = 1500 // calls within calls are fewer than the interpreter has room for
)

// generator writes functions that are valid, and do anything at all.
type generator struct {
	t     *rapid.T
	funcs []Func // what is known of all of them; the code comes one by one
	f     *Func
	// labels are the types of what a branch carries, the innermost last.
	labels [][]byte
	left   int // instructions to come, more or less
	// switches are the loops that are a switch, by what their label carries.
	switches []*turns
}

// turns is a loop that begins with a switch: a jump in it is a number for a local
// variable and a branch to its head. Only those may go there, as the head burns
// nothing.
type turns struct {
	local  uint32
	number int // how many the switch knows
	label  int
}

// indexed is the function whose type, i32 to i32, blocks may have: type 0.
var indexed = Func{Params: []byte{I32}, Results: []byte{I32}, Code: Get(0)}

func generate(t *rapid.T) Module {
	kinds := rapid.SampledFrom([]byte{I32, I64})
	g := &generator{t: t, funcs: []Func{indexed}}
	for n := range rapid.IntRange(1, 4).Draw(t, "functions") {
		f := Func{
			Params:  rapid.SliceOfN(kinds, 0, 3).Draw(t, "params"),
			Results: rapid.SliceOfN(kinds, 0, 2).Draw(t, "results"),
			Locals:  []byte{I32, I64, I32, I64},
		}
		if n == 0 {
			f.Name, f.Params, f.Results = "run", []byte{I32, I64}, f.Results[:min(1, len(f.Results))]
		}
		g.funcs = append(g.funcs, f)
	}
	for i := range g.funcs[1:] {
		g.f = &g.funcs[i+1]
		g.labels, g.left, g.switches = [][]byte{g.f.Results}, 150, nil
		g.f.Code = Code(g.burn(), g.statements(), g.values(g.f.Results))
	}
	m := Module{Funcs: g.funcs, Pages: 1, Globals: 2, Tables: []uint32{uint32(len(g.funcs))}}
	for i := range g.funcs {
		m.Entries = append(m.Entries, uint32(i))
	}
	m.Funcs = append(m.Funcs, Func{Name: "fill", Params: []byte{I32}, Code: Code(Get(0), GlobalSet(fuelGlobal))})
	return m
}

func (g *generator) pick(n int, what string) int { return rapid.IntRange(0, n-1).Draw(g.t, what) }

// burn takes one from the fuel, and traps when there is none.
func (g *generator) burn() []byte {
	return Code(GlobalGet(fuelGlobal), Const32(1), Sub, GlobalSet(fuelGlobal), GlobalGet(fuelGlobal), Op(0x45), If(Unreachable))
}

func (g *generator) values(kinds []byte) []byte {
	var out []byte
	for _, k := range kinds {
		out = append(out, g.value(k)...)
	}
	return out
}

// local is one of a type, and whether there is one; those without parameters
// have it.
func (g *generator) local(kind byte) uint32 {
	all := slices.Concat(g.f.Params, g.f.Locals)
	var fit []uint32
	for i, k := range all {
		if k == kind {
			fit = append(fit, uint32(i))
		}
	}
	return fit[g.pick(len(fit), "local")]
}

func (g *generator) address() []byte { return Code(g.value(I32), Const32(0xfff), Op(0x71)) } // i32.and

func (g *generator) value(kind byte) []byte {
	if g.left--; g.left < 0 {
		if kind == I32 {
			return Const32(int32(g.pick(100, "small")))
		}
		return Get(g.local(I64))
	}
	if kind == I64 {
		return g.long()
	}
	switch g.pick(8, "value") {
	case 0:
		return Const32(rapid.Int32().Draw(g.t, "number"))
	case 1:
		return GlobalGet(1)
	case 2:
		return Code(g.address(), Load32(uint32(g.pick(64, "offset"))))
	case 3:
		return Code(g.value(I64), Op(0xa7)) // i32.wrap_i64
	case 4: // a block that gives a value
		return g.block(0x02, I32, nil)
	case 5:
		return Code(g.value(I32), g.value(I32), Op(rapid.SampledFrom([]byte{0x6a, 0x6b, 0x6c, 0x6e, 0x71, 0x73, 0x74, 0x46, 0x49}).Draw(g.t, "op")))
	case 6: // call_indirect of one whose type is known, or not
		return Code(g.value(I32), g.value(I32), Const32(3), Op(0x71, 0x11, 0, 0))
	}
	return Get(g.local(I32))
}

func (g *generator) long() []byte {
	switch g.pick(4, "long") {
	case 0:
		return Const64(rapid.Int64().Draw(g.t, "number"))
	case 1:
		return Code(g.value(I32), Widen)
	case 2:
		return Code(g.value(I64), g.value(I64), Op(rapid.SampledFrom([]byte{0x7c, 0x7d, 0x7e, 0x84, 0x86}).Draw(g.t, "op64")))
	}
	return Get(g.local(I64))
}

// block is a block or an if, of a result or of none.
func (g *generator) block(op, result byte, before []byte) []byte {
	carried := []byte{result}
	if result == 0x40 {
		carried = nil
	}
	g.labels = append(g.labels, carried)
	defer func() { g.labels = g.labels[:len(g.labels)-1] }()
	body := Code(before, []byte{op, result}, g.statements(), g.values(carried))
	if op == 0x04 && (result != 0x40 || g.pick(2, "else") == 0) {
		body = Code(body, Op(0x05), g.statements(), g.values(carried))
	}
	return append(body, 0x0b)
}

// loop goes round again while a number is not 0. One of type 0 takes a value
// and gives it, which its branches carry.
func (g *generator) loop() []byte {
	if g.pick(2, "with a value") == 0 {
		g.labels = append(g.labels, nil)
		defer func() { g.labels = g.labels[:len(g.labels)-1] }()
		return Code(Op(0x03, 0x40), g.burn(), g.statements(), g.value(I32), Op(0x0d, 0, 0x0b))
	}
	first := g.value(I32)
	g.labels = append(g.labels, []byte{I32})
	defer func() { g.labels = g.labels[:len(g.labels)-1] }()
	to := g.local(I32)
	return Code(first, Op(0x03, 0), Set(to), g.burn(), g.statements(), g.value(I32), g.value(I32), Op(0x0d, 0, 0x0b), Set(to))
}

// dispatched is a loop as Go's compiler makes them.
func (g *generator) dispatched() []byte {
	x := &turns{local: g.local(I32), number: g.pick(6, "numbers"), label: len(g.labels)}
	blocks := 1 + g.pick(4, "blocks")
	g.switches = append(g.switches, x)
	g.labels = append(g.labels, []byte{byte(len(g.switches))}) // no type of a value
	out := Code(Op(0x03, 0x40), bytes.Repeat([]byte{0x02, 0x40}, blocks), Get(x.local), Op(0x0e), U32(uint32(x.number)))
	for range x.number + 1 {
		out = append(out, U32(uint32(g.pick(blocks, "entry")))...)
	}
	g.labels = append(g.labels, make([][]byte, blocks)...)
	for range blocks {
		g.labels = g.labels[:len(g.labels)-1]
		out = append(append(out, 0x0b), g.statements()...)
		if g.pick(2, "a jump") == 0 {
			out = append(out, g.value(I32)...)
			g.labels = append(g.labels, nil)
			out = append(out, If(g.jump(x))...)
			g.labels = g.labels[:len(g.labels)-1]
		}
	}
	g.labels = g.labels[:x.label]
	return append(out, 0x0b)
}

func (g *generator) jump(x *turns) []byte {
	return Code(g.burn(), Const32(int32(g.pick(x.number+2, "number")-1)), Set(x.local), Op(0x0c), U32(uint32(len(g.labels)-1-x.label)))
}

func (g *generator) statements() []byte {
	var out []byte
	for range g.pick(5, "statements") {
		if g.left < 0 {
			break
		}
		out = append(out, g.statement()...)
	}
	return out
}

func (g *generator) statement() []byte {
	g.left--
	switch g.pick(14, "statement") {
	case 0:
		return Code(g.value(I32), Set(g.local(I32)))
	case 1:
		return Code(g.value(I64), Set(g.local(I64)))
	case 2:
		return Code(g.address(), g.value(I32), Store32(uint32(g.pick(64, "offset"))))
	case 3: // memory.copy
		return Code(g.address(), g.address(), g.value(I32), Const32(0x1ff), Op(0x71, 0xfc, 10, 0, 0))
	case 4:
		return Code(g.address(), g.value(I32), g.value(I32), Const32(0x1ff), Op(0x71), MemoryFill)
	case 5, 6:
		return g.loop()
	case 7:
		return g.block(0x02, 0x40, nil)
	case 8:
		return g.block(0x04, 0x40, g.value(I32))
	case 9:
		return g.call()
	case 10:
		return Code(g.value(I32), GlobalSet(1))
	case 11:
		return g.branch()
	case 12:
		return g.dispatched()
	}
	return Code(g.values(g.f.Results), Return)
}

func (g *generator) call() []byte {
	n := 1 + g.pick(len(g.funcs)-1, "callee")
	out := Code(g.values(g.funcs[n].Params), Call(uint32(n)))
	for range g.funcs[n].Results {
		out = append(out, Drop...)
	}
	return out
}

func (g *generator) branch() []byte {
	to := g.pick(len(g.labels), "label")
	carried := g.labels[len(g.labels)-1-to]
	if len(carried) > 0 && int(carried[0]) <= len(g.switches) {
		return g.jump(g.switches[carried[0]-1])
	}
	switch g.pick(3, "branch") {
	case 0:
		return Code(g.values(carried), Op(0x0c), U32(uint32(to)))
	case 1:
		out := Code(g.values(carried), g.value(I32), Op(0x0d), U32(uint32(to)))
		for range carried {
			out = append(out, Drop...)
		}
		return out
	}
	// All labels of a table carry the same.
	table := []byte{}
	n := uint32(0)
	for i := range g.labels {
		if bytes.Equal(g.labels[len(g.labels)-1-i], carried) {
			table = append(table, U32(uint32(i))...)
			n++
		}
	}
	return Code(g.values(carried), g.value(I32), Op(0x0e), U32(n), table, U32(uint32(to)))
}

// outcome is all that can be seen of a run.
type outcome struct {
	results []uint64
	trap    string
	memory  []byte
}

type machine struct {
	runtime wazero.Runtime
	yields  int
}

func newMachine(t testing.TB, config wazero.RuntimeConfig) *machine {
	ctx := context.Background()
	m := &machine{runtime: wazero.NewRuntimeWithConfig(ctx, config.WithMemoryLimitPages(4))}
	t.Cleanup(func() { m.runtime.Close(ctx) })
	_, err := m.runtime.NewHostModuleBuilder(meter.Module).
		NewFunctionBuilder().WithFunc(func() { m.yields++ }).Export(meter.Name).Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) outcomes(t *rapid.T, wasm []byte, args [][2]uint64) (out []outcome) {
	ctx := context.Background()
	compiled, err := m.runtime.CompileModule(ctx, wasm)
	if err != nil {
		t.Fatalf("it does not compile: %v\n%x", err, wasm)
	}
	defer compiled.Close(ctx)
	for _, a := range args {
		module, err := m.runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, observe(ctx, module, a))
		module.Close(ctx)
	}
	return out
}

func observe(ctx context.Context, module api.Module, args [2]uint64) (o outcome) {
	if _, err := module.ExportedFunction("fill").Call(ctx, fuel); err != nil {
		return outcome{trap: err.Error()}
	}
	results, err := module.ExportedFunction("run").Call(ctx, uint64(uint32(args[0])), args[1])
	if err != nil {
		o.trap, _, _ = strings.Cut(err.Error(), "\n")
	}
	o.results = results
	memory, _ := module.Memory().Read(0, module.Memory().Size())
	o.memory = bytes.Clone(memory)
	return o
}

// sameMetered is the property: what a module does is what it does when it is
// metered.
func sameMetered(plain, metered *machine) func(t *rapid.T) {
	return func(t *rapid.T) {
		wasm := generate(t).Bytes()
		// With a small one the host is called all the time.
		rewritten, err := meter.RewriteEvery(wasm, rapid.SampledFrom([]int64{1, 2, 7, 100, meter.Quantum}).Draw(t, "quantum"))
		if err != nil {
			t.Fatalf("it is refused: %v\n%x", err, wasm)
		}
		args := [][2]uint64{{0, 0}, {rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")}}
		want, got := plain.outcomes(t, wasm, args), metered.outcomes(t, rewritten, args)
		for i := range want {
			if !slices.Equal(want[i].results, got[i].results) || want[i].trap != got[i].trap || !bytes.Equal(want[i].memory, got[i].memory) {
				t.Fatalf("run(%d): plain %v %q, metered %v %q, the same memory: %v\n%x", args[i], want[i].results, want[i].trap,
					got[i].results, got[i].trap, bytes.Equal(want[i].memory, got[i].memory), wasm)
			}
		}
	}
}

func TestGeneratedModulesDoTheSame(t *testing.T) {
	for name, config := range map[string]func() wazero.RuntimeConfig{"interpreted": wazero.NewRuntimeConfigInterpreter, "compiled": wazero.NewRuntimeConfig} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, sameMetered(newMachine(t, config()), newMachine(t, config())))
		})
	}
}

// FuzzGenerated is the same for as long as one likes.
func FuzzGenerated(f *testing.F) {
	plain, metered := newMachine(f, wazero.NewRuntimeConfigInterpreter()), newMachine(f, wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(rapid.MakeFuzz(sameMetered(plain, metered)))
}
