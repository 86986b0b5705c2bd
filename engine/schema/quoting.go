package schema

import "unicode/utf8"

// unquote gives the text of a string token that str has accepted. Without an
// escape the result is part of b; otherwise it is appended to buf.
func unquote(b []byte, escaped bool, buf []byte) []byte {
	b = b[1 : len(b)-1]
	if !escaped {
		return b
	}
	s := scanner{b: b}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			buf = append(buf, b[i])
			continue
		}
		i++
		switch c := b[i]; c {
		case 'b':
			buf = append(buf, '\b')
		case 'f':
			buf = append(buf, '\f')
		case 'n':
			buf = append(buf, '\n')
		case 'r':
			buf = append(buf, '\r')
		case 't':
			buf = append(buf, '\t')
		case 'u':
			u, _ := s.hex4(i + 1)
			i += 4
			if u >= 0xD800 && u <= 0xDBFF {
				low, _ := s.hex4(i + 3)
				u = 0x10000 + (u-0xD800)<<10 + (low - 0xDC00)
				i += 6
			}
			buf = utf8.AppendRune(buf, rune(u))
		default:
			buf = append(buf, c)
		}
	}
	return buf
}

// AppendQuoted appends text as a JSON string token. Bytes that are not UTF-8
// become U+FFFD; callers that must not lose them check first.
func AppendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, text[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, text[start:]...), '"')
}
