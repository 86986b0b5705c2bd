package workspace

import (
	"strings"

	"tidemark.dev/tidemark/engine"
)

// LookupEnv finds an environment variable, as os.LookupEnv does.
type LookupEnv func(name string) (value string, ok bool)

// expand replaces every ${NAME} in a value; $${ stands for ${ itself.
func (lookup LookupEnv) expand(t engine.Text) (string, error) {
	var b strings.Builder
	for rest, offset := t.Value, 0; ; {
		i := strings.Index(rest, "${")
		if i < 0 {
			return b.String() + rest, nil
		}
		if i > 0 && rest[i-1] == '$' {
			b.WriteString(rest[:i-1] + "${")
			rest, offset = rest[i+2:], offset+i+2
			continue
		}
		name, after, closed := strings.Cut(rest[i+2:], "}")
		if !closed {
			return "", t.At(offset+i, "${ is not closed").WithHint("write ${NAME}, or $${ for the characters themselves")
		}
		if !isVariable(name) {
			return "", t.At(offset+i, "%q is not the name of a variable", name).
				WithHint("write ${NAME} with letters, digits and _, or $${ for the characters themselves")
		}
		value, ok := lookup(name)
		if !ok {
			return "", t.At(offset+i, "the environment variable %s is not set", name).
				WithHint("set it: export %s=…", name)
		}
		b.WriteString(rest[:i] + value)
		rest, offset = after, offset+i+len(name)+3
	}
}

func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// hasVariable reports whether the value is not yet what it will be.
func hasVariable(s string) bool {
	return strings.Contains(strings.ReplaceAll(s, "$${", ""), "${")
}
