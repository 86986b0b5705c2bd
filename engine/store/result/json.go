package result

// writeJSON writes an array of objects, one a line.
func writeJSON(w *writer, r *reader) (int64, error) {
	keys := jsonKeys(r)
	before := "[\n{"
	n, err := r.each(func() error {
		w.line = append(w.line, before...)
		before = ",\n{"
		for i := range r.vals {
			if i > 0 {
				w.line = append(w.line, ',')
			}
			w.line = append(w.line, keys[i]...)
			w.line = appendJSON(w.line, r.value(i))
		}
		w.line = append(w.line, '}')
		return w.put()
	})
	if err != nil {
		return n, err
	}
	w.line = append(w.line, "\n]\n"...)
	if n == 0 {
		w.line = append(w.line[:0], "[]\n"...)
	}
	return n, w.put()
}

// writeNDJSON writes an object a line.
func writeNDJSON(w *writer, r *reader) (int64, error) {
	keys := jsonKeys(r)
	return r.each(func() error {
		for i := range r.vals {
			before := byte(',')
			if i == 0 {
				before = '{'
			}
			w.line = append(append(w.line, before), keys[i]...)
			w.line = appendJSON(w.line, r.value(i))
		}
		w.line = append(w.line, "}\n"...)
		return w.put()
	})
}

// jsonKeys are the names of the columns as they stand before their values.
func jsonKeys(r *reader) []string {
	keys := r.uniqueNames()
	for i, name := range keys {
		keys[i] = string(appendString(nil, name)) + ":"
	}
	return keys
}
