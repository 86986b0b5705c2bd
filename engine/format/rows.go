package format

import "io"

// Rows finds the format whose fields a table's columns are, and gives a reader
// of its rows, which r has as one JSON object a line; the envelope is filled
// then. Without such a format found is nil and the rows are as they are.
func (t *Table) Rows(columns []string, r io.Reader, hint Hint, size int) (rows Reader, found *Detection) {
	names := map[string]bool{}
	for _, c := range columns {
		names[c] = true
	}
	for _, k := range t.kinds {
		if k.columns == nil || !k.columns(names) {
			continue
		}
		found = &Detection{k.Name, 0.99, []Reason{{"lines", "its columns are those of " + k.Title}}}
		return &transcoder{from: NewSplitter(r, size), decode: func(raw []byte, out *sink) { decodeRow(k, raw, out) }, private: hint.Private, repeats: true}, found
	}
	return NewSplitter(r, size), nil
}

// decodeRow fills the envelope from a row's members and keeps all of them.
func decodeRow(k *Kind, raw []byte, out *sink) {
	values := map[string]string{}
	for m := range members(raw) {
		values[m.name] = scalarOf(m.value)
	}
	e := out.begin()
	k.row(e, func(name string) string { return dash(values[name]) })
	out.whole(e.rest(raw))
}
