package yamlfile

import "tidemark.dev/tidemark/engine"

// At remembers where a mapping and the values in it stood. A struct that has
// a field of this type (without a yaml tag) gets it filled in, so that
// problems found after reading can still point at the file.
type At struct {
	// Text is the place where the mapping begins; its Value is empty.
	Text engine.Text
	keys map[string]place
}

type place struct {
	key, value engine.Text
	written    string
	// within holds the places of a mapping's own keys.
	within map[string]place
}

// Has reports whether the file wrote the key.
func (a At) Has(key string) bool {
	_, ok := a.keys[key]
	return ok
}

// Keys lists the keys that the file wrote, in no order.
func (a At) Keys() []string {
	keys := make([]string, 0, len(a.keys))
	for k := range a.keys {
		keys = append(keys, k)
	}
	return keys
}

// Key is where the key itself stood, or the mapping if it was not written.
func (a At) Key(key string) engine.Text {
	if p, ok := a.keys[key]; ok {
		return p.key
	}
	return a.Text
}

// Value is where the value of the key stood, or the mapping if the key was
// not written.
func (a At) Value(key string) engine.Text {
	if p, ok := a.keys[key]; ok {
		return p.value
	}
	return a.Text
}

// Written is the text that the file wrote for a key, before variables were
// expanded; "" if it wrote none.
func (a At) Written(key string) string { return a.keys[key].written }

// Within is the mapping that the file wrote for a key, such as the headers of a
// channel; it has no keys if there is none.
func (a At) Within(key string) At {
	p := a.keys[key]
	return At{Text: p.value, keys: p.within}
}
