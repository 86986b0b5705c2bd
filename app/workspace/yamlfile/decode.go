package yamlfile

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tidemark.dev/tidemark/engine"
)

// maxValues bounds how many values a file can mean, aliases expanded: a few
// lines of aliases to aliases mean billions.
const maxValues = 200_000

var (
	textType       = reflect.TypeFor[engine.Text]()
	durationType   = reflect.TypeFor[time.Duration]()
	timeType       = reflect.TypeFor[time.Time]()
	sizeType       = reflect.TypeFor[Size]()
	scalarFormType = reflect.TypeFor[engine.ScalarForm]()
)

// walker fills Go values from nodes.
type walker struct {
	*problems
	expand  func(engine.Text) (string, error)
	unknown func(string) bool
	values  int
}

// value reads n into v. path names the place for errors: "sources.archive".
func (w *walker) value(path string, n *node, v reflect.Value) {
	if w.values++; w.values > maxValues {
		if w.values == maxValues+1 {
			w.add(n.text.At(0, "the file expands to more than %d values", maxValues).WithHint("use fewer aliases"))
		}
		return
	}
	if w.full() || n.kind == brokenNode {
		return
	}
	if v.Kind() == reflect.Pointer {
		w.pointer(path, n, v)
		return
	}
	if n.kind == scalarNode && v.CanAddr() && v.Addr().Type().Implements(scalarFormType) {
		if text, ok := w.scalarText(n); ok && !w.isUnknown(n) {
			if err := v.Addr().Interface().(engine.ScalarForm).SetScalar(text); err != nil {
				w.addAt(n.text, err)
			}
		}
		return
	}
	if n.kind == mappingNode && v.CanAddr() && v.Addr().Type().Implements(mappingFormType) {
		w.value(path, n, reflect.ValueOf(v.Addr().Interface().(MappingForm).MappingTarget()).Elem())
		return
	}
	switch {
	case isScalar(v.Type()):
		w.scalar(path, n, v)
	case isEntries(v.Type()):
		w.entries(path, n, v)
	case v.Kind() == reflect.Struct:
		w.structure(path, n, v)
	case v.Kind() == reflect.Map:
		w.mapping(path, n, v)
	case v.Kind() == reflect.Slice:
		w.list(path, n, v)
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		if value := w.any(path, n); value != nil {
			v.Set(reflect.ValueOf(value))
		} else {
			v.SetZero()
		}
	default:
		panic(fmt.Sprintf("yamlfile: a file cannot be read into %s", v.Type()))
	}
}

func (w *walker) pointer(path string, n *node, v reflect.Value) {
	if n.kind == nullNode {
		v.SetZero()
		return
	}
	if v.IsNil() {
		v.Set(reflect.New(v.Type().Elem()))
	}
	w.value(path, n, v.Elem())
}

// wants reports whether n is of the kind; nothing at all is as good as an
// empty mapping or list.
func (w *walker) wants(path string, n *node, kind nodeKind) bool {
	if n.kind == kind {
		return true
	}
	if n.kind != nullNode {
		e := n.text.At(0, "%swant %s, have %s", prefix(path), kind, n.kind)
		switch kind {
		case sequenceNode:
			e = e.WithHint("put it in brackets: [a, b]")
		case mappingNode:
			e = e.WithHint("write keys and values: {key: value}, or one a line, indented")
		}
		w.add(e)
	}
	return false
}

func (w *walker) structure(path string, n *node, v reflect.Value) {
	fields, at := fieldsOf(v.Type())
	if len(fields) == 0 {
		w.wants(path, n, scalarNode)
		return
	}
	keys := map[string]engine.Place{}
	if w.wants(path, n, mappingNode) {
		for _, p := range n.pairs {
			i := slices.IndexFunc(fields, func(f field) bool { return f.name == p.key.Value })
			if i < 0 {
				w.unknownKey(path, p.key, fields)
				continue
			}
			keys[p.key.Value] = placeOf(p)
			target := v.FieldByIndex(fields[i].index)
			w.value(join(path, p.key.Value), p.value, target)
			w.checkEnum(join(path, p.key.Value), fields[i].enum, p.value)
		}
	}
	if at != nil {
		v.FieldByIndex(at).Set(reflect.ValueOf(engine.NewAt(n.text, keys)))
	}
}

func (w *walker) unknownKey(path string, key engine.Text, fields []field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	e := key.At(0, "unknown key %s", quoteName(key.Value))
	if path != "" {
		e = key.At(0, "unknown key %s in %s", quoteName(key.Value), path)
	}
	if near := engine.Nearest(key.Value, names); near != "" {
		e = e.WithHint("did you mean %s?", near)
	} else {
		e = e.WithHint("the keys here are %s", strings.Join(names, ", "))
	}
	w.add(e)
}

func (w *walker) checkEnum(path string, enum []string, n *node) {
	if enum == nil || n.kind != scalarNode || w.isUnknown(n) {
		return
	}
	if text, err := w.expanded(n.text); err != nil || slices.Contains(enum, text) {
		return
	}
	e := n.text.At(0, "%sunknown value %s", prefix(path), quoteValue(n.text.Value))
	if near := engine.Nearest(n.text.Value, enum); near != "" {
		w.add(e.WithHint("did you mean %s? The values are %s", near, strings.Join(enum, ", ")))
		return
	}
	w.add(e.WithHint("write one of %s", strings.Join(enum, ", ")))
}

func (w *walker) mapping(path string, n *node, v reflect.Value) {
	if !w.wants(path, n, mappingNode) {
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.pairs)))
	}
	for _, p := range n.pairs {
		value := reflect.New(v.Type().Elem()).Elem()
		w.value(join(path, p.key.Value), p.value, value)
		v.SetMapIndex(reflect.ValueOf(p.key.Value).Convert(v.Type().Key()), value)
	}
}

func (w *walker) list(path string, n *node, v reflect.Value) {
	if !w.wants(path, n, sequenceNode) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		w.value(fmt.Sprintf("%s[%d]", path, i), item, out.Index(i))
	}
	v.Set(out)
}

// entries reads a mapping whose order matters into engine.Entries[T].
func (w *walker) entries(path string, n *node, v reflect.Value) {
	if !w.wants(path, n, mappingNode) {
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.pairs), len(n.pairs))
	for i, p := range n.pairs {
		entry := out.Index(i)
		entry.FieldByName("Key").Set(reflect.ValueOf(p.key))
		w.value(join(path, p.key.Value), p.value, entry.FieldByName("Value"))
	}
	v.Set(out)
}

// isEntries recognises engine.Entries[T] for any T.
func isEntries(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.PkgPath() == textType.PkgPath() && strings.HasPrefix(t.Name(), "Entries[")
}

// any reads a value whose shape the file decides: nil, bool, int64, float64,
// string, []any or map[string]any.
func (w *walker) any(path string, n *node) any {
	switch n.kind {
	case mappingNode:
		out := map[string]any{}
		w.value(path, n, reflect.ValueOf(&out).Elem())
		return out
	case sequenceNode:
		out := []any{}
		w.value(path, n, reflect.ValueOf(&out).Elem())
		return out
	case scalarNode:
		return w.anyScalar(n)
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return quoteName(key)
	}
	return path + "." + quoteName(key)
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// quoteName shows a name of the user's in an error: shortened, and quoted
// unless it is plain.
func quoteName(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return engine.Ident(s)
}

// quoteValue shows a value of the user's in an error: as it is if that cannot
// be misread.
func quoteValue(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-+:/…", r) {
			return strconv.Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}
