package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/internal/bench/guests/work"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/build"
)

// workRecords is how many records the plugins mask, drop and derive from.
const workRecords = 200_000

// guests are the languages, and how much of native Go's speed each keeps.
var guests = []struct {
	language build.Language
	share    float64
}{{build.AssemblyScript, 0.4}, {build.C, 0.4}, {build.Rust, 0.4}, {build.Go, 0.18}}

// pluginWork compares one piece of work, written in four languages, as a plugin
// with metering on, as native Go over the same columns, and as a plugin of
// Extism with a timeout.
func (b *bench) pluginWork() error {
	in := workColumns(workRecords)
	want := hashWork(nativeWork(in))
	theirs, err := b.extism(in)
	if err != nil {
		return err
	}
	for _, g := range guests {
		if err := b.guest(string(g.language), g.language, g.share, theirs, in, want); errors.Is(err, build.ErrToolchain) {
			fmt.Printf("%-14s %s LEFT OUT: %v\n", "plugin-work", g.language, err)
		} else if err != nil {
			return fmt.Errorf("%s: %w", g.language, err)
		}
	}
	return nil
}

func (b *bench) guest(name string, language build.Language, share float64, theirs *reference, in []batch, want uint64) error {
	wasm, err := b.compiled("columns", name)
	if err != nil {
		return err
	}
	host, err := plugins.NewHost(b.ctx, plugins.Options{MaxInstances: 1})
	if err != nil {
		return err
	}
	defer host.Close(b.ctx)
	p, err := host.Load(b.ctx, name, wasm, plugins.Settings{})
	if err != nil {
		return err
	}
	defer p.Close(b.ctx)
	child, err := theirs.start(b, name)
	if err != nil {
		return err
	}
	defer child.stop()
	var ours, native, extism []time.Duration
	for i := range 1 + 2*b.runs {
		began := processorTime()
		made := nativeWork(in)
		between := processorTime()
		out, err := b.pluginOut(p, in)
		if err != nil {
			return err
		}
		end := processorTime()
		took, sum, err := child.run()
		if err != nil {
			return err
		}
		if hashWork(made) != want || hashWork(out) != want || sum != want {
			return errors.New("the three did not make the same of the records")
		}
		if i > 0 { // the first warms up
			native, ours, extism = append(native, between-began), append(ours, end-between), append(extism, took)
		}
	}
	n, o, e := median(native), median(ours), median(extism)
	fmt.Printf("%-14s %s: %.2f of native Go's speed (target %.2f), %.1fx Extism's (target 3x); %v, %v and %v of processor time for %d records\n", "plugin-work", language,
		float64(n)/float64(o), share, float64(e)/float64(o), o.Round(time.Millisecond), n.Round(time.Millisecond), e.Round(time.Millisecond), workRecords)
	return nil
}

// compiled builds one of the benchmark's guests.
func (b *bench) compiled(kind, language string) ([]byte, error) {
	out := filepath.Join(b.dir, kind+"-"+language+".wasm")
	sdk, err := filepath.Abs("sdk")
	if err != nil {
		return nil, err
	}
	if err := build.Build(b.ctx, filepath.Join("internal", "bench", "guests", kind, language), out, build.SDK{Dir: sdk}); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// batch is what the pipeline hands over at once.
type batch struct {
	columns []engine.Column // message, level
	rows    int
}

const workBatch = 8192

func workColumns(records int) []batch {
	levels := []string{"INFO", "DEBUG", "WARN", "ERROR"}
	var out []batch
	for from := 0; from < records; from += workBatch {
		one := batch{rows: min(workBatch, records-from), columns: []engine.Column{textColumn("message"), textColumn("level")}}
		for i := from; i < from+one.rows; i++ {
			message := fmt.Sprintf("user ann%d@example.com from 10.0.%d.7 took %dms for checkout of cart %d, and what else a message has to say", i, i%250, i%900, i%7)
			if i%5 == 0 {
				message = fmt.Sprintf("request %d of a batch was queued behind %d others; nobody is named here, and nothing has come from anywhere yet", i, i%31)
			}
			appendText(&one.columns[0], message)
			appendText(&one.columns[1], levels[i%len(levels)])
		}
		out = append(out, one)
	}
	return out
}

func textColumn(name string) engine.Column {
	return engine.Column{Name: name, Type: engine.Varchar, Offsets: []uint32{0}}
}

func appendText(c *engine.Column, text string) {
	c.Bytes = append(c.Bytes, text...)
	c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
}

// nativeWork does in Go over columns what the plugins do.
func nativeWork(in []batch) [][]engine.Column {
	var out [][]engine.Column
	for _, one := range in {
		message, took := textColumn("message"), engine.Column{Name: "took_ms", Type: engine.BigInt}
		message.Bytes = make([]byte, 0, len(one.columns[0].Bytes))
		src := engine.Column{Name: "$src", Type: engine.BigInt}
		for row := range one.rows {
			if !work.Keeps(one.columns[1].Text(row)) {
				continue
			}
			var ms int64
			message.Bytes, ms = work.Mask(message.Bytes, one.columns[0].Text(row))
			message.Offsets = append(message.Offsets, uint32(len(message.Bytes)))
			took.Null, took.Ints = append(took.Null, ms < 0), append(took.Ints, max(0, ms))
			src.Ints = append(src.Ints, int64(row))
		}
		out = append(out, []engine.Column{message, took, src})
	}
	return out
}

func (b *bench) pluginOut(p *plugins.Plugin, in []batch) ([][]engine.Column, error) {
	var out [][]engine.Column
	for _, one := range in {
		r, err := p.Transform(b.ctx, one.columns, one.rows)
		if err != nil {
			return nil, err
		}
		if len(r.Rejected) > 0 {
			return nil, errors.New(r.Rejected[0].Reason)
		}
		out = append(out, r.Columns)
	}
	return out, nil
}

func hashWork(out [][]engine.Column) uint64 {
	h := fnv.New64a()
	for _, c := range out {
		for row := range c[0].Len() {
			ms := int64(-1)
			if !c[1].IsNull(row) {
				ms = c[1].Ints[row]
			}
			fmt.Fprintf(h, "%s %d\n", c[0].Text(row), ms)
		}
	}
	return h.Sum64()
}

// reference is the program that runs Extism, which is a module of its own, and
// the file of the records.
type reference struct{ program, data string }

func (b *bench) extism(in []batch) (*reference, error) {
	r := &reference{filepath.Join(b.dir, "extism"), filepath.Join(b.dir, "records")}
	c := exec.CommandContext(b.ctx, "go", "build", "-o", r.program, ".")
	c.Dir, c.Stderr = filepath.Join("internal", "bench", "extism"), os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("build the reference: %w", err)
	}
	var text bytes.Buffer
	for _, one := range in {
		for row := range one.rows {
			fmt.Fprintf(&text, "%s %s\n", one.columns[1].Text(row), one.columns[0].Text(row))
		}
	}
	return r, os.WriteFile(r.data, text.Bytes(), 0o600)
}

// child is the reference at work: it runs once for each line it gets.
type child struct {
	cmd *exec.Cmd
	in  *bufio.Writer
	out *bufio.Reader
	end func() error
}

func (r *reference) start(b *bench, language string) (*child, error) {
	if _, err := b.compiled("messages", language); err != nil {
		return nil, err
	}
	c := exec.CommandContext(b.ctx, r.program, filepath.Join(b.dir, "messages-"+language+".wasm"), r.data)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &child{c, bufio.NewWriter(in), bufio.NewReader(out), in.Close}, c.Start()
}

func (c *child) run() (took time.Duration, sum uint64, err error) {
	if _, err := c.in.WriteString("run\n"); err != nil {
		return 0, 0, err
	}
	if err := c.in.Flush(); err != nil {
		return 0, 0, err
	}
	_, err = fmt.Fscanln(c.out, &took, &sum)
	return took, sum, err
}

func (c *child) stop() { _ = errors.Join(c.end(), c.cmd.Wait()) }
