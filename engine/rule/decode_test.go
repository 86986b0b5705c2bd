package rule

import (
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"tidemark.dev/tidemark/engine"
)

// decodeSpec reads a rule file well enough for tests: what the workspace's
// reader does, without its errors.
func decodeSpec(t testing.TB, name, src string) Spec {
	t.Helper()
	f, err := parser.ParseBytes([]byte(src), 0)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var spec Spec
	d := decoder{t, name, strings.Split(src, "\n")}
	d.value(f.Docs[0].Body, reflect.ValueOf(&spec).Elem())
	return spec
}

type decoder struct {
	t     testing.TB
	file  string
	lines []string
}

func (d decoder) value(n ast.Node, v reflect.Value) {
	d.t.Helper()
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	pairs, isMap := mapping(n)
	if form, ok := v.Addr().Interface().(engine.ScalarForm); ok && !isMap {
		if _, list := n.(*ast.SequenceNode); !list {
			if err := form.SetScalar(d.text(n)); err != nil {
				d.t.Fatal(err)
			}
			return
		}
	}
	switch {
	case v.Type() == reflect.TypeFor[engine.Text]():
		v.Set(reflect.ValueOf(d.text(n)))
	case strings.HasPrefix(v.Type().Name(), "Entries["):
		for _, p := range pairs {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Field(0).Set(reflect.ValueOf(d.text(p.Key)))
			d.value(p.Value, e.Field(1))
			v.Set(reflect.Append(v, e))
		}
	case v.Kind() == reflect.Slice:
		for _, item := range n.(*ast.SequenceNode).Values {
			e := reflect.New(v.Type().Elem()).Elem()
			d.value(item, e)
			v.Set(reflect.Append(v, e))
		}
	case v.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, p := range pairs {
			v.SetMapIndex(reflect.ValueOf(d.text(p.Key).Value), reflect.ValueOf(d.text(p.Value).Value))
		}
	case v.Kind() == reflect.Interface:
		v.Set(reflect.ValueOf(n.String()))
	default:
		for _, p := range pairs {
			d.value(p.Value, d.field(v, d.text(p.Key).Value))
		}
	}
}

func (d decoder) field(v reflect.Value, key string) reflect.Value {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key {
			return v.Field(i)
		}
	}
	d.t.Fatalf("%s: no key %s", d.file, key)
	return reflect.Value{}
}

func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

func (d decoder) text(n ast.Node) engine.Text {
	token := n.GetToken()
	at, value, quoted := token.Position, token.Value, 0
	if origin := strings.TrimSpace(token.Origin); strings.HasPrefix(origin, `"`) || strings.HasPrefix(origin, "'") {
		quoted = 1
	}
	return engine.Text{Value: value, File: d.file, Line: at.Line, Column: at.Column + quoted, Excerpt: d.lines[at.Line-1]}
}
