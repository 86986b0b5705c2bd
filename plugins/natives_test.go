package plugins_test

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/plugins"
	. "tidemark.dev/tidemark/plugins/internal/wasmtest"
)

// calling is a plugin that calls a native with numbers when it has records, and
// then answers as it was.
func calling(natives, abi, name string, params, results []byte, texts map[int]string, args ...int32) []byte {
	manifest := strings.Replace(someManifest, `"abi":"1.0",`, `"abi":"`+abi+`",`+natives, 1)
	answer := frame(2, src(0, 1), text())
	call := []byte{}
	for _, a := range args {
		call = append(call, Const32(a)...)
	}
	call = append(call, Call(0)...)
	for range results {
		call = append(call, Drop...)
	}
	m := some(answer,
		Func{Name: "tm_abi_1", Results: i32, Code: Const32(2)},
		Func{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(manifest)))},
		Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(
			Get(1), Load32(8), If(call, Packed(answerAt, uint32(len(answer))), Return),
			Packed(emptyAt, uint32(len(frame(0, src(), emptyText())))))})
	m.Imports = []Import{{Module: "tm1", Name: name, Params: params, Results: results}}
	m.Data[0].Bytes = []byte(manifest)
	for at, s := range texts {
		m.Data = append(m.Data, At(at, []byte(s)))
	}
	return m.Bytes()
}

func four() []byte { return bytes.Repeat(i32, 4) }
func six() []byte  { return bytes.Repeat(i32, 6) }

const (
	regexWord, jsonWord, bytesWord = `"natives":["regex"],`, `"natives":["json"],`, `"natives":["bytes"],`
	patternAt, subject             = 0x380000, 0x390000
	outside                        = 64 << 16
)

// words is a set of bytes: an @ is found, and a digit that begins a word.
func words() []byte {
	set := make([]byte, 256)
	for b := range set {
		switch {
		case b == '@':
			set[b] = 1
		case b >= '0' && b <= '9':
			set[b] = 2 | 4
		case b >= 'a' && b <= 'z':
			set[b] = 4
		}
	}
	return set
}

// finding is a function that has its text looked through, with the lists
// written into its answer.
func finding(kind string, answer []byte, to, room int32) []byte {
	manifest := `{"name":"some","version":"1.0.0","abi":"1.2",` + bytesWord + `"functions":[{"name":"some","kind":"function",` +
		`"inputs":[{"field":"a","type":"utf8"}],"outputs":[{"field":"b","type":"` + kind + `"}]}]}`
	empty := frame(0, emptyText())
	if kind == "i64" {
		empty = frame(0, col{kind: 2})
	}
	m := some(answer,
		Func{Name: "tm_abi_1", Results: i32, Code: Const32(2)},
		Func{Name: "tm_manifest", Results: i64, Code: Packed(manifestAt, uint32(len(manifest)))},
		Func{Name: "tm_call", Params: i32i32i32, Results: i64, Code: Code(
			Get(1), Load32(8), If(
				Const32(subject), Get(1), Load32(32+12), Get(1), Add, Get(1), Load32(8), Get(1), Load32(32+16), Get(1), Add, Const32(to), Const32(room),
				Call(0), Drop, Packed(answerAt, uint32(len(answer))), Return),
			Packed(emptyAt, uint32(len(empty))))})
	m.Imports = []Import{{Module: "tm1", Name: "bytes_find", Params: six(), Results: i32}}
	m.Data = []Data{At(manifestAt, []byte(manifest)), At(emptyAt, empty), At(answerAt, answer), At(subject, words())}
	return m.Bytes()
}

// finds are the cases of bytes_find in the suite. Where the lists end is shown as
// the offsets of a text, and two places as a number.
func finds() []suiteCase {
	ends := frame(3, col{kind: 4, offsets: u32s(0, 0, 0, 0), data: []byte("0123456789")})
	places := edit(edit(frame(1, col{kind: 2, data: make([]byte, 16)}), 32+16, 72), 32+20, 8)
	number := column("b", "i64", strconv.Itoa(1|7<<32))
	return []suiteCase{
		{
			Name: "function: bytes_find, where lists end", Module: finding("utf8", ends, answerAt+64, 4), Kind: "function",
			Input: []suiteColumn{column("a", "utf8", "1 22 a3 @@b4", "", "55")}, Output: []suiteColumn{column("b", "utf8", "0123", "", "4")},
		},
		{
			Name: "function: bytes_find, places", Module: finding("i64", places, answerAt+64, 4), Kind: "function",
			Input: []suiteColumn{column("a", "utf8", " 1a2 \u00e947")}, Output: []suiteColumn{number},
		},
	}
}

func TestNativesThatAreCalledWrongly(t *testing.T) {
	find := func(pattern string, args ...int32) []byte {
		return calling(regexWord, "1.2", "regex_find", four(), i64, map[int]string{patternAt: pattern, subject: strings.Repeat("a", 9000)}, args...)
	}
	lookThrough := func(args ...int32) []byte {
		return calling(bytesWord, "1.2", "bytes_find", six(), i32, map[int]string{patternAt: string(words()), subject: string(u32s(0, 8, 4, 8))}, args...)
	}
	host := must(plugins.NewHost(t.Context(), plugins.Options{MaxInstances: 1}))
	defer host.Close(context.Background())
	for name, c := range map[string]struct {
		wasm []byte
		want string // "": it works
	}{
		"a match":              {find("a+", patternAt, 2, subject, 9000), ""},
		"an empty text":        {find("a", patternAt, 1, subject, 0), ""},
		"a pattern that is no": {find("a(", patternAt, 2, subject, 3), "regex_find: the pattern cannot be read: missing closing )"},
		"a pattern outside":    {find("", outside-1, 2, subject, 3), "regex_find: its pattern lies outside of the memory"},
		"a text outside":       {find("a", patternAt, 1, -8, 3), "regex_find: its text lies outside of the memory"},
		"a negative size":      {find("a", patternAt, 1, subject, -1), "regex_find: its text has 4294967295 bytes"},
		"a long pattern":       {find("a", patternAt, 4097, subject, 3), "regex_find: its pattern has 4097 bytes, more than 4096"},
		"no UTF-8":             {find("a\xff", patternAt, 2, subject, 3), "regex_find: its pattern is not valid UTF-8"},
		"too much work":        {find("(a?){900}(b?){900}", patternAt, 18, subject, 9000), "too much together"},
		"a long result": {calling(regexWord, "1.2", "regex_replace", six(), i32, map[int]string{subject: strings.Repeat("a", 4096)},
			patternAt, 0, subject, 4096, subject, 4096), "regex_replace: it makes more than 4 MB"},
		"a pointer that is no": {calling(jsonWord, "1.2", "json_get", four(), i32, map[int]string{patternAt: "a", subject: "{}"},
			patternAt, 1, subject, 2), `json_get: the pointer "a" does not begin with /`},
		"no JSON": {calling(jsonWord, "1.2", "json_get", four(), i32, map[int]string{patternAt: "/a", subject: "{"},
			patternAt, 2, subject, 1), ""},
		"a set outside":             {lookThrough(outside-255, subject, 1, subject+64, subject+128, 9), "bytes_find: its set lies outside of the memory"},
		"offsets outside":           {lookThrough(patternAt, outside-4, 1, subject, subject+128, 9), "bytes_find: its offsets lie outside of the memory"},
		"offsets for 4G rows":       {lookThrough(patternAt, subject, -1, subject, subject+128, 9), "bytes_find: its offsets lie outside of the memory"},
		"offsets that go back":      {lookThrough(patternAt, subject, 3, subject+64, subject+128, 9), "bytes_find: its offsets are not in order"},
		"a text outside of all":     {lookThrough(patternAt, subject, 1, outside-4, subject+128, 9), "bytes_find: its texts lie outside of the memory"},
		"a text at a negative":      {lookThrough(patternAt, subject, 1, -4, subject+128, 9), "bytes_find: its texts lie outside of the memory"},
		"room outside":              {lookThrough(patternAt, subject, 1, subject+64, outside-32, 9), "bytes_find: its room lies outside of the memory"},
		"negative room":             {lookThrough(patternAt, subject, 1, subject+64, subject+128, -1), "bytes_find: its room lies outside of the memory"},
		"room over the set":         {lookThrough(patternAt, subject, 1, subject+64, patternAt+252, 9), "bytes_find: its room lies over what it is to read"},
		"room over the offsets":     {lookThrough(patternAt, subject, 1, subject+64, subject-32, 9), "bytes_find: its room lies over what it is to read"},
		"room over the texts":       {lookThrough(patternAt, subject, 1, subject+64, subject+68, 9), "bytes_find: its room lies over what it is to read"},
		"no room":                   {lookThrough(patternAt, subject, 1, subject+64, subject+68, 0), ""},
		"finds what is not asked":   {calling(regexWord, "1.2", "bytes_find", six(), i32, nil, 0, 0, 0, 0, 0, 0), "its manifest does not ask for that native"},
		"finds in an older version": {calling(bytesWord, "1.1", "bytes_find", six(), i32, nil, 0, 0, 0, 0, 0, 0), "begin with ABI 1.2"},
		"nothing to take":           {calling(jsonWord, "1.2", "take", i32, nil, nil, 0), "take: there is no result"},
		"not asked for":             {calling("", "1.2", "regex_find", four(), i64, nil, 0, 0, 0, 0), "its manifest does not ask for that native"},
		"another asked for":         {calling(jsonWord, "1.2", "regex_find", four(), i64, nil, 0, 0, 0, 0), "its manifest does not ask for that native"},
		"asked for twice":           {calling(`"natives":["json","json"],`, "1.2", "take", i32, nil, nil, 0), "asks for the native json twice"},
		"one there is not":          {calling(`"natives":["xml"],`, "1.2", "take", i32, nil, nil, 0), `asks for the native "xml", which this host does not have`},
		"an older version":          {calling(regexWord, "1.1", "regex_find", four(), i64, nil, 0, 0, 0, 0), "begin with ABI 1.2"},
		"an unknown import":         {calling(regexWord, "1.2", "regex_match", four(), i64, nil, 0, 0, 0, 0), "imports tm1.regex_match, which plugins are not given"},
		"another signature":         {calling(regexWord, "1.2", "regex_find", i32, i64, nil, 0), "regex_find"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := host.Load(t.Context(), "hostile", c.wasm, plugins.Settings{})
			if err != nil {
				if c.want == "" || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("got %v, want %q", err, c.want)
				}
				return
			}
			defer p.Close(context.Background())
			r := must(p.Transform(t.Context(), []engine.Column{texts("message", "x", "y")}, 2))
			switch {
			case c.want == "" && len(r.Rejected) > 0:
				t.Fatal(r.Rejected)
			case c.want != "" && (len(r.Rejected) != 2 || !strings.Contains(r.Rejected[0].Reason, c.want)):
				t.Fatalf("got %v, want %q", r.Rejected, c.want)
			}
		})
	}
}
