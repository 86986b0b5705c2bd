package engine

// At remembers where a mapping of a user's file and the values in it stood. A
// struct that has a field of this type (without a yaml tag) gets it filled in
// when it is read, so that problems found later can still point at the file.
type At struct {
	// Text is the place where the mapping begins; its Value is empty.
	Text Text
	keys map[string]Place
}

// Place is where a key and its value stood.
type Place struct {
	// Key has the key; Value is empty, and only says where the value began.
	Key, Value Text
	// Written is the text of a value that is no mapping and no list, as the
	// file has it.
	Written string
	// Within holds the places of a mapping's own keys.
	Within map[string]Place
}

// NewAt makes an At of a mapping that begins there.
func NewAt(begin Text, keys map[string]Place) At { return At{Text: begin, keys: keys} }

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
func (a At) Key(key string) Text {
	if p, ok := a.keys[key]; ok {
		return p.Key
	}
	return a.Text
}

// Value is where the value of the key stood, or the mapping if the key was
// not written.
func (a At) Value(key string) Text {
	if p, ok := a.keys[key]; ok {
		return p.Value
	}
	return a.Text
}

// Written is the text that the file wrote for a key, before variables were
// expanded; "" if it wrote none.
func (a At) Written(key string) string { return a.keys[key].Written }

// Within is the mapping that the file wrote for a key, such as the headers of a
// channel; it has no keys if there is none.
func (a At) Within(key string) At {
	p := a.keys[key]
	return At{Text: p.Value, keys: p.Within}
}
