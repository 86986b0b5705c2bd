package plugins

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"tidemark.dev/tidemark/engine"
)

// instance is one running copy of a plugin. It is used by one goroutine at a
// time, and thrown away after anything goes wrong: a trap leaves memory in
// whatever state it had.
type instance struct {
	module api.Module
	output *tail
	start  time.Duration // bounds each step of its start
	// What each batch calls: the runtime makes a stack whenever it is asked for
	// a function.
	tmAlloc, tmCall api.Function
	natives         nativeState
}

// tail keeps the last bytes that a plugin wrote to stdout and stderr.
type tail struct{ b []byte }

const tailSize = 2048

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p[max(0, len(p)-tailSize):]...)
	if n := len(t.b) - tailSize; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (p *Plugin) newInstance(ctx context.Context) (*instance, error) {
	in := &instance{output: &tail{}, start: p.host.opt.Start}
	ctx = within(ctx, in.start)
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithStdout(in.output).WithStderr(in.output)
	var err error
	if in.module, err = p.runtime.InstantiateModule(ctx, p.compiled, config); err != nil {
		return nil, fmt.Errorf("it does not start: %w", reason(err))
	}
	in.tmAlloc, in.tmCall = in.module.ExportedFunction("tm_alloc"), in.module.ExportedFunction("tm_call")
	if init := in.module.ExportedFunction("_initialize"); init != nil {
		if _, err := init.Call(ctx); err != nil {
			in.discard(ctx)
			return nil, fmt.Errorf("its _initialize failed: %w", in.why(err))
		}
	}
	if p.ready {
		if err := in.configure(ctx, p.config()); err != nil {
			in.discard(ctx)
			return nil, err
		}
	}
	return in, nil
}

func (in *instance) discard(ctx context.Context) {
	if in.module != nil {
		in.module.Close(context.WithoutCancel(ctx))
	}
}

// packed reads the text that a packed pointer and length name.
func (in *instance) packed(v uint64, limit uint32) ([]byte, error) {
	ptr, n := uint32(v>>32), uint32(v)
	if n > limit {
		return nil, fmt.Errorf("it answered with %d bytes, more than %d", n, limit)
	}
	b, ok := in.module.Memory().Read(ptr, n)
	if !ok {
		return nil, errors.New("its answer lies outside of its memory")
	}
	return b, nil
}

// maxManifest bounds the text of a manifest or an error.
const maxManifest = 64 << 10

func (in *instance) manifest(ctx context.Context) (manifest, error) {
	ctx = within(ctx, in.start)
	minor, err := in.module.ExportedFunction("tm_abi_1").Call(ctx)
	if err != nil {
		return manifest{}, fmt.Errorf("its tm_abi_1 failed: %w", in.why(err))
	}
	if minor[0] > 2 {
		return manifest{}, fmt.Errorf("it needs ABI 1.%d, this host has 1.2", uint32(minor[0]))
	}
	v, err := in.module.ExportedFunction("tm_manifest").Call(ctx)
	if err != nil {
		return manifest{}, fmt.Errorf("its tm_manifest failed: %w", in.why(err))
	}
	text, err := in.packed(v[0], maxManifest)
	if err != nil {
		return manifest{}, fmt.Errorf("its manifest: %w", err)
	}
	return parseManifest(text)
}

// configure hands the configuration to a plugin that wants one.
func (in *instance) configure(ctx context.Context, config []byte) error {
	init := in.module.ExportedFunction("tm_init")
	if init == nil {
		return nil
	}
	ctx = within(ctx, in.start)
	ptr, err := in.alloc(ctx, len(config))
	if err != nil {
		return err
	}
	if !in.module.Memory().Write(ptr, config) {
		return errors.New("its tm_alloc gave a place outside of its memory")
	}
	v, err := init.Call(ctx, uint64(ptr), uint64(len(config)))
	if err != nil {
		return fmt.Errorf("its tm_init failed: %w", in.why(err))
	}
	if v[0] == 0 {
		return nil
	}
	text, err := in.packed(v[0], maxManifest)
	if err != nil {
		return err
	}
	return fmt.Errorf("it refused its configuration: %s", clean(string(text)))
}

func (in *instance) alloc(ctx context.Context, n int) (uint32, error) {
	v, err := in.tmAlloc.Call(ctx, uint64(n))
	if err != nil {
		return 0, fmt.Errorf("its tm_alloc failed: %w", in.why(err))
	}
	ptr := uint32(v[0])
	if ptr == 0 {
		return 0, fmt.Errorf("it refused %d bytes of memory", n)
	}
	if ptr%8 != 0 {
		return 0, errors.New("its tm_alloc gave a place that is not 8-aligned")
	}
	return ptr, nil
}

// call runs function number n over rows [from, to) of the columns.
func (in *instance) call(ctx context.Context, deadline time.Duration, columns []engine.Column, from, to int, n int, f Function) (*response, error) {
	ctx = within(ctx, deadline)
	size := frameSize(columns, from, to)
	ptr, err := in.alloc(ctx, size)
	if err != nil {
		return nil, err
	}
	frame, ok := in.module.Memory().Read(ptr, uint32(size))
	if !ok {
		return nil, errors.New("its tm_alloc gave a place outside of its memory")
	}
	writeFrame(frame, columns, from, to, f.Kind == KindDecoder)
	v, err := in.tmCall.Call(context.WithValue(ctx, nativeKey{}, &in.natives), uint64(n), uint64(ptr), uint64(size))
	if err != nil {
		return nil, in.why(err)
	}
	answer, err := in.packed(v[0], uint32(min(maxResponse, 4*size+1<<20)))
	if err != nil {
		return nil, err
	}
	rows := to - from
	if f.cuts() && rows > 0 {
		rows = len(columns[0].Text(from))
	}
	return readFrame(answer, f, rows)
}

// why makes a failed call into a reason, with what the plugin said last.
func (in *instance) why(err error) error {
	err = reason(err)
	if said := strings.TrimSpace(string(in.output.b)); said != "" && !errors.Is(err, errDeadline) {
		line, _, _ := strings.Cut(said, "\n")
		return fmt.Errorf("%w (it said: %s)", err, clean(line))
	}
	return err
}

// reason finds the cause in what wazero reports.
func reason(err error) error {
	switch {
	case errors.Is(err, errDeadline):
		return errDeadline
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	text := strings.TrimSuffix(firstLine(err), " (recovered by wazero)")
	if errors.Is(err, errAborted) {
		return errors.New(text[max(0, strings.Index(text, errAborted.Error())):])
	}
	if errors.Is(err, errNative) {
		return errors.New(text[max(0, strings.Index(text, errNative.Error())):])
	}
	if _, trap, ok := strings.Cut(text, "wasm error: "); ok {
		text = trap
	}
	return errors.New("it trapped: " + clean(text))
}
