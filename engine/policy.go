package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// PolicyKind says what is done with a value before anything is stored.
type PolicyKind string

// The kinds of policies. Null stays null; what is left of any other value is
// text.
const (
	// Drop takes the member out of the record.
	Drop PolicyKind = "drop"
	// Mask leaves that there was a value: ***.
	Mask PolicyKind = "mask"
	// Hash leaves a keyed hash (HMAC-SHA-256, its first 128 bits as 32
	// hexadecimal digits): equal values stay equal.
	Hash PolicyKind = "hash"
	// Truncate leaves the first characters.
	Truncate PolicyKind = "truncate"
)

// PolicyKinds lists them as a file writes them.
var PolicyKinds = []string{"drop", "mask", "hash", "truncate(20)"}

// Policy is what is done with the values at a path of the table.
type Policy struct {
	Path Path
	Kind PolicyKind
	// Length is how many characters Truncate leaves.
	Length int
}

// String writes the policy as a file does.
func (p Policy) String() string {
	if p.Kind == Truncate {
		return fmt.Sprintf("truncate(%d)", p.Length)
	}
	return string(p.Kind)
}

// ParsePolicy reads what a file says of a path: drop, mask, hash or
// truncate(20).
func ParsePolicy(path, text string) (Policy, error) {
	at, err := ParsePath(path)
	if err != nil {
		return Policy{}, err
	}
	p := Policy{Path: at, Kind: PolicyKind(text)}
	name, rest, with := strings.Cut(text, "(")
	switch {
	case p.Kind == Drop || p.Kind == Mask || p.Kind == Hash:
		return p, nil
	case strings.TrimSpace(name) == string(Truncate) && with && strings.HasSuffix(rest, ")"):
		p.Kind = Truncate
		n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(rest, ")")))
		if err == nil && n > 0 {
			p.Length = n
			return p, nil
		}
		return p, Errorf(Invalid, "", "truncate wants a number of characters, at least 1").WithHint("write truncate(20)")
	case strings.TrimSpace(name) == string(Truncate):
		return p, Errorf(Invalid, "", "truncate wants to know how many characters stay").WithHint("write truncate(20)")
	}
	all := strings.Join(PolicyKinds, ", ")
	e := Errorf(Invalid, "", "unknown policy %s", text).WithHint("write one of %s", all)
	if near := Nearest(name, PolicyKinds[:3]); near != "" {
		return p, e.WithHint("did you mean %s? The policies are %s", near, all)
	}
	if Nearest(name, []string{string(Truncate)}) != "" {
		return p, e.WithHint("did you mean truncate(20)? The policies are %s", all)
	}
	return p, e
}
