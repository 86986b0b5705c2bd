// Package format recognises what an object holds and cuts it into records.
// It goes by content, never by extension: compression first, then the first
// bytes, then the first lines.
//
// It yields raw records and where they start; what a record means is
// schema's business, and columnar files are opened by store.
package format

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tidemark.dev/tidemark/engine"
)

// Format names what an object holds.
type Format string

// The formats that are recognised.
const (
	Parquet Format = "parquet"
	JSON    Format = "json" // NDJSON, a JSON array, or JSON texts one after another
	CSV     Format = "csv"
	Empty   Format = "empty"
	Unknown Format = "unknown"
)

// headSize is how much of an object is looked at to recognise it.
const headSize = 64 << 10

// maxLayers bounds compression inside compression.
const maxLayers = 3

// Stream is an object with its compression taken off.
type Stream struct {
	Format Format
	// Found is why it is taken for that.
	Found Detection
	// Layers names the compressions found, outermost first.
	Layers []string

	r       *bufio.Reader
	closers []func()
	kind    *Kind // nil for formats without fields of their own
	hint    Hint
	bomb    *bomb
}

// Open recognises an object of the formats that come with Tidemark, as
// Table.Open does.
func Open(r io.Reader, want string) (*Stream, error) { return Builtin().Open(r, Hint{Want: want}) }

// Open recognises an object: its compression, which is always found out, and
// its format, unless the hint says which one it has.
func (t *Table) Open(r io.Reader, hint Hint) (*Stream, error) {
	packed := &counted{r: r}
	s := &Stream{r: bufio.NewReaderSize(packed, headSize), hint: hint, bomb: newBomb(packed, hint.Unpack)}
	for range maxLayers {
		unpacked, err := s.peel()
		if err != nil {
			s.Close()
			return nil, err
		}
		if !unpacked {
			break
		}
	}
	head, err := s.r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		s.Close()
		return nil, damaged(s.Layers, err)
	}
	s.Found, s.kind = t.detect(head, hint)
	s.Format = s.Found.Format
	for _, layer := range s.Layers {
		s.Found.Why = append(s.Found.Why, Reason{"magic", "it begins like " + layer})
	}
	s.insist(t, hint.Want)
	return s, nil
}

// insist takes the format that the user says the object has. What is columnar
// or empty cannot be anything else.
func (s *Stream) insist(t *Table, want string) {
	if want == "" || want == "auto" || s.Format == Empty || s.Format == Parquet || want == "parquet" {
		return
	}
	if want == "ndjson" {
		want = string(JSON)
	}
	s.kind, _ = t.find(want)
	s.Format = Format(want)
	s.Found = Detection{s.Format, 1, []Reason{{"source", "the source says so"}}}
}

// Columnar reports whether the object is a table for DuckDB to open.
func (s *Stream) Columnar() bool { return s.Format == Parquet || s.Format == CSV }

// Text reports whether the object holds lines of a format with fields of its
// own.
func (s *Stream) Text() bool { return s.kind != nil && (s.kind.line != nil || s.kind.header != nil) }

// Records cuts the object into records, in chunks of about size bytes. It is
// not for columnar objects. Close ends it, too.
func (s *Stream) Records(size int) Reader {
	if s.kind == nil {
		return NewSplitter(s, size)
	}
	r := s.kind.records(s, s.hint, size)
	if p, ok := r.(*pushed); ok {
		s.closers = append(s.closers, p.close)
	}
	return r
}

// Read gives the bytes without their compression.
func (s *Stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged(s.Layers, err)
	}
	if bad := s.bomb.took(n); bad != nil {
		return 0, bad
	}
	return n, err
}

// Plain reports whether the object had no compression.
func (s *Stream) Plain() bool { return len(s.Layers) == 0 }

// Close frees what decompression holds; it does not close the reader.
func (s *Stream) Close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

// peel takes one layer of compression off, if there is one.
func (s *Stream) peel() (bool, error) {
	magic, _ := s.r.Peek(6)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(s.r)
		if err != nil {
			return false, damaged([]string{"gzip"}, err)
		}
		s.wrap("gzip", z, func() { z.Close() })
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(s.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
		if err != nil {
			return false, damaged([]string{"zstd"}, err)
		}
		s.wrap("zstd", z, z.Close)
	case bytes.HasPrefix(magic, []byte("BZh")) && len(magic) > 3 && magic[3] >= '1' && magic[3] <= '9':
		s.wrap("bzip2", bzip2.NewReader(s.r), func() {})
	default:
		return false, nil
	}
	return true, nil
}

func (s *Stream) wrap(name string, r io.Reader, closer func()) {
	s.Layers = append(s.Layers, name)
	s.closers = append(s.closers, closer)
	s.r = bufio.NewReaderSize(r, 256<<10)
}

func damaged(layers []string, err error) error {
	if len(layers) == 0 {
		return err
	}
	what := layers[len(layers)-1]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return engine.Errorf(engine.Invalid, "", "the object ends early: its %s data is cut off", what)
	}
	return &engine.Error{Kind: engine.Invalid, Err: fmt.Errorf("its %s data is damaged: %w", what, err)}
}

var bom = []byte{0xEF, 0xBB, 0xBF}

// recognise tells a format from the first bytes of the unpacked object.
func recognise(head []byte) Format {
	if bytes.HasPrefix(head, []byte("PAR1")) || bytes.HasPrefix(head, []byte("PARE")) {
		return Parquet
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, bom), " \t\r\n")
	if len(text) == 0 {
		return Empty
	}
	switch {
	case text[0] == '{' && jsonObject(text), text[0] == '[' && jsonArray(text):
		return JSON
	case laterObject(text):
		return JSON
	case isCSV(bytes.TrimPrefix(head, bom), len(head) == headSize):
		return CSV
	case text[0] == '{' || text[0] == '[':
		return JSON
	}
	return Unknown
}

// jsonObject reports whether text begins like an object and not like prose
// in braces.
func jsonObject(text []byte) bool {
	after := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(after) == 0 || after[0] == '"' || after[0] == '}'
}

// jsonArray reports whether text begins like an array of objects. A list of
// anything else is JSON too, but a syslog line in brackets is not.
func jsonArray(text []byte) bool {
	after := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(after) == 0 || after[0] == '{' || after[0] == '['
}

// laterObject reports whether most of the first lines are objects although
// the first bytes are not: a damaged first record must not hide the rest.
func laterObject(text []byte) bool {
	lines, objects := 0, 0
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		lines++
		if line[0] == '{' && jsonObject(line) {
			objects++
		}
		if lines == 20 {
			break
		}
	}
	return objects > 1 && 2*objects > lines
}

// isCSV reports whether the first lines split into the same number of fields
// at a comma, semicolon, tab or pipe, under a header of names.
func isCSV(head []byte, more bool) bool {
	lines := bytes.Split(head, []byte("\n"))
	if more || len(lines) > 1 && len(bytes.TrimSpace(lines[len(lines)-1])) == 0 {
		lines = lines[:len(lines)-1]
	}
	if len(lines) < 2 {
		return false
	}
	lines = lines[:min(len(lines), 50)]
	for _, sep := range []byte(",\t;|") {
		if want := fields(lines[0], sep); want > 1 && header(lines[0], sep) && consistent(lines, sep, want) {
			return true
		}
	}
	return false
}

func consistent(lines [][]byte, sep byte, want int) bool {
	for _, line := range lines[1:] {
		if n := fields(line, sep); n != want && n >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return false
		}
	}
	return true
}

// fields counts the fields of a line, or gives -1 when a quoted field goes on
// in the next one.
func fields(line []byte, sep byte) int {
	n, quoted := 1, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			n++
		}
	}
	if quoted {
		return -1
	}
	return n
}

// header reports whether every field of a line could be the name of a column.
func header(line []byte, sep byte) bool {
	seen := map[string]bool{}
	for _, f := range bytes.Split(bytes.TrimRight(line, "\r"), []byte{sep}) {
		name := string(bytes.Trim(bytes.TrimSpace(f), `"`))
		if name == "" || seen[name] || len(name) > 128 || name[0] >= '0' && name[0] <= '9' {
			return false
		}
		seen[name] = true
	}
	return true
}
