package format

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

func newGzip(w io.Writer) *gzip.Writer { return gzip.NewWriter(w) }

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b) //nolint:errcheck // into memory
	w.Close()
	return out.Bytes()
}

func zstdPacked(b []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(b, nil)
}

func TestRecognise(t *testing.T) {
	for _, c := range []struct {
		text string
		want Format
	}{
		{"", Empty},
		{" \n\t\r\n", Empty},
		{"\xef\xbb\xbf", Empty},
		{"PAR1....", Parquet},
		{"PARE....", Parquet},
		{`{"a":1}`, JSON},
		{"\xef\xbb\xbf{\"a\":1}", JSON},
		{"\n\n  {\n  \"a\": 1\n}", JSON},
		{"{}", JSON},
		{`{`, JSON},
		{`[{"a":1}]`, JSON},
		{`[[1],[2]]`, JSON},
		{`[`, JSON},
		{"garbage\n{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", JSON},
		{"garbage\nmore\n{\"a\":1}\n", Unknown},
		{"{curly} prose about a,b\n", JSON},
		{"a,b\n1,2\n", CSV},
		{"a;b\n1;2\n", CSV},
		{"a\tb\n1\t2", CSV},
		{"a|b\n1|2\n", CSV},
		{"\xef\xbb\xbfa,b\r\n1,2\r\n", CSV},
		{"a,b\n\"x,y\n z\",2\n", CSV},
		{"a,b\n1,2\n\n3,4\n", CSV},
		{"a,b\n", Unknown},
		{"a,a\n1,2\n", Unknown},
		{"1,2\n3,4\n", Unknown},
		{"a,b\n1\n", Unknown},
		{"Jan 1 00:00:00 host sshd[1]: hello\n", Unknown},
		{"[2026-01-01] started\n[2026-01-02] ended\n", JSON},
		{"\x00\x01\x02\x03", Unknown},
	} {
		if got := recognise([]byte(c.text)); got != c.want {
			t.Errorf("%q is %s, want %s", c.text, got, c.want)
		}
	}
}

func TestOpenTakesCompressionOff(t *testing.T) {
	plain := []byte(strings.Repeat(`{"a":1}`+"\n", 1000))
	bz, err := os.ReadFile("testdata/records.ndjson.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		data   []byte
		layers []string
	}{
		{"plain", plain, nil},
		{"gzip", gzipped(plain), []string{"gzip"}},
		{"two gzip members", append(gzipped(plain[:4000]), gzipped(plain[4000:])...), []string{"gzip"}},
		{"zstd", zstdPacked(plain), []string{"zstd"}},
		{"two zstd frames", append(zstdPacked(plain[:4000]), zstdPacked(plain[4000:])...), []string{"zstd"}},
		{"bzip2", bz, []string{"bzip2"}},
		{"gzip in zstd", zstdPacked(gzipped(plain)), []string{"zstd", "gzip"}},
		{"three layers", gzipped(zstdPacked(gzipped(plain))), []string{"gzip", "zstd", "gzip"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(iotest.OneByteReader(bytes.NewReader(c.data)), "auto")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if diff := cmp.Diff(c.layers, s.Layers); diff != "" || s.Format != JSON || s.Plain() != (c.layers == nil) {
				t.Errorf("%s, a %s", diff, s.Format)
			}
			got, err := io.ReadAll(s)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes: %v", len(got), err)
			}
		})
	}
}

// TestLayersEnd: what is packed more often than that is not unpacked further.
func TestLayersEnd(t *testing.T) {
	data := []byte(`{"a":1}`)
	for range maxLayers + 1 {
		data = gzipped(data)
	}
	s, err := Open(bytes.NewReader(data), "auto")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Layers) != maxLayers || s.Format != Unknown {
		t.Errorf("%v, %s", s.Layers, s.Format)
	}
}

func TestDamagedCompressionIsSaid(t *testing.T) {
	var plain bytes.Buffer // that does not compress to nothing
	random := rand.New(rand.NewPCG(1, 2))
	for plain.Len() < 400_000 {
		plain.WriteString(`{"a":"` + strings.Repeat(string(rune('a'+random.IntN(26))), 1+random.IntN(9)) + `"}` + "\n")
	}
	bz, err := os.ReadFile("testdata/records.ndjson.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for name, whole := range map[string][]byte{"gzip": gzipped(plain.Bytes()), "zstd": zstdPacked(plain.Bytes()), "bzip2": bz} {
		for _, n := range []int{4, 7, 12, len(whole) / 2, len(whole) - 1} {
			got, err := readAll(whole[:n])
			if err == nil {
				t.Errorf("%s, %d of %d bytes: nothing was said, %d bytes came", name, n, len(whole), got)
			} else if engine.KindOf(err) != engine.Invalid || !strings.Contains(err.Error(), name) {
				t.Errorf("%s, %d of %d bytes: %v", name, n, len(whole), err)
			}
		}
		flipped := bytes.Clone(whole)
		flipped[len(flipped)/2] ^= 0xff
		if _, err := readAll(flipped); engine.KindOf(err) != engine.Invalid {
			t.Errorf("%s, damaged: %v", name, err)
		}
	}
}

func readAll(data []byte) (int64, error) {
	s, err := Open(bytes.NewReader(data), "auto")
	if err != nil {
		return 0, err
	}
	defer s.Close()
	return io.Copy(io.Discard, s)
}

// TestAReaderThatFailsIsNoDamage: an error of the network is not one of the
// object.
func TestAReaderThatFailsIsNoDamage(t *testing.T) {
	broken := errors.New("connection reset")
	_, err := Open(iotest.ErrReader(broken), "auto")
	if !errors.Is(err, broken) || engine.KindOf(err) == engine.Invalid {
		t.Error(err)
	}
}

// TestBombsStream: what unpacks to much comes piece by piece.
func TestBombsStream(t *testing.T) {
	bomb := gzipped(bytes.Repeat([]byte{' '}, 64<<20))
	s, err := Open(bytes.NewReader(gzipped(bomb)), "auto")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	split := NewSplitter(s, 1<<20)
	if c, err := split.Next(); !errors.Is(err, io.EOF) && (err != nil || len(c.Records) != 0 && c.Records[0].Problem == "") {
		t.Errorf("%d records, %v", len(c.Records), err)
	}
	if cap(split.buf) > 2*MaxRecord {
		t.Errorf("it holds %d bytes", cap(split.buf))
	}
}

func TestWantedFormat(t *testing.T) {
	for _, c := range []struct {
		text, want string
		format     Format
	}{
		{"a,b\n1,2\n", "json", JSON},
		{"a,b\n1,2\n", "ndjson", JSON},
		{"prose\n", "csv", CSV},
		{"", "csv", Empty},
		{"PAR1", "json", Parquet},
		{`{"a":1}`, "auto", JSON},
	} {
		s, err := Open(strings.NewReader(c.text), c.want)
		if err != nil {
			t.Fatal(err)
		}
		if s.Format != c.format {
			t.Errorf("%q as %s is %s", c.text, c.want, s.Format)
		}
		s.Close()
	}
}

// records cuts a text, in chunks of a size; a problem stands before its bytes.
func records(t testing.TB, text string, size int) []string {
	t.Helper()
	out := []string{}
	s := NewSplitter(strings.NewReader(text), size)
	for range len(text) + 2 {
		c, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range c.Records {
			line := string(c.Bytes(r))
			if r.Problem != "" {
				line = "!" + line
			}
			out = append(out, line)
		}
	}
	t.Fatalf("no end in sight of %q", text)
	return nil
}

func TestSplitter(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", []string{}},
		{"blank", " \n\r\n\t", []string{}},
		{"lines", "{\"a\":1}\n{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"no end of line", "{\"a\":1}\n{\"a\":2}", []string{`{"a":1}`, `{"a":2}`}},
		{"CRLF and blank lines", "{\"a\":1}\r\n\r\n  {\"a\":2}  \r\n", []string{`{"a":1}`, `{"a":2}`}},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}\n", []string{`{"a":1}`}},
		{"a bad line", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", []string{`{"a":1}`, `{"a":`, `{"a":3}`}},
		{"a bad first line", "}{\n{\"a\":2}\n{\"a\":3}\n", []string{`}{`, `{"a":2}`, `{"a":3}`}},
		{"an array among lines", "[1,2]\n{\"a\":2}\n{\"a\":3}\n", []string{`[1,2]`, `{"a":2}`, `{"a":3}`}},
		{"many lines of an array", "[\n{\"a\":1},\n{\"a\":2},\n{\"a\":3},\n{\"a\":4}\n]\n", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`, `{"a":4}`}},
		{"a cut last line", "{\"a\":1}\n{\"a\":\"", []string{`{"a":1}`, `{"a":"`}},
		{"pretty", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", []string{"{\n  \"a\": 1\n}", "{\n  \"a\": 2\n}"}},
		{"pretty with brackets in text", "{\n \"a\": \"}{\\\"[\"\n}\n{\n \"b\": 2\n}", []string{"{\n \"a\": \"}{\\\"[\"\n}", "{\n \"b\": 2\n}"}},
		{"array", `[{"a":1},{"a":2}]`, []string{`{"a":1}`, `{"a":2}`}},
		{"array over lines", "[\n  {\"a\":1},\n  {\"a\":2}\n]\n", []string{`{"a":1}`, `{"a":2}`}},
		{"pretty array", "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": 2\n  }\n]\n", []string{"{\n    \"a\": 1\n  }", "{\n    \"a\": 2\n  }"}},
		{"array of other things", `[1, "x", null, [2], {"a":1}]`, []string{`1`, `"x"`, `null`, `[2]`, `{"a":1}`}},
		{"empty array", `[]`, []string{}},
		{"two arrays", `[{"a":1}] [{"a":2}]`, []string{`{"a":1}`, `{"a":2}`}},
		{"array without its end", `[{"a":1},{"a":2}`, []string{`{"a":1}`, `{"a":2}`}},
		{"array cut in an element", `[{"a":1},{"a":`, []string{`{"a":1}`, `!{"a":`}},

		// What is wrong in one element does not take the others with it.
		{"an element without its end", "[\n{\"a\":1},\n{\"a\":2,\n{\"a\":3},\n{\"a\":4}\n]\n", []string{`{"a":1}`, `!{"a":2,`, `{"a":3}`, `{"a":4}`}},
		{"an element with a quote too many", "[\n{\"a\":1},\n{\"a\":\"2},\n{\"a\":3},\n{\"a\":\"4\"}\n]\n", []string{`{"a":1}`, `!{"a":"2},`, `{"a":3}`, `{"a":"4"}`}},
		{"an element that ends with a bracket of another kind", "[\n{\"a\":1},\n{\"a\":[2}},\n{\"a\":3}\n]\n", []string{`{"a":1}`, `!{"a":[2}},`, `{"a":3}`}},
		{"on one line", `[{"a":1},{"a":[2},{"a":3}]`, []string{`{"a":1}`, `{"a":[2}`, `{"a":3}`}},
		{"an object where a name should be", `[{"a":1,{"b":2}},{"c":3}]`, []string{`{"a":1,{"b":2}}`, `{"c":3}`}},
		{"a pretty element without its end", "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": [2\n  },\n  {\n    \"a\": 3\n  }\n]\n", []string{"{\n    \"a\": 1\n  }", "{\n    \"a\": [2\n  }", "{\n    \"a\": 3\n  }"}},
		{"a pretty record without its end", "{\n  \"a\": 1\n}\n{\n  \"a\": {\n}\n{\n  \"a\": 3\n}\n", []string{"{\n  \"a\": 1\n}", "!{\n  \"a\": {\n}", "{\n  \"a\": 3\n}"}},
		{"prose between records", "{\n\"a\": 1\n}\nhello\n{\n\"a\": 2\n}\n", []string{"{\n\"a\": 1\n}", "hello", "{\n\"a\": 2\n}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 64, 16, 1} {
				if diff := cmp.Diff(c.want, records(t, c.text, size)); diff != "" {
					t.Errorf("in chunks of %d: %s", size, diff)
				}
			}
		})
	}
}

// TestSplitterLosesNothing: every byte that is not between records is in one,
// in order, whatever the chunks.
func TestSplitterLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{
			`{"a":1}`, `{`, `}`, `[`, `]`, `,`, `"`, `\`, "\n", " ", `{"a":[1,{"b":"}"}]}`, "{\n  \"a\": 1\n}", "x", "1",
		})).Draw(t, "parts")
		everyByte(t, strings.Join(parts, ""), rapid.IntRange(1, 40).Draw(t, "size"))
	})
}

func everyByte(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string, size int,
) {
	t.Helper()
	s := NewSplitter(strings.NewReader(text), size)
	rest := strings.TrimPrefix(text, string(bom))
	for range len(text) + 2 {
		c, err := s.Next()
		if errors.Is(err, io.EOF) {
			if left := strings.Trim(rest, " \t\r\n,[]"); left != "" {
				t.Fatalf("%q in chunks of %d: %q was lost", text, size, left)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, r := range c.Records {
			record := string(c.Bytes(r))
			i := strings.Index(rest, record)
			if i < 0 || strings.Trim(rest[:i], " \t\r\n,[]") != "" || record == "" {
				t.Fatalf("%q in chunks of %d: before %q stands %q", text, size, record, rest)
			}
			rest = rest[i+len(record):]
		}
	}
	t.Fatalf("%q in chunks of %d does not end", text, size)
}

func FuzzSplitter(f *testing.F) {
	for _, text := range []string{"{\"a\":1}\n{\"a\":2}\n", `[{"a":1},{"a":2}]`, "[\n{\"a\":1,\n{\"b\":2}\n]", "{\n\"a\":\"\\\"\"\n}\n{\n}"} {
		f.Add(text, 16)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		everyByte(t, text, 1+abs(size)%100)
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

func FuzzOpen(f *testing.F) {
	plain := []byte("{\"a\":1}\n")
	f.Add(plain)
	f.Add(gzipped(plain))
	f.Add(zstdPacked(plain))
	f.Add(zstdPacked(gzipped(plain)))
	f.Add([]byte("BZh91AY&SY"))
	f.Add([]byte("a,b\n1,2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open(bytes.NewReader(data), "auto")
		if err != nil {
			if engine.KindOf(err) != engine.Invalid {
				t.Fatalf("%v", err)
			}
			return
		}
		defer s.Close()
		if len(s.Layers) > maxLayers {
			t.Fatalf("%v", s.Layers)
		}
		if s.Plain() != (s.Layers == nil) {
			t.Fatal("layers of a plain object")
		}
		n, err := io.Copy(io.Discard, io.LimitReader(s, 16<<20))
		if err != nil && engine.KindOf(err) != engine.Invalid {
			t.Fatalf("%v", err)
		}
		if s.Plain() && (err != nil || n != int64(len(data))) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	})
}

func TestUnrecognisedSaysWhatItIs(t *testing.T) {
	for text, want := range map[string]string{
		"\xff\xfe{\x00\"\x00": "it is text in UTF-16; convert it to UTF-8",
		"\xfe\xff\x00{\x00\"": "it is text in UTF-16; convert it to UTF-8",
		"\x89PNG\r\n\x1a\n":   "its format is not recognised",
	} {
		s, err := Open(strings.NewReader(text), "auto")
		if err != nil {
			t.Fatal(err)
		}
		if s.Format != Unknown || s.Unrecognised() != want {
			t.Errorf("%q: %s, %s", text, s.Format, s.Unrecognised())
		}
		s.Close()
	}
}
