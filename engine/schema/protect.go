package schema

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// masked stands where a value was.
const masked = `"***"`

// Protector applies policies to raw JSON lines, before they are looked at any
// further. A path goes through lists by itself, and names are compared as the
// table compares them, without regard to ASCII case. It keeps state between
// calls and is not safe for concurrent use.
type Protector struct {
	policies []engine.Policy
	root     *guarded
	mac      hash.Hash
	seen     []int64
	s        scanner
	out      []byte
	changed  bool
}

// guarded is a member on the way to a policy, or at its end.
type guarded struct {
	kids map[string]*guarded
	// policy is the index of the one that ends here, or -1. An envelope
	// column's does not touch an object, which cannot fill the column.
	policy     int
	exceptTree bool
}

// NewProtector prepares policies. The key is that of their hashes.
func NewProtector(policies []engine.Policy, m engine.Mapping, key []byte) *Protector {
	p := &Protector{policies: policies, root: newGuarded(), seen: make([]int64, len(policies)), mac: hmac.New(sha256.New, key)}
	for i, one := range policies {
		column := len(one.Path) == 1 && m.Envelope[one.Path[0]] != nil
		for _, raw := range rawPaths(one.Path, m) {
			p.root.add(raw, i, column)
		}
	}
	return p
}

// rawPaths lists all places of a raw record that can end at a table path.
func rawPaths(p engine.Path, m engine.Mapping) []engine.Path {
	out := m.Raw(p)
	switch {
	case len(p) == 2 && p[0] == "labels":
		if raw, err := engine.ParsePath(p[1]); err == nil && out == nil {
			out = append(out, raw) // no label yet, and as good a secret
		}
		return append(out, p)
	case len(p) == 1 && m.Envelope[p[0]] == nil:
		return []engine.Path{p}
	}
	return out
}

func newGuarded() *guarded { return &guarded{kids: map[string]*guarded{}, policy: -1} }

func (g *guarded) add(path engine.Path, policy int, exceptTree bool) {
	for _, name := range path {
		name = fold(strings.TrimSuffix(name, "[]"))
		if g.kids[name] == nil {
			g.kids[name] = newGuarded()
		}
		g = g.kids[name]
	}
	if g.policy < 0 || g.exceptTree {
		g.policy, g.exceptTree = policy, exceptTree
	}
}

// Seen says how many values each policy met since the last call.
func (p *Protector) Seen() []int64 {
	out := p.seen
	p.seen = make([]int64, len(p.policies))
	return out
}

// Digest is the keyed hash of bytes that are not kept.
func (p *Protector) Digest(raw []byte) string { return string(p.digest(nil, raw)) }

func (p *Protector) digest(dst, text []byte) []byte {
	p.mac.Reset()
	p.mac.Write(text)
	return hex.AppendEncode(dst, p.mac.Sum(nil)[:16])
}

// Protect gives the line with its policies applied: the line itself where they
// change nothing. What of it is not JSON stays as it is; the conformer refuses
// that.
func (p *Protector) Protect(line []byte) []byte {
	p.s, p.changed = scanner{b: line}, false
	p.out = p.out[:0]
	for {
		start := p.s.pos
		p.s.space()
		for p.s.peek() == ',' { // of records on one line
			p.s.pos++
			p.s.space()
		}
		if p.s.peek() != '{' {
			p.out = append(p.out, line[start:]...)
			break
		}
		p.out = append(p.out, line[start:p.s.pos]...)
		mark, from := len(p.out), p.s.pos
		if !p.object(p.root, 0) {
			p.out = append(p.out[:mark], line[from:]...)
			break
		}
	}
	if !p.changed {
		return line
	}
	return append([]byte(nil), p.out...)
}

func (p *Protector) object(g *guarded, depth int) bool {
	if depth > maxDepth {
		return p.s.fail("the record is nested too deeply")
	}
	p.s.pos++
	p.out = append(p.out, '{')
	p.s.space()
	if p.s.peek() == '}' {
		p.s.pos++
		p.out = append(p.out, '}')
		return true
	}
	for first := true; ; {
		mark := len(p.out)
		if !first {
			p.out = append(p.out, ',')
		}
		from, to, escaped, ok := p.s.str()
		if !ok {
			return false
		}
		p.out = append(append(p.out, p.s.b[from:to]...), ':')
		kid := g.kids[fold(string(unquote(p.s.b[from:to], escaped, nil)))]
		p.s.space()
		if !p.s.expect(':') {
			return false
		}
		p.s.space()
		keep, ok := p.value(kid, depth+1)
		if !ok {
			return false
		}
		if keep {
			first = false
		} else {
			p.out = p.out[:mark]
		}
		if done, ok := p.s.next('}'); !ok || done {
			p.out = append(p.out, '}')
			return ok
		}
	}
}

// value copies a value as its policy leaves it; keep is false for one that is
// left out.
func (p *Protector) value(g *guarded, depth int) (keep, ok bool) {
	start := p.s.pos
	b := p.s.peek()
	ends := g != nil && g.policy >= 0 && !(g.exceptTree && b == '{')
	switch {
	case ends && p.policies[g.policy].Kind == engine.Drop:
		_, ok = p.s.skip(depth)
		p.met(g)
		return false, ok
	case g != nil && b == '[':
		return true, p.list(g, depth)
	case g != nil && b == '{' && !ends && len(g.kids) > 0:
		return true, p.object(g, depth)
	}
	kind, ok := p.s.skip(depth)
	if !ok {
		return true, false
	}
	token := p.s.b[start:p.s.pos]
	if !ends || kind == isNull {
		p.out = append(p.out, token...)
		return true, true
	}
	p.met(g)
	p.apply(p.policies[g.policy], token, kind)
	return true, true
}

func (p *Protector) met(g *guarded) {
	p.seen[g.policy]++
	p.changed = true
}

// list copies a list, each of whose elements is what the policy means.
func (p *Protector) list(g *guarded, depth int) bool {
	if depth > maxDepth {
		return p.s.fail("the record is nested too deeply")
	}
	p.s.pos++
	p.out = append(p.out, '[')
	p.s.space()
	if p.s.peek() == ']' {
		p.s.pos++
		p.out = append(p.out, ']')
		return true
	}
	for {
		if _, ok := p.value(g, depth+1); !ok {
			return false
		}
		if done, ok := p.s.next(']'); !ok || done {
			p.out = append(p.out, ']')
			return ok
		}
		p.out = append(p.out, ',')
	}
}

func (p *Protector) apply(policy engine.Policy, token []byte, kind shape) {
	if policy.Kind == engine.Mask {
		p.out = append(p.out, masked...)
		return
	}
	text := token
	if kind == isText {
		text = plain(token)
	}
	if policy.Kind == engine.Hash {
		p.out = append(p.digest(append(p.out, '"'), text), '"')
		return
	}
	p.out = AppendQuoted(p.out, firstRunes(text, policy.Length))
}

func firstRunes(text []byte, n int) []byte {
	at := 0
	for ; n > 0 && at < len(text); n-- {
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return text[:at]
}

// Columns are those of a columnar file as the policies leave them. A declared
// type may itself hold values, as an ENUM's does: of what a policy touches it
// is not kept.
func (p *Protector) Columns(columns []engine.ForeignColumn) []engine.ForeignColumn {
	var out []engine.ForeignColumn
	for _, c := range columns {
		g := p.root.kids[fold(c.Name)]
		if g == nil {
			out = append(out, c)
			continue
		}
		t, keep := p.typeAt(g, c.Type)
		if keep {
			out = append(out, engine.ForeignColumn{Name: c.Name, Type: t, Declared: t.DuckDB()})
		}
	}
	return out
}

// typeAt is the type of values after their policy; keep is false where they
// are left out.
func (p *Protector) typeAt(g *guarded, t engine.Type) (_ engine.Type, keep bool) {
	ends := g.policy >= 0 && !(g.exceptTree && (t.Kind == engine.Struct || t.Kind == engine.Map))
	switch {
	case ends && p.policies[g.policy].Kind == engine.Drop:
		return t, false
	case t.Kind == engine.List:
		elem, keep := p.typeAt(g, *t.Elem)
		t.Elem = &elem
		return t, keep
	case ends:
		return engine.Scalar(engine.Varchar), true
	case t.Kind == engine.Struct:
		fields := t.Fields
		t.Fields = nil
		for _, f := range fields {
			if kid := g.kids[fold(f.Name)]; kid != nil {
				if f.Type, keep = p.typeAt(kid, f.Type); !keep {
					continue
				}
			}
			t.Fields = append(t.Fields, f)
		}
	}
	return t, true
}
