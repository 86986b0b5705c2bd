package yamlfile

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"tidemark.dev/tidemark/engine"
)

// treeBuilder turns the parser's tree into ours.
type treeBuilder struct {
	*problems
	// anchors holds what may be referred to. An anchor is added after its
	// value is complete, so that nothing can contain itself.
	anchors map[string]*node
}

func (t *treeBuilder) at(value string, tok *token.Token) engine.Text {
	if tok == nil || tok.Position == nil {
		return t.text(value, 1, 1)
	}
	return t.text(value, tok.Position.Line, tok.Position.Column)
}

func (t *treeBuilder) build(n ast.Node) *node {
	switch n := n.(type) {
	case nil:
		return &node{text: t.text("", 1, 1)}
	case *ast.NullNode:
		return &node{text: t.at("", n.GetToken())}
	case *ast.MappingNode:
		return t.mapping(n, n.Values)
	case *ast.MappingValueNode:
		return t.mapping(n, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out := &node{kind: sequenceNode, text: t.at("", n.GetToken())}
		for _, v := range n.Values {
			out.items = append(out.items, t.build(v))
		}
		return out
	case *ast.LiteralNode:
		return t.literal(n)
	case *ast.StringNode:
		return t.stringNode(n)
	case *ast.AnchorNode:
		out := t.build(n.Value)
		if n.Name != nil {
			t.anchors[n.Name.GetToken().Value] = out
		}
		return out
	case *ast.AliasNode:
		return t.alias(n)
	case *ast.TagNode:
		t.add(t.at("", n.GetToken()).At(0, "tags such as %s are not read", n.GetToken().Value).
			WithHint("remove the tag; quote the value if it must stay text"))
		return t.build(n.Value)
	}
	tok := n.GetToken()
	return &node{kind: scalarNode, plain: true, text: t.at(tok.Value, tok)}
}

func (t *treeBuilder) stringNode(n *ast.StringNode) *node {
	out := &node{kind: scalarNode, text: t.at(n.Value, n.GetToken())}
	switch n.GetToken().Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		out.text.Column++ // the value begins behind the quote
	default:
		out.plain = true
	}
	return out
}

// literal places a block of text at the first character of its first line.
func (t *treeBuilder) literal(n *ast.LiteralNode) *node {
	out := &node{kind: scalarNode, text: t.at("", n.Start)}
	if n.Value != nil {
		out.text.Value = n.Value.Value
	}
	header := n.Start.Position.Line
	for i := header; i < len(t.lines); i++ {
		if trimmed := strings.TrimLeft(t.lines[i], " "); trimmed != "" {
			out.text = t.text(out.text.Value, header+1, len(t.lines[i])-len(trimmed)+1)
			break
		}
	}
	return out
}

func (t *treeBuilder) alias(n *ast.AliasNode) *node {
	at := t.at("", n.GetToken())
	if n.Value != nil {
		at.Value = n.Value.GetToken().Value
	}
	if target, ok := t.anchors[at.Value]; ok {
		return target
	}
	names := make([]string, 0, len(t.anchors))
	for name := range t.anchors {
		names = append(names, name)
	}
	e := at.At(0, "nothing before this is named &%s", at.Value)
	if near := engine.Nearest(at.Value, names); near != "" {
		e = e.WithHint("did you mean *%s?", near)
	}
	t.add(e)
	return &node{kind: brokenNode, text: at}
}

func (t *treeBuilder) mapping(n ast.Node, values []*ast.MappingValueNode) *node {
	out := &node{kind: mappingNode, text: t.at("", n.GetToken())}
	seen := map[string]engine.Text{}
	var merged []*node
	for i, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, t.build(v.Value))
			continue
		}
		key, ok := t.key(v.Key)
		if i == 0 && !isFlow(n) {
			out.text = t.at("", v.Key.GetToken())
		}
		value := t.build(v.Value)
		if !ok {
			continue
		}
		if first, dup := seen[key.Value]; dup {
			t.add(key.At(0, "the key %s is written twice; the first is on line %d", key.Value, first.Line).
				WithHint("remove one of them"))
			continue
		}
		seen[key.Value] = key
		out.pairs = append(out.pairs, pair{key, value})
	}
	for _, m := range merged {
		t.merge(out, m, seen)
	}
	return out
}

func isFlow(n ast.Node) bool {
	m, ok := n.(*ast.MappingNode)
	return ok && m.IsFlowStyle
}

func (t *treeBuilder) key(n ast.MapKeyNode) (engine.Text, bool) {
	if k, ok := n.(*ast.MappingKeyNode); ok {
		if inner, ok := k.Value.(ast.MapKeyNode); ok && k.Value != n {
			return t.key(inner)
		}
	}
	scalar, ok := n.(ast.ScalarNode)
	if !ok || n.Type() == ast.NullType || n.Type() == ast.AliasType || n.Type() == ast.LiteralType {
		at := t.at("", n.GetToken())
		t.add(at.At(0, "a key must be a plain word or quoted text"))
		return at, false
	}
	if s, ok := n.(*ast.StringNode); ok {
		return t.stringNode(s).text, true
	}
	return t.at(scalar.GetToken().Value, scalar.GetToken()), true
}

// merge adds the keys of from that out does not have (the << key).
func (t *treeBuilder) merge(out, from *node, seen map[string]engine.Text) {
	switch from.kind {
	case mappingNode:
		for _, p := range from.pairs {
			if _, ok := seen[p.key.Value]; !ok {
				seen[p.key.Value] = p.key
				out.pairs = append(out.pairs, p)
			}
		}
	case sequenceNode:
		for _, item := range from.items {
			if item.kind == mappingNode {
				t.merge(out, item, seen)
			}
		}
	case scalarNode:
		t.add(from.text.At(0, "<< needs a mapping"))
	}
}
