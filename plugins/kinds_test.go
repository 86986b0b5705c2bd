package plugins_test

import (
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// of is a plugin with one function of a kind, which answers batches without
// rows with empty and all others with answer.
func of(function string, empty, answer []byte) []byte {
	manifest := `{"name":"some","version":"1.0.0","abi":"1.1","functions":[` + function + `]}`
	m := some(answer,
		Func{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(manifest)))},
		Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(
			Get(1), Load32(8), If(Packed(answerAt, uint32(len(answer))), Return), Packed(emptyAt, uint32(len(empty))))})
	m.Data = []Data{At(manifestAt, []byte(manifest)), At(emptyAt, empty), At(answerAt, answer)}
	return m.Bytes()
}

const (
	someFunction = `{"name":"some","kind":"function","inputs":[{"field":"a","type":"utf8"}],"outputs":[{"field":"b","type":"utf8"}]}`
	someDecoder  = `{"name":"some","kind":"decoder","framing":"none","inputs":[],"outputs":[{"field":"b","type":"utf8"}]}`
)

// one is a column of one text.
func one(kind byte, s string) col {
	return col{kind: kind, offsets: u32s(0, uint32(len(s))), data: []byte(s)}
}

// hostileFunctions give a function of SQL an answer that does not fit.
var hostileFunctions = []hostileAnswer{
	{"more values", frame(2, text()), "made 2 values of 1"},
	{"no values", frame(0, emptyText()), "made 0 values of 1"},
	{"with $src", frame(1, src(0), one(4, "a"), one(4, "b")), "has 3 columns instead of 1"},
	{"another type", frame(1, col{kind: 2, data: make([]byte, 8)}), "has type 2 instead of 4"},
	{"bytes", frame(1, one(5, "a")), "has type 5 instead of 4"},
	{"used bytes", edit(frame(1, one(4, "a")), 20, 7), "says that it took 7 bytes"},
	{"no UTF-8", frame(1, one(4, "\xc3")), "row 0 is not valid UTF-8"},
	{"its own error", frame(1, one(4, "a"), one(4, "why")), "why"},
}

// TestHostileFunctions gives answers to a function of SQL that do not fit.
func TestHostileFunctions(t *testing.T) {
	s := surround(t)
	for _, c := range hostileFunctions {
		t.Run(c.name, func(t *testing.T) {
			p := must(s.host.Load(t.Context(), "some", of(someFunction, frame(0, emptyText()), c.answer), plugins.Settings{}))
			v, err := p.Call(t.Context(), "some", []engine.Column{texts("a", "x")}, 1)
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, why := range v.Errors {
				said += why
			}
			if !strings.Contains(said, c.want) || !strings.Contains(said, "some of the plugin some@1.0.0: ") {
				t.Errorf("got %q, want %q", said, c.want)
			}
			s.stillWorks(t)
		})
	}
}

// hostileDecoders answer the piece "abcde", which is the last.
var hostileDecoders = []hostileAnswer{
	{"more than there is", decoded(0, 100), "says that it took 100 bytes of 5"},
	{"behind the end", decoded(5, 5), "row 5 is out of order"},
	{"nothing at the end", decoded(0, 0), "leaves 5 bytes at the end"},
	{"too many records", edit(frame(9, src(0, 0, 0, 0, 0, 0, 0, 0, 0), text()), 20, 5), "made 9 records of 5 bytes"},
}

// decoded is an answer with one record that begins at a byte, after which used
// bytes are done with.
func decoded(at, used uint32) []byte {
	return edit(frame(1, src(at), col{kind: 4, offsets: u32s(0, 1), data: []byte("a")}), 20, used)
}

// TestHostileDecoders gives answers to a decoder that cuts its input itself.
func TestHostileDecoders(t *testing.T) {
	s := surround(t)
	for _, c := range hostileDecoders {
		t.Run(c.name, func(t *testing.T) {
			p := must(s.host.Load(t.Context(), "some", of(someDecoder, frame(0, src(), emptyText()), c.answer), plugins.Settings{}))
			err := p.Decode(t.Context(), strings.NewReader("abcde"), func(plugins.Decoded) error { return nil })
			if engine.KindOf(err) != engine.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			s.stillWorks(t)
		})
	}
}

// TestPieces decodes an object of which the decoder always takes five bytes.
func TestPieces(t *testing.T) {
	s := surround(t)
	p := must(s.host.Load(t.Context(), "some", of(someDecoder, frame(0, src(), emptyText()), decoded(0, 5)), plugins.Settings{}))
	n := 0
	err := p.Decode(t.Context(), strings.NewReader(strings.Repeat("abcde", 40)), func(d plugins.Decoded) error {
		if string(d.JSON) != `{"b":"a"}` {
			t.Errorf("got %s %s", d.JSON, d.Problem)
		}
		n++
		return nil
	})
	if err != nil || n != 40 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestManifestsOfKinds(t *testing.T) {
	s := surround(t)
	for manifest, want := range map[string]string{
		strings.Replace(someFunction, `"name":"some"`, `"name":"so.me"`, 1):         "its name has a dot",
		strings.Replace(someFunction, `"b","type":"utf8"`, `"b","type":"bytes"`, 1): `field of type "bytes"`,
		strings.Replace(someFunction, `}]}`, `}],"nulls":"maybe"}`, 1):              `nulls "maybe"`,
		strings.Replace(someDecoder, "none", "lines", 1):                            `framing "lines"; there are line and none`,
		strings.Replace(someDecoder, `"b"`, `"$record"`, 1):                         "of type utf8 instead of json",
		someDecoder + "," + strings.Replace(someDecoder, "some", "other", 1):        "more than one decoder",
		someFunction + "," + someFunction:                                           "names the function some twice",
	} {
		_, err := s.host.Load(t.Context(), "some", of(manifest, frame(0, src(), emptyText()), nil), plugins.Settings{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", manifest, err, want)
		}
	}
}
