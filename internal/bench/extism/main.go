// Command extism runs the benchmark's work in a plugin of Extism, with its own
// Go SDK and a timeout, as a reference: see plugin_work.go of the bench.
//
//	extism PLUGIN.wasm LEVELS-AND-MESSAGES
//
// The file has the records, a line each: the level, a space, the message. For
// each line that it reads, it makes and reads a message of MessagePack a batch
// of records, and writes the nanoseconds of processor time that all took, and
// the FNV hash of what came out.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"syscall"

	extism "github.com/extism/go-sdk"
)

const batchRows = 1024

type record struct {
	level, message []byte
	took           int64 // -1 is none
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "extism:", err)
		os.Exit(1)
	}
}

func run(wasm, data string) error {
	in, err := read(data)
	if err != nil {
		return err
	}
	ctx := context.Background()
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmFile{Path: wasm}}, Timeout: 2000}
	plugin, err := extism.NewPlugin(ctx, manifest, extism.PluginConfig{EnableWasi: true}, []extism.HostFunction{abort()})
	if err != nil {
		return err
	}
	defer plugin.Close(ctx)
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		began := worked()
		out, err := transform(plugin, in)
		if err != nil {
			return err
		}
		took := worked() - began
		fmt.Println(took, hash(out))
	}
	return orders.Err()
}

// abort is what AssemblyScript calls when an assertion fails.
func abort() extism.HostFunction {
	i32 := extism.ValueTypeI32
	f := extism.NewHostFunctionWithStack("abort", func(context.Context, *extism.CurrentPlugin, []uint64) { panic("it aborted") },
		[]extism.ValueType{i32, i32, i32, i32}, nil)
	f.SetNamespace("env")
	return f
}

func read(path string) ([]record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []record
	for _, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		level, message, _ := bytes.Cut(line, []byte(" "))
		out = append(out, record{level: level, message: message})
	}
	return out, nil
}

func worked() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func transform(plugin *extism.Plugin, in []record) ([]record, error) {
	out := make([]record, 0, len(in))
	var message []byte
	for len(in) > 0 {
		batch := in[:min(batchRows, len(in))]
		in = in[len(batch):]
		message = encode(message[:0], batch)
		code, answer, err := plugin.Call("mask", message)
		if err != nil || code != 0 {
			return nil, fmt.Errorf("code %d: %w", code, err)
		}
		out = decode(out, bytes.Clone(answer)) // it is the plugin's
	}
	return out, nil
}

func encode(b []byte, batch []record) []byte {
	be := binary.BigEndian
	b = be.AppendUint16(append(b, 0xdc), uint16(len(batch)))
	for _, r := range batch {
		b = appendText(appendText(append(b, 0x92), r.message), r.level)
	}
	return b
}

func appendText(b, text []byte) []byte {
	switch n := len(text); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 256:
		b = append(b, 0xd9, byte(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, text...)
}

// decode reads what the plugins write, and that alone.
func decode(out []record, b []byte) []record {
	be := binary.BigEndian
	rows := be.Uint32(b[1:])
	b = b[5:]
	for range rows {
		n := be.Uint32(b[2:])
		r := record{message: b[6 : 6+n], took: -1}
		b = b[6+n:]
		if b[0] == 0xcf {
			r.took = int64(be.Uint64(b[1:]))
			b = b[8:]
		}
		b = b[1:]
		out = append(out, r)
	}
	return out
}

func hash(out []record) uint64 {
	h := fnv.New64a()
	for _, r := range out {
		fmt.Fprintf(h, "%s %d\n", r.message, r.took)
	}
	return h.Sum64()
}
