package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

// asKind decodes an object as one of the kinds there are and hands over what
// comes out.
func asKind(t testing.TB, kind uint8, raw []byte, check func(text bool, c Chunk)) {
	kinds := Builtin().kinds
	k := kinds[int(kind)%len(kinds)]
	s, err := Builtin().Open(bytes.NewReader(raw), Hint{Want: string(k.Name), Key: "a/b.log", Modified: seen})
	if err != nil {
		return
	}
	defer s.Close()
	if s.Columnar() || s.Format == Empty {
		return
	}
	for records := s.Records(64); ; {
		c, err := records.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) && len(s.Layers) == 0 {
				t.Errorf("%s: %v", k.Name, err)
			}
			return
		}
		check(k.line != nil || k.header != nil, c)
	}
}

// sound checks what every chunk must be: records inside of it, and those of
// text formats JSON objects, for they are ours.
func sound(t testing.TB) func(text bool, c Chunk) {
	return func(text bool, c Chunk) {
		for _, r := range c.Records {
			b := c.Bytes(r)
			if text && r.Problem == "" && !r.Dropped && (!json.Valid(b) || !utf8.Valid(b) || bytes.IndexByte(b, '\n') >= 0) {
				t.Fatalf("it gives no JSON: %q", b)
			}
		}
	}
}

// seed is a sample of a kind, which is named by its place among them.
type seed struct {
	kind uint8
	raw  []byte
}

// seeds are the samples of all kinds that are lines of text, or that are JSON.
func seeds(t testing.TB, text bool) (out []seed) {
	t.Helper()
	for i, k := range Builtin().kinds {
		files, _ := filepath.Glob("testdata/kinds/" + string(k.Name) + "*.in")
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if isText := skipBlanks(raw)[0] != '{'; isText == text {
				out = append(out, seed{uint8(i), raw})
			}
		}
	}
	return out
}

// samples adds the samples of all kinds to a fuzz target.
func samples(f *testing.F, text bool) {
	for _, s := range seeds(f, text) {
		f.Add(s.kind, s.raw)
	}
}

// plainTargets are the fuzz targets of the formats without fields of their own.
var plainTargets = map[string]struct{ file, target string }{
	"json":    {"format_test.go", "FuzzSplitter"},
	"ndjson":  {"format_test.go", "FuzzSplitter"},
	"csv":     {"../store/csv_fuzz_test.go", "FuzzCSV"},
	"parquet": {"../source/parquet/parquet_test.go", "FuzzRead"},
}

// Every decoder is fuzzed: those of kinds from a sample that they take records
// from, the others by a target of their own.
func TestEveryDecoderIsFuzzed(t *testing.T) {
	records := make([]int, len(Builtin().kinds))
	for _, text := range []bool{true, false} {
		for _, s := range seeds(t, text) {
			asKind(t, s.kind, s.raw, func(_ bool, c Chunk) {
				for _, r := range c.Records {
					if r.Problem == "" && !r.Dropped {
						records[s.kind]++
					}
				}
			})
		}
	}
	for i, k := range Builtin().kinds {
		if records[i] == 0 {
			t.Errorf("no seed of FuzzText or FuzzJSON gives a record of %s: add testdata/kinds/%[1]s.in", k.Name)
		}
	}
	for _, name := range plainNames {
		at, ok := plainTargets[name]
		source, err := os.ReadFile(filepath.FromSlash(at.file))
		if !ok || err != nil || !bytes.Contains(source, []byte("func "+at.target+"(f *testing.F)")) {
			t.Errorf("%s has no fuzz target: %v, %v", name, at, err)
		}
	}
}

func FuzzText(f *testing.F) {
	samples(f, true)
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		asKind(t, kind, raw, sound(t))
		if a, b := decoded(t, bytes.NewReader(raw), Hint{}, 1<<10), decoded(t, bytes.NewReader(raw), Hint{}, 7); a != b {
			t.Fatalf("chunks of another size give other records:\n%s\n%s", a, b)
		}
	})
}

func FuzzJSON(f *testing.F) {
	samples(f, false)
	f.Add(uint8(0), []byte(`{"Records":[{"eventVersion":"1","eventSource":"s","eventTime":"t"}`))
	f.Add(uint8(0), []byte(`{"Records":[]}{"Records":[1,"]",{}]},{"a":"\ud800"}`))
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) { asKind(t, kind, raw, sound(t)) })
}

func FuzzPacked(f *testing.F) {
	f.Add(uint8(0), gzipped([]byte(`{"a":1}`)))
	f.Add(uint8(27), gzipped(gzipped([]byte("a=1 b=2\n"))))
	f.Add(uint8(1), zstdPacked([]byte(`{"a":1}`)))
	f.Add(uint8(1), []byte("PAR1xxxxPAR1"))
	f.Add(uint8(1), []byte("BZh91AY&SY"))
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) { asKind(t, kind, raw, sound(t)) })
}

func TestHostileObjects(t *testing.T) {
	line := `192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 1` + "\n"
	trail := `{"Records":[{"eventVersion":"1","eventSource":"s3","eventName":"n","eventTime":"2026-01-02T03:04:05Z"}`
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	members := append(gzipped([]byte(line)), gzipped([]byte(line))...)
	for _, c := range []struct {
		name, object, want string
	}{
		{"a wrong extension", line, "# access"},
		{"gzip members one after another", string(members), "# access"},
		{"gzip in gzip", string(gzipped(members)), "# access"},
		{"a byte order mark", "\xef\xbb\xbf" + line, "# access"},
		{"CRLF", strings.ReplaceAll(line, "\n", "\r\n"), "# access"},
		{"invalid UTF-8", line + strings.Replace(line, "GET", "\xff\xfe", 1), `! ` + notUTF8},
		{"NUL", line + strings.Replace(line, "GET", "G\x00T", 1), `G\u0000T / HTTP/1.1`},
		{"a cut-off gzip", string(gzipped([]byte(strings.Repeat(line, 1000)))[:120]), "failed: the object ends early"},
		{"a cut-off wrapper", trail, `"tm:message":"n"`},
		{"a record cut off in its wrapper", trail + `,{"eventVersion":"1","eventNa`, "! the record ends early"},
		{"no object in a wrapper", trail + `,7,"x",null]}`, "\n7\n\"x\"\nnull\n"},
		{"a wrapper of nothing", `{"Records":[]}` + "\n" + trail + "]}", `"tm:message":"n"`},
		{"deep nesting", `{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{"id":"1","timestamp":1767323045000,"message":` + fmt.Sprintf("%q", deep) + `}]}`, `"event":` + deep},
		{"deep values of OTLP", `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, 300) + strings.Repeat(`]}}`, 300) + `}]}]}]}`, `"body":[[[[`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decoded(t, strings.NewReader(c.object), Hint{Key: "x.parquet"}, 1<<20)
			if !strings.Contains(got, c.want) {
				t.Fatalf("got %.2000s\nwant %s", got, c.want)
			}
		})
	}
}

// zeros is an endless run of one line.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.left))
	clear(p[:n])
	z.left -= int64(n)
	return n, nil
}

// packedZeros packs n zeros.
func packedZeros(n int64) []byte {
	var out bytes.Buffer
	w := newGzip(&out)
	io.Copy(w, &zeros{n}) //nolint:errcheck // into memory
	w.Close()
	return out.Bytes()
}

func TestBombsAreRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("it unpacks 300 MB")
	}
	bombed := packedZeros(2 * bombBytes)
	bombed = append(gzipped([]byte(`{"a":1}`+"\n")), bombed...)
	for name, object := range map[string][]byte{"one layer": bombed, "two layers": gzipped(bombed)} {
		size := int64(len(object))
		if err := Weigh(bytes.NewReader(object), size, 0); err == nil || !strings.Contains(err.Error(), "more than 250 times") {
			t.Errorf("%s, weighed: %v", name, err)
		}
		if err := Weigh(bytes.NewReader(object), size, 1_000_000); err != nil {
			t.Errorf("%s, as much as it likes: %v", name, err)
		}
		s, err := Builtin().Open(bytes.NewReader(object), Hint{})
		if err != nil {
			t.Fatal(name, err)
		}
		records, err := s.Records(1<<20), error(nil)
		for err == nil {
			_, err = records.Next()
		}
		s.Close()
		if errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "unpacks to more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWeighsLittle unpacks no more of an object than it takes to know that the
// rest cannot make it a bomb, and says nothing of what is damaged.
func TestWeighsLittle(t *testing.T) {
	noise := make([]byte, 32<<20)
	rand.NewChaCha8([32]byte{}).Read(noise) //nolint:errcheck // it never fails
	object := gzipped(noise)
	read := &counted{r: bytes.NewReader(object)}
	if err := Weigh(read, int64(len(object)), 0); err != nil || read.n > 1<<20 {
		t.Errorf("%d of %d bytes were read, %v", read.n, len(object), err)
	}
	for name, data := range map[string][]byte{"plain": noise, "cut": object[:len(object)/2], "damaged": append(object[:1000:1000], noise...), "none": nil} {
		if err := Weigh(bytes.NewReader(data), int64(len(data)), 2); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := &counted{r: bytes.NewReader(packedZeros(1 << 20))}
	if err := Weigh(small, 1100, 0); err != nil || small.n > headSize {
		t.Errorf("%d bytes of a small one were read, %v", small.n, err)
	}
}

// TestLongLines gives text formats lines of 50 MB, which they take, and of
// more than a record may have, of which only the length is kept.
func TestLongLines(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs 300 MB")
	}
	head := `192.0.2.1 - - [02/Jan/2026:03:04:05 +0000] "GET /`
	tail := ` HTTP/1.1" 200 1` + "\n"
	short := head + tail
	object := short + short + head + strings.Repeat("a", 50<<20) + tail + short + head + strings.Repeat("b", MaxRecord) + tail + short
	s, err := Builtin().Open(strings.NewReader(object), Hint{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var whole, long, tooLong int
	for records := s.Records(1 << 20); ; {
		c, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.Records {
			switch {
			case r.Size > 0:
				tooLong++
				if r.Size != int64(len(head)+MaxRecord+len(tail)) && r.Size != int64(len(head)+MaxRecord+len(tail)-1) {
					t.Errorf("the long line has %d bytes", r.Size)
				}
			case r.Problem != "":
				t.Errorf("%s: %.100q", r.Problem, c.Bytes(r))
			case r.End-r.Start > 50<<20:
				long++
			default:
				whole++
			}
		}
	}
	if whole != 4 || long != 1 || tooLong != 1 {
		t.Fatalf("%d short, %d long, %d too long", whole, long, tooLong)
	}
	runtime.GC()
}
