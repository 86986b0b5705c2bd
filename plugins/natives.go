package plugins

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// nativeModule is what the natives are imported from: work that the host does
// ten times as fast as a guest, on texts in the guest's memory.
const nativeModule = "tm1"

// nativesOf are the imports that the word of a manifest stands for.
var nativesOf = map[string][]string{
	"regex": {"regex_find", "regex_replace", "take"},
	"json":  {"json_get", "take"},
	"bytes": {"bytes_find"},
}

// Bounds of one call, so that it ends soon: the host cannot look at the clock
// within it.
const (
	maxNativeText    = 1 << 20
	maxNativePattern = 4 << 10
	maxNativeResult  = 4 << 20
	maxNativeWork    = 1 << 24 // instructions of the pattern times bytes of the text
	maxPointerParts  = 32
	keptPatterns     = 64
)

// nativeState is what an instance has of natives.
type nativeState struct {
	patterns map[string]*pattern
	result   []byte // until take, or the next
}

type pattern struct {
	*regexp.Regexp
	size int // instructions
}

// nativeKey carries the state of the instance that is called.
type nativeKey struct{}

// checkNatives refuses a module that imports what its manifest does not ask
// for: the manifest is what people read before they let it run.
func (m manifest) checkNatives(c wazero.CompiledModule) error {
	given := map[string]bool{}
	for _, word := range m.Natives {
		for _, name := range nativesOf[word] {
			given[name] = true
		}
	}
	for _, f := range c.ImportedFunctions() {
		if module, name, _ := f.Import(); module == nativeModule && !given[name] {
			return fmt.Errorf("it imports %s.%s, and its manifest does not ask for that native", nativeModule, clean(name))
		}
	}
	return nil
}

func (m manifest) checkWords() error {
	if len(m.Natives) > 0 && m.ABI != "1.2" {
		return fmt.Errorf("its manifest asks for natives, which begin with ABI 1.2, and for ABI %s", clean(m.ABI))
	}
	for i, word := range m.Natives {
		if nativesOf[word] == nil {
			return fmt.Errorf("its manifest asks for the native %q, which this host does not have", clean(word))
		}
		if slices.Contains(m.Natives[:i], word) {
			return fmt.Errorf("its manifest asks for the native %s twice", word)
		}
	}
	return nil
}

// isNative reports whether an import is one of the host's natives.
func isNative(module, name string) bool {
	if module != nativeModule {
		return false
	}
	for _, names := range nativesOf {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}

func (p *Plugin) provideNatives(ctx context.Context) error {
	_, err := p.runtime.NewHostModuleBuilder(nativeModule).
		NewFunctionBuilder().WithFunc(regexFind).Export("regex_find").
		NewFunctionBuilder().WithFunc(regexReplace).Export("regex_replace").
		NewFunctionBuilder().WithFunc(jsonGet).Export("json_get").
		NewFunctionBuilder().WithFunc(take).Export("take").
		NewFunctionBuilder().WithFunc(bytesFind).Export("bytes_find").
		Instantiate(ctx)
	return err
}

// errNative is what a plugin did wrong in a call of a native; it becomes a
// trap with its text.
var errNative = errors.New("it called a native wrongly")

func wrong(name, format string, args ...any) {
	panic(fmt.Errorf("%w: %s: %s", errNative, name, clean(fmt.Sprintf(format, args...))))
}

// native is one call: it looks at the clock, and reads what it is given.
type native struct {
	name  string
	m     api.Module
	state *nativeState
}

func begin(ctx context.Context, m api.Module, name string) native {
	yield(ctx)
	state, ok := ctx.Value(nativeKey{}).(*nativeState)
	if !ok {
		wrong(name, "natives are there in a call of tm_call alone")
	}
	return native{name, m, state}
}

// text is a text in the guest's memory, which it stays part of.
func (n native) text(at, size uint32, what string, most uint32) []byte {
	if size > most {
		wrong(n.name, "its %s has %d bytes, more than %d", what, size, most)
	}
	b, ok := n.m.Memory().Read(at, size)
	if !ok {
		wrong(n.name, "its %s lies outside of the memory", what)
	}
	if !utf8.Valid(b) {
		wrong(n.name, "its %s is not valid UTF-8", what)
	}
	return b
}

// give keeps a result for take.
func (n native) give(result []byte) int32 {
	if len(result) > maxNativeResult {
		wrong(n.name, "it makes more than %d MB", maxNativeResult>>20)
	}
	if n.state.result = result; result == nil {
		n.state.result = []byte{}
	}
	return int32(len(result))
}

func (n native) pattern(at, size uint32, text []byte) *regexp.Regexp {
	source := n.text(at, size, "pattern", maxNativePattern)
	p := n.state.patterns[string(source)]
	if p == nil {
		p = n.compile(string(source))
		if len(n.state.patterns) >= keptPatterns {
			clear(n.state.patterns)
		}
		if n.state.patterns == nil {
			n.state.patterns = map[string]*pattern{}
		}
		n.state.patterns[string(source)] = p
	}
	if p.size*len(text) > maxNativeWork {
		wrong(n.name, "the pattern has %d instructions and the text %d bytes, which is too much together", p.size, len(text))
	}
	return p.Regexp
}

func (n native) compile(source string) *pattern {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		wrong(n.name, "the pattern cannot be read: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		wrong(n.name, "the pattern cannot be read: %v", err)
	}
	re, err := regexp.Compile(source)
	if err != nil {
		wrong(n.name, "the pattern cannot be read: %v", err)
	}
	return &pattern{re, len(program.Inst)}
}

func regexFind(ctx context.Context, m api.Module, pattern, patternSize, text, textSize uint32) int64 {
	n := begin(ctx, m, "regex_find")
	b := n.text(text, textSize, "text", maxNativeText)
	found := n.pattern(pattern, patternSize, b).FindIndex(b)
	if found == nil {
		return -1
	}
	return int64(found[0])<<32 | int64(found[1])
}

// regexReplace puts one text in the place of all matches. Between two matches
// the clock is looked at: to look for each may take as long as the text.
func regexReplace(ctx context.Context, m api.Module, pattern, patternSize, text, textSize, with, withSize uint32) int32 {
	n := begin(ctx, m, "regex_replace")
	b := n.text(text, textSize, "text", maxNativeText)
	replacement := n.text(with, withSize, "replacement", maxNativePattern)
	left := maxNativeResult
	return n.give(n.pattern(pattern, patternSize, b).ReplaceAllFunc(b, func([]byte) []byte {
		yield(ctx)
		if left -= len(replacement); left < 0 {
			wrong(n.name, "it makes more than %d MB", maxNativeResult>>20)
		}
		return replacement
	}))
}

// jsonGet finds a value by a JSON pointer (RFC 6901). Of a text it is what the
// text says, of all else its JSON; -1 says that there is none, or no JSON.
func jsonGet(ctx context.Context, m api.Module, pointer, pointerSize, text, textSize uint32) int32 {
	n := begin(ctx, m, "json_get")
	b := n.text(text, textSize, "text", maxNativeText)
	path := string(n.text(pointer, pointerSize, "pointer", maxNativePattern))
	if path != "" && path[0] != '/' {
		wrong(n.name, "the pointer %q does not begin with /", path)
	}
	parts := strings.Split(path, "/")[1:]
	if path == "" {
		parts = nil
	}
	if len(parts) > maxPointerParts {
		wrong(n.name, "the pointer has more than %d parts", maxPointerParts)
	}
	for _, part := range parts {
		yield(ctx)
		if b = member(b, strings.NewReplacer("~1", "/", "~0", "~").Replace(part)); b == nil {
			return -1
		}
	}
	b = bytes.TrimSpace(b)
	var said string
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &said) == nil {
		return n.give([]byte(said))
	}
	if !json.Valid(b) {
		return -1
	}
	return n.give(bytes.Clone(b)) // the guest goes on with its memory
}

// member is one of an object or an array; of several of a name the last counts.
func member(b []byte, name string) []byte {
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return nil
	}
	if b[0] == '[' {
		var all []json.RawMessage
		i, err := strconv.ParseUint(name, 10, 31)
		if err != nil || strconv.FormatUint(i, 10) != name || json.Unmarshal(b, &all) != nil || i >= uint64(len(all)) {
			return nil
		}
		return all[i]
	}
	var all map[string]json.RawMessage
	if b[0] != '{' || json.Unmarshal(b, &all) != nil {
		return nil
	}
	return all[name]
}

// take copies the result of the native before to a place with room for it.
func take(ctx context.Context, m api.Module, at uint32) {
	n := begin(ctx, m, "take")
	if n.state.result == nil {
		wrong(n.name, "there is no result")
	}
	if len(n.state.result) > math.MaxInt32 || !m.Memory().Write(at, n.state.result) {
		wrong(n.name, "its place lies outside of the memory")
	}
	n.state.result = nil
}
