package plugins_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// Where the plugins of this file keep things in their memory.
const (
	manifestAt = 1 << 10
	emptyAt    = 8 << 10  // the answer to a batch without rows
	answerAt   = 16 << 10 // the answer to any other
	requestAt  = 1 << 20
)

const someManifest = `{"name":"some","version":"1.0.0","abi":"1.0","deterministic":true,"functions":[{"name":"some","kind":"transform",` +
	`"inputs":[{"field":"message","type":"utf8"}],"outputs":[{"field":"message","type":"utf8"}]}]}`

var (
	i32, i64  = []byte{I32}, []byte{I64}
	i32i32    = []byte{I32, I32}
	i32i32i32 = []byte{I32, I32, I32}
)

// col is a column of a frame under test.
type col struct {
	kind, flags             byte
	validity, offsets, data []byte
}

func u32s(values ...uint32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	return out
}

// frame lays columns out; it does not check them.
func frame(rows uint32, columns ...col) []byte {
	b := make([]byte, 32+32*len(columns))
	le := binary.LittleEndian
	place := func(region []byte) uint32 {
		at := len(b)
		b = append(b, region...)
		b = append(b, make([]byte, -len(b)&7)...)
		return uint32(at)
	}
	for i, c := range columns {
		d := 32 + 32*i
		b[d], b[d+1] = c.kind, c.flags
		validity, offsets, data := place(c.validity), place(c.offsets), place(c.data)
		le.PutUint32(b[d+8:], validity)
		le.PutUint32(b[d+12:], offsets)
		le.PutUint32(b[d+16:], data)
		le.PutUint32(b[d+20:], uint32(len(c.data)))
	}
	le.PutUint32(b, 0x31424d54)
	le.PutUint32(b[8:], rows)
	le.PutUint32(b[12:], uint32(len(columns)))
	le.PutUint32(b[16:], uint32(len(b)))
	return b
}

// edit changes a word of a frame.
func edit(b []byte, at int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint32(b[at:], v)
	return b
}

func src(rows ...uint32) col { return col{kind: 7, data: u32s(rows...)} }

// text is the column of the two texts "ab" and "c".
func text() col { return col{kind: 4, offsets: u32s(0, 2, 3), data: []byte("abc")} }

func emptyText() col { return col{kind: 4, offsets: u32s(0)} }

// some is a plugin that answers a batch with answer. Its functions can be
// replaced by name; others are added.
func some(answer []byte, replace ...Func) Module {
	m := Module{
		Pages: 64,
		Funcs: []Func{
			{Name: "tm_abi_1", Results: i32, Code: Const32(0)},
			{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(someManifest)))},
			{Name: "tm_alloc", Params: i32, Results: i32, Code: Const32(requestAt)},
			{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(
				Get(1), Load32(8), If(Packed(answerAt, uint32(len(answer))), Return),
				Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))},
		},
		Data: []Data{At(manifestAt, []byte(someManifest)), At(emptyAt, frame(0, src(), emptyText())), At(answerAt, answer)},
	}
	for _, f := range replace {
		i := slices.IndexFunc(m.Funcs, func(g Func) bool { return g.Name == f.Name })
		if i < 0 {
			m.Funcs = append(m.Funcs, f)
		} else {
			m.Funcs[i] = f
		}
	}
	return m
}

func without(name string) []byte {
	m := some(nil)
	m.Funcs = slices.DeleteFunc(m.Funcs, func(f Func) bool { return f.Name == name })
	return m.Bytes()
}

func saying(manifest string) []byte {
	m := some(nil, Func{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(manifest)))})
	m.Data[0].Bytes = []byte(manifest)
	return m.Bytes()
}

func importing(module, name string, params, results []byte) []byte {
	m := some(nil)
	m.Imports = []Import{{Module: module, Name: name, Params: params, Results: results}}
	return m.Bytes()
}

func starting(code []byte) []byte {
	m := some(nil, Func{Name: "started", Code: code})
	m.Start = len(m.Funcs) - 1
	return m.Bytes()
}

// recursion calls itself, as function 4, until there is no more stack.
var recursion = Func{Name: "deep", Params: i32, Results: i32, Code: Code(Get(0), Const32(1), Add, Call(4), Const32(1), Add)}

// hugeSegment says that it has a gigabyte of data, in twelve bytes.
func hugeSegment() []byte {
	m := some(nil)
	m.Data = nil
	return append(m.Bytes(), 11, 10, 1, 0, 0x41, 0, 0x0b, 0x80, 0x80, 0x80, 0x80, 4)
}

// reentrant calls back into itself wherever the host calls it.
func reentrant() []byte {
	return some(nil,
		Func{Name: "tm_alloc", Params: i32, Results: i32, Code: Code(Const32(0), Const32(0), Const32(0), Call(3), Drop, Const32(8))},
		Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(Const32(8), Call(2), Drop, Const64(0))}).Bytes()
}

func many(n int) []byte {
	m := some(nil)
	for range n {
		m.Funcs = append(m.Funcs, Func{Code: Op(0x01)})
	}
	return m.Bytes()
}

// surroundings is a host for hostile modules, with mask_pii beside them.
type surroundings struct {
	host *plugins.Host
	good *plugins.Plugin
}

func surround(t testing.TB) surroundings { return surroundFor(t, patience) }

// surroundFor gives modules so long to start.
func surroundFor(t testing.TB, start time.Duration) surroundings {
	t.Helper()
	ctx := context.Background()
	host, err := plugins.NewHost(ctx, plugins.Options{MaxInstances: 1, Start: start})
	if err != nil {
		t.Fatal(err)
	}
	wasm, ok := bundled.Lookup("mask_pii")
	if !ok {
		t.Fatal("mask_pii is not built: run plugins/build.sh")
	}
	good, err := host.Load(ctx, "mask_pii", wasm, plugins.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { good.Close(ctx); host.Close(ctx) })
	return surroundings{host, good}
}

// stillWorks checks that what was just tried left the others alone.
func (s surroundings) stillWorks(t *testing.T) {
	t.Helper()
	if got := mask(t, s.good, "to ann@example.com")[0]; got != "to [email]" {
		t.Errorf("mask_pii now makes %q", got)
	}
}

// patience is far more than anything here may take.
const patience = time.Minute

// A hostileModule must not load, and want says why.
type hostileModule struct {
	name string
	wasm []byte
	want string
}

func hostileModules() []hostileModule {
	good := some(nil).Bytes()
	forever := Forever()
	return []hostileModule{
		{"empty", nil, "not a valid WebAssembly module"},
		{"text", []byte("#!/bin/sh\necho hello\n"), "not a valid WebAssembly module"},
		{"only the head", good[:8], "does not export tm_abi_1"},
		{"cut in a section", good[:len(good)/2], "not a valid WebAssembly module"},
		{"cut at the end", good[:len(good)-1], "not a valid WebAssembly module"},
		{"a billion types", append(bytes.Clone(good[:8]), 1, 5, 0xff, 0xff, 0xff, 0x7f, 0x60), "not a valid WebAssembly module"},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), "not a valid WebAssembly module"},
		{"sections twice", append(bytes.Clone(good), good[8:]...), "not a valid WebAssembly module"},

		{"later ABI", bytes.Replace(good, []byte("tm_abi_1"), []byte("tm_abi_2"), 1), "made for ABI version 2"},
		{"control characters", bytes.Replace(good, []byte("tm_abi_1"), []byte("tm_abi_\x1b"), 1), "made for ABI version  ,"},
		{"later minor", some(nil, Func{Name: "tm_abi_1", Results: i32, Code: Const32(7)}).Bytes(), "needs ABI 1.7"},
		{"no tm_abi_1", without("tm_abi_1"), "no Tidemark plugin"},
		{"no tm_manifest", without("tm_manifest"), "does not export tm_manifest"},
		{"no tm_alloc", without("tm_alloc"), "does not export tm_alloc"},
		{"no tm_call", without("tm_call"), "does not export tm_call"},
		{"tm_alloc takes i64", some(nil, Func{Name: "tm_alloc", Params: i64, Results: i32, Code: Const32(8)}).Bytes(), "tm_alloc has another signature"},
		{"tm_call gives i32", some(nil, Func{Name: "tm_call", Params: i32i32i32, Results: i32, Code: Const32(8)}).Bytes(), "tm_call has another signature"},
		{"tm_init gives nothing", some(nil, Func{Name: "tm_init"}).Bytes(), "tm_init has another signature"},
		{"_initialize wants something", some(nil, Func{Name: "_initialize", Params: i32}).Bytes(), "_initialize has another signature"},
		{"no memory", Module{Funcs: some(nil).Funcs[:3], NoMemory: true}.Bytes(), "does not export tm_call"},

		{"imports a clock", importing("env", "now", nil, i64), "imports env.now, which plugins are not given"},
		{"imports the meter", importing("tidemark", "yield", nil, nil), "imports tidemark.yield, which is the host's"},
		{"imports a log of another kind", importing("tidemark", "log", i64, i64), "does not start"},
		{"a call of no function", some(nil, Func{Name: "x", Code: Call(99)}).Bytes(), "does not compile"},
		{"a value too few", some(nil, Func{Name: "x", Code: Drop}).Bytes(), "does not compile"},
		{"sets the counter", some(nil, Func{Name: "x", Code: Code(Const64(1<<62), GlobalSet(0))}).Bytes(), "not a valid WebAssembly module"},
		{"an atomic instruction", some(nil, Func{Name: "x", Code: Op(0xfe, 3, 0)}).Bytes(), "uses the instruction 0xfe"},
		{"a tail call", some(nil, Func{Name: "x", Code: Op(0x12, 0)}).Bytes(), "uses the instruction 0x12"},
		{"an endless size", append(bytes.Clone(good[:8]), 1, 0xff, 0xff, 0xff, 0xff, 0x0f), "not a valid WebAssembly module"},
		{"memory beyond the cap", func() []byte { m := some(nil); m.Pages = 60000; return m.Bytes() }(), "60000 pages"},
		{"a segment beyond memory", func() []byte { m := some(nil); m.Data[0].At = 1 << 30; return m.Bytes() }(), "does not start"},
		{"a data segment of 1 GB", hugeSegment(), "not a valid WebAssembly module"},
		{"tm_alloc and tm_call call each other", reentrant(), "stack overflow"},
		{"a huge table", func() []byte { m := some(nil); m.Tables = []uint32{1 << 27}; return m.Bytes() }(), "table has 134217728 elements"},
		{"many tables", func() []byte { m := some(nil); m.Tables = make([]uint32, 1000); return m.Bytes() }(), "has 1000 tables"},

		{"start traps", starting(Unreachable), "does not start: it trapped: unreachable"},
		{"start loops", starting(forever), "does not start: it ran longer than its deadline"},
		{"_initialize traps", some(nil, Func{Name: "_initialize", Code: Unreachable}).Bytes(), "_initialize failed: it trapped"},
		{"_initialize loops", some(nil, Func{Name: "_initialize", Code: forever}).Bytes(), "_initialize failed: it ran longer"},
		{"tm_abi_1 loops", some(nil, Func{Name: "tm_abi_1", Results: i32, Code: Code(forever, Const32(0))}).Bytes(), "tm_abi_1 failed: it ran longer"},
		{"tm_manifest loops", some(nil, Func{Name: "tm_manifest", Results: i64, Code: Code(forever, Const64(0))}).Bytes(), "tm_manifest failed: it ran longer"},
		{"tm_init loops", some(nil, Func{Name: "tm_init", Params: i32i32, Results: i64, Code: Code(forever, Const64(0))}).Bytes(), "tm_init failed: it ran longer"},
		{"tm_init refuses", some([]byte("no such key"), Func{Name: "tm_init", Params: i32i32, Results: i64, Code: Packed(answerAt, 11)}).Bytes(), "refused its configuration: no such key"},
		{"tm_init refuses nowhere", some(nil, Func{Name: "tm_init", Params: i32i32, Results: i64, Code: Packed(1<<31, 11)}).Bytes(), "outside of its memory"},
		{"tm_alloc loops", some(nil, Func{Name: "tm_alloc", Params: i32, Results: i32, Code: Code(forever, Const32(0))}).Bytes(), "tm_alloc failed: it ran longer"},
		{"tm_alloc gives 0", some(nil, Func{Name: "tm_alloc", Params: i32, Results: i32, Code: Const32(0)}).Bytes(), "refused 72 bytes"},
		{"tm_alloc gives 12", some(nil, Func{Name: "tm_alloc", Params: i32, Results: i32, Code: Const32(12)}).Bytes(), "not 8-aligned"},
		{"tm_alloc gives the end", some(nil, Func{Name: "tm_alloc", Params: i32, Results: i32, Code: Const32(64<<16 - 8)}).Bytes(), "outside of its memory"},
		{"tm_alloc gives -8", some(nil, Func{Name: "tm_alloc", Params: i32, Results: i32, Code: Const32(-8)}).Bytes(), "outside of its memory"},
		{"tm_call jumps back by a switch", some(nil, Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(
			Op(0x03, 0x40, 0x02, 0x40, 0x02, 0x40), Get(0), Op(0x0e, 1, 0, 1, 0x0b), // br_table
			Const32(1), Set(0), Op(0x0c, 1, 0x0b), Const32(0), Set(0), Op(0x0c, 0, 0x0b), Const64(0))}).Bytes(), "it ran longer than its deadline"},
		{"tm_call loops", some(nil, Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(forever, Const64(0))}).Bytes(), "it ran longer than its deadline"},
		{"tm_call answers nothing", some(nil, Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Const64(0)}).Bytes(), "not a frame"},
		{"tm_call answers nowhere", some(nil, Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Packed(1<<32-16, 96)}).Bytes(), "outside of its memory"},
		{"tm_call answers -1", some(nil, Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Const64(-1)}).Bytes(), "it answered with 4294967295 bytes"},
		{"memory without end", some(nil, Func{Name: "_initialize", Code: Code(Loop(Const32(16), MemoryGrow, Const32(-1), Ne), Unreachable)}).Bytes(), "unreachable"},

		{"no manifest", saying(""), "manifest cannot be read"},
		{"a manifest nowhere", some(nil, Func{Name: "tm_manifest", Results: i64, Code: Packed(1<<31, 100)}).Bytes(), "manifest: its answer lies outside"},
		{"a manifest of 2 GB", some(nil, Func{Name: "tm_manifest", Results: i64, Code: Packed(0, 1<<31)}).Bytes(), "2147483648 bytes"},
		{"a manifest of brackets", saying(strings.Repeat("[", 7000)), "manifest cannot be read"},
		{"a key of later", saying(strings.Replace(someManifest, `"abi"`, `"wants_network":true,"abi"`, 1)), `unknown field "wants_network"`},
		{"more behind it", saying(someManifest + "{}"), "goes on behind its end"},
		{"a later ABI in it", saying(strings.Replace(someManifest, `"1.0"`, `"1.9"`, 1)), "asks for ABI 1.9"},
		{"a decoder", saying(strings.Replace(someManifest, "transform", "decoder", 1)), "has framing"},
		{"an odd type", saying(strings.Replace(someManifest, "utf8", "complex", 1)), `type "complex"`},
		{"no functions", saying(`{"name":"some","version":"1.0.0","abi":"1.0","functions":[]}`), "names 0 functions"},
		{"a path as name", saying(strings.Replace(someManifest, `"some"`, `"../some"`, 1)), "no proper name"},
	}
}

func TestHostileModulesAreRefused(t *testing.T) {
	// Only what is meant to run out of time has little: on a busy machine
	// anything else might, too, and be refused for that.
	s, hurried := surround(t), surroundFor(t, time.Second/2)
	for _, c := range hostileModules() {
		t.Run(c.name, func(t *testing.T) {
			s, limits := s, plugins.Settings{Deadline: patience, Memory: 16 << 20}
			if strings.Contains(c.want, "it ran longer") {
				s, limits.Deadline = hurried, 60*time.Millisecond
			}
			p, err := s.host.Load(context.Background(), "hostile", c.wasm, limits)
			if err == nil {
				p.Close(context.Background())
				t.Fatal("it was loaded")
			}
			if text := err.Error(); !strings.Contains(text, c.want) || !strings.Contains(text, "hostile") {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
			if engine.KindOf(err) != engine.Invalid || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("kind %s, text %q", engine.KindOf(err), err)
			}
			s.stillWorks(t)
		})
	}
}

func TestLargeModules(t *testing.T) {
	s := surround(t)
	big := some(nil)
	big.Data = append(big.Data, At(2<<20, make([]byte, 33<<20)))
	if _, err := s.host.Load(context.Background(), "hostile", big.Bytes(), plugins.Settings{}); err == nil || !strings.Contains(err.Error(), "larger than 32 MiB") {
		t.Error(err)
	}
	p, err := s.host.Load(context.Background(), "large", many(10_000), plugins.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	p.Close(context.Background())
	s.stillWorks(t)
}

func TestMemoryOfLessThanAPage(t *testing.T) {
	s := surround(t)
	if _, err := s.host.Load(context.Background(), "some", some(nil).Bytes(), plugins.Settings{Memory: 1}); err == nil || !strings.Contains(err.Error(), "pages") {
		t.Error(err)
	}
	if _, err := s.host.Load(context.Background(), "some", some(nil).Bytes(), plugins.Settings{Memory: 1 << 40}); err == nil || !strings.Contains(err.Error(), "no plugin may have") {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestLoopsAreInterrupted runs each kind of endless work in a call, while the
// collector runs: it can only when the guest lets it.
func TestLoopsAreInterrupted(t *testing.T) {
	s := surround(t)
	whole := Code(Const32(0), Const32(7), Const32(64<<16), MemoryFill)
	body := func(n int) []byte { return bytes.Repeat(Code(Const32(3), Drop), n) }
	for _, c := range []struct {
		name string
		loop []byte
	}{
		{"nothing", Forever()},
		{"a branch", Code(Loop(Const32(1)))},
		{"calls", Forever(Call(0), Drop)},
		{"fills memory", Forever(whole)},
		{"grows by nothing", Forever(Const32(0), MemoryGrow, Drop)},
		{"a long body", Forever(body(200_000))},
		{"random numbers", Forever(Const32(0), Const32(4<<20), Call(0), Drop)},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := some(nil)
			code := c.loop
			if c.name == "random numbers" {
				m.Imports = []Import{{Module: "wasi_snapshot_preview1", Name: "random_get", Params: i32i32, Results: i32}}
			}
			call := &m.Funcs[3]
			call.Code = Code(Get(1), Load32(8), If(code), Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))
			p, err := s.host.Load(context.Background(), "endless", m.Bytes(), plugins.Settings{Deadline: 60 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(context.Background())
			stop, done := make(chan bool), make(chan time.Duration)
			go collect(stop, done)
			started := time.Now()
			r, err := p.Transform(context.Background(), []engine.Column{texts("message", "one")}, 1)
			took := time.Since(started)
			close(stop)
			longest := <-done
			if err != nil || len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Reason, "deadline") {
				t.Fatalf("%+v %v", r, err)
			}
			if took > patience || longest > patience {
				t.Errorf("stopped after %v; the collector waited %v", took, longest)
			}
			s.stillWorks(t)
		})
	}
}

// collect runs the collector until stopped, and tells the longest run.
func collect(stop <-chan bool, done chan<- time.Duration) {
	var longest time.Duration
	for {
		select {
		case <-stop:
			done <- longest
			return
		case <-time.After(5 * time.Millisecond):
			started := time.Now()
			runtime.GC()
			longest = max(longest, time.Since(started))
		}
	}
}

func TestEndlessRecursion(t *testing.T) {
	s := surround(t)
	m := some(nil, recursion)
	m.Funcs[3].Code = Code(Get(1), Load32(8), If(Const32(0), Call(4), Drop), Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))
	p := must(s.host.Load(context.Background(), "deep", m.Bytes(), plugins.Settings{Deadline: patience}))
	defer p.Close(context.Background())
	r := must(p.Transform(context.Background(), []engine.Column{texts("message", "one")}, 1))
	if len(r.Rejected) != 1 || r.Rejected[0].Reason != "it trapped: stack overflow" {
		t.Errorf("%+v", r)
	}
	s.stillWorks(t)
}

func TestEndlessPluginIsGivenUp(t *testing.T) {
	s := surround(t)
	m := some(nil)
	m.Funcs[3].Code = Code(Get(1), Load32(8), If(Forever()), Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))
	p := must(s.host.Load(context.Background(), "endless", m.Bytes(), plugins.Settings{Deadline: 10 * time.Millisecond}))
	defer p.Close(context.Background())
	started := time.Now()
	r := must(p.Transform(context.Background(), []engine.Column{texts("message", make([]string, 1000)...)}, 1000))
	if len(r.Rejected) != 1000 || len(r.Src) != 0 || time.Since(started) > patience {
		t.Errorf("%d rejected, %d kept, after %v", len(r.Rejected), len(r.Src), time.Since(started))
	}
	if last := r.Rejected[999].Reason; !strings.Contains(last, "broke too often") || !strings.Contains(last, "deadline") {
		t.Error(last)
	}
	for i, x := range r.Rejected {
		if x.Row != i {
			t.Fatalf("row %d at place %d", x.Row, i)
		}
	}
	s.stillWorks(t)
}

func TestCancelStopsALoop(t *testing.T) {
	s := surround(t)
	m := some(nil)
	m.Funcs[3].Code = Code(Get(1), Load32(8), If(Forever()), Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))
	p := must(s.host.Load(context.Background(), "endless", m.Bytes(), plugins.Settings{Deadline: time.Hour}))
	defer p.Close(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Transform(ctx, []engine.Column{texts("message", "one")}, 1); engine.KindOf(err) != engine.Canceled {
		t.Errorf("%v", err)
	}
}
