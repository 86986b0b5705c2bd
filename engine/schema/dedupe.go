package schema

// dedupe rewrites an accepted line so that no object repeats a name: of equal
// names the last one stays (RFC 8259 leaves the choice open; most parsers
// choose so), at the place of the first.
func dedupe(line []byte) []byte {
	s := scanner{b: line}
	s.space()
	return appendUnique(make([]byte, 0, len(line)), &s)
}

func appendUnique(dst []byte, s *scanner) []byte {
	start := s.pos
	switch s.peek() {
	case '[':
		s.pos++
		s.space()
		dst = append(dst, '[')
		if s.peek() == ']' {
			s.pos++
			return append(dst, ']')
		}
		for {
			dst = appendUnique(dst, s)
			if done, ok := s.next(']'); done || !ok {
				return append(dst, ']')
			}
			dst = append(dst, ',')
		}
	case '{':
		return appendObject(dst, s)
	}
	s.skip(0)
	return append(dst, s.b[start:s.pos]...)
}

func appendObject(dst []byte, s *scanner) []byte {
	type member struct {
		name  []byte
		value []byte
	}
	var members []member
	index := map[string]int{}
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return append(dst, '{', '}')
	}
	for done, ok := false, true; ok && !done; done, ok = s.next('}') {
		from, to, escaped, _ := s.str()
		name := s.b[from:to]
		key := string(unquote(name, escaped, nil))
		s.space()
		s.expect(':')
		s.space()
		value := appendUnique(nil, s)
		if i, has := index[key]; has {
			members[i].value = value
			continue
		}
		index[key] = len(members)
		members = append(members, member{name, value})
	}
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, m.name...), ':'), m.value...)
	}
	return append(dst, '}')
}
