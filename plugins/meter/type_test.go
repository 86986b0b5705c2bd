package meter

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

func testSection(id byte, body ...byte) []byte {
	return append(appendU32([]byte{id}, uint32(len(body))), body...)
}

// testModule is a module of one function, exported as f, with 15 types so
// that 14 is one.
func testModule(locals, code []byte) []byte {
	types := []byte{15}
	for range 15 {
		types = append(types, 0x60, 0, 0)
	}
	body := append(append(bytes.Clone(locals), code...), 0x0b)
	return bytes.Join([][]byte{
		[]byte("\x00asm\x01\x00\x00\x00"),
		testSection(secType, types...),
		testSection(secFunction, 1, 0),
		testSection(secExport, 1, 1, 'f', 0, 0),
		testSection(secCode, append(appendU32([]byte{1}, uint32(len(body))), body...)...),
	}, nil)
}

// A type that takes the rewriter one byte and the runtime two would make the
// second byte an instruction here, whose operands are instructions there: this
// one is a br_table over a loop without an end.
func TestALoopCannotHideBehindAType(t *testing.T) {
	hidden := []byte{
		0x41, 0, 0x1a, // i32.const 0, drop: 0x41 is the length of the table
		0x03, 0x40, 0x0c, 0, 0x0b, // loop, br 0, end
	}
	hidden = append(hidden, bytes.Repeat([]byte{0x01}, 67-len(hidden))...)
	code := append([]byte{0x02, 0x63, 14}, hidden...) // block of (ref null 14)
	if _, err := Rewrite(testModule([]byte{0}, append(code, 0x00, 0x0b, 0x1a))); err == nil {
		t.Fatal("the loop was not seen, so that it would never count")
	}
}

func TestTypesThatPluginsMayNotHave(t *testing.T) {
	none := []byte{0}
	module := func(sections ...[]byte) []byte {
		return append([]byte("\x00asm\x01\x00\x00\x00"), bytes.Join(sections, nil)...)
	}
	for _, c := range []struct {
		name string
		wasm []byte
		want string
	}{
		{"of a block", testModule(none, []byte{0x02, 0x64, 14, 0x00, 0x0b, 0x1a}), "type 0x64"},
		{"of a loop", testModule(none, []byte{0x03, 0x63, 14, 0x00, 0x0b, 0x1a}), "type 0x63"},
		{"of an if", testModule(none, []byte{0x41, 0, 0x04, 0x63, 14, 0x00, 0x05, 0x00, 0x0b, 0x1a}), "type 0x63"},
		{"of a block, by the index that is ours", testModule(none, []byte{0x02, 15, 0x0b}), "not a valid"},
		{"of a local", testModule([]byte{1, 1, 0x63, 14}, nil), "type 0x63"},
		{"of a select", testModule(none, []byte{0x41, 0, 0x41, 0, 0x41, 0, 0x1c, 1, 0x63, 14, 0x1a}), "type 0x63"},
		{"of a null", testModule(none, []byte{0xd0, 14, 0x1a}), "type 0x0e"},
		{"of a call, by the index that is ours", testModule(none, []byte{0x41, 0, 0x11, 15, 0}), "not a valid"},
		{"of a parameter", module(testSection(secType, 1, 0x60, 1, 0x64, 0, 0)), "type 0x64"},
		{"of a result", module(testSection(secType, 1, 0x60, 0, 1, 0x63, 0)), "type 0x63"},
		{"of a function, by the index that is ours", module(testSection(secFunction, 1, 0)), "not a valid"},
		{"of an import, by the index that is ours", module(testSection(secImport, 1, 1, 'a', 1, 'b', 0, 0)), "not a valid"},
		{"of an imported global", module(testSection(secImport, 1, 1, 'a', 1, 'b', 3, 0x63, 14, 0)), "type 0x63"},
		{"of a global", module(testSection(secGlobal, 1, 0x63, 14, 0, 0xd0, 0x70, 0x0b)), "type 0x63"},
		{"of a table", module(testSection(secTable, 1, 0x63, 0x70, 0, 1)), "type 0x63"},
		{"of a table with a first value", module(testSection(secTable, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b)), "type 0x40"},
		{"of elements", module(testSection(secElement, 1, 5, 0x63, 0x70, 0)), "type 0x63"},
		{"of shared memory", module(testSection(secImport, 1, 1, 'a', 1, 'b', 2, 3, 1, 1)), "shares its memory"},
		{"of a function behind the last number", testModule(none, []byte{0x10, 0xff, 0xff, 0xff, 0xff, 0x0f}), "not a valid"},
	} {
		if out, err := Rewrite(c.wasm); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %x, %v; want %q", c.name, out, err, c.want)
		}
	}
}

// The modules of the specification's own tests, which come with the runtime:
// what compiles must compile metered, and what does not must not.
func TestSpecificationModules(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatalf("the source of wazero is not at hand: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "internal/integration_test/spectest/v2/testdata/*.wasm"))
	if err != nil || len(files) < 1000 {
		t.Fatalf("only %d modules found, %v", len(files), err)
	}
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer runtime.Close(ctx)
	compile := func(wasm []byte) error {
		c, err := runtime.CompileModule(ctx, wasm)
		if err == nil {
			err = c.Close(ctx)
		}
		return err
	}
	both := 0
	for _, file := range files {
		wasm, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		metered, err := Rewrite(wasm)
		if err != nil {
			if compile(wasm) == nil && !strings.Contains(err.Error(), "which plugins") {
				t.Errorf("%s is refused: %v", filepath.Base(file), err)
			}
			continue
		}
		before, after := compile(wasm), compile(metered)
		// What the rewriter leaves out may be all that was wrong.
		if (before == nil) != (after == nil) && (after != nil || !strings.Contains(before.Error(), "custom")) {
			t.Errorf("%s: %v before, %v after", filepath.Base(file), before, after)
		}
		if before == nil && after == nil {
			both++
		}
	}
	if both < 500 {
		t.Errorf("only %d modules were compared", both)
	}
}
