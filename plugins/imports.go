package plugins

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"unicode/utf16"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"tidemark.dev/tidemark/plugins/meter"
)

// provide gives the module what it imports, and makes nothing that it does not.
func (p *Plugin) provide(ctx context.Context) error {
	wants := map[string]bool{}
	for _, f := range p.compiled.ImportedFunctions() {
		module, _, _ := f.Import()
		wants[module] = true
	}
	if wants[wasi_snapshot_preview1.ModuleName] {
		// A call of WASI may cost much more than a step of the meter, so that each
		// one looks at the clock first.
		listening := experimental.WithFunctionListenerFactory(ctx, lookFirst{})
		if _, err := wasi_snapshot_preview1.Instantiate(listening, p.runtime); err != nil {
			return err
		}
	}
	if wants[nativeModule] {
		if err := p.provideNatives(ctx); err != nil {
			return err
		}
	}
	if wants["env"] {
		_, err := p.runtime.NewHostModuleBuilder("env").
			NewFunctionBuilder().WithFunc(abort).Export("abort").
			Instantiate(ctx)
		if err != nil {
			return err
		}
	}
	_, err := p.runtime.NewHostModuleBuilder(meter.Module).
		NewFunctionBuilder().WithFunc(yield).Export(meter.Name).
		NewFunctionBuilder().WithFunc(p.log).Export("log").
		Instantiate(ctx)
	return err
}

// lookFirst yields before each call of the functions that it is given for.
type lookFirst struct{}

func (l lookFirst) NewFunctionListener(api.FunctionDefinition) experimental.FunctionListener {
	return l
}

func (lookFirst) Before(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	yield(ctx)
}

func (lookFirst) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

func (lookFirst) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// maxLogLine bounds what a plugin may log at once.
const maxLogLine = 1024

func (p *Plugin) log(ctx context.Context, m api.Module, level, ptr, n uint32) {
	yield(ctx)
	if text, ok := m.Memory().Read(ptr, min(n, maxLogLine)); ok && p.logged.Add(1) <= 1000 {
		p.host.opt.Logger.Log(context.Background(), slog.Level(4*int(min(level, 3))-4), clean(string(text)), "plugin", p.name)
	}
}

var errAborted = errors.New("it aborted")

// abort is what AssemblyScript calls when an assertion fails; its text is
// UTF-16 with the length in front.
func abort(_ context.Context, m api.Module, message, _, line, _ uint32) {
	text := "no reason given"
	if message != 0 {
		if n, ok := m.Memory().ReadUint32Le(message - 4); ok {
			if raw, ok := m.Memory().Read(message, min(n, 2*maxLogLine)); ok {
				text = fromUTF16(raw)
			}
		}
	}
	panic(fmt.Errorf("%w at line %d: %s", errAborted, line, clean(text)))
}

func fromUTF16(b []byte) string {
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) > 1; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return string(utf16.Decode(units))
}

func checkImports(c wazero.CompiledModule) error {
	yields := 0
	for _, f := range c.ImportedFunctions() {
		module, name, _ := f.Import()
		if module == meter.Module && name == meter.Name {
			yields++ // the meter's own is one
		}
		switch {
		case yields > 1:
			return fmt.Errorf("it imports %s.%s, which is the host's", module, name)
		case module == "wasi_snapshot_preview1", module == meter.Module && (name == meter.Name || name == "log"), module == "env" && name == "abort", isNative(module, name):
		default:
			return fmt.Errorf("it imports %s.%s, which plugins are not given", clean(module), clean(name))
		}
	}
	if len(c.ImportedMemories()) > 0 {
		return errors.New("it imports a memory instead of exporting its own")
	}
	return nil
}
