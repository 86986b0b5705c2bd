package result

import "strings"

// writeCSV writes RFC 4180 with a header and lines that end in \n. Null is
// nothing between the commas, the empty text is "".
func writeCSV(w *writer, r *reader) (int64, error) {
	for i, name := range r.names {
		if i > 0 {
			w.line = append(w.line, ',')
		}
		w.line = appendCSV(w.line, name)
	}
	w.line = append(w.line, '\n')
	if err := w.put(); err != nil {
		return 0, err
	}
	return r.each(func() error {
		for i, v := range r.vals {
			if i > 0 {
				w.line = append(w.line, ',')
			}
			if v != nil {
				w.line = appendCSV(w.line, r.text(i))
			}
		}
		w.line = append(w.line, '\n')
		return w.put()
	})
}

func appendCSV(b []byte, s string) []byte {
	if s != "" && !strings.ContainsAny(s, "\",\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(b, s...)
	}
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}
