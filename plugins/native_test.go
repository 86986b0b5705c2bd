package plugins_test

import (
	"bytes"
	"net/netip"
	"unicode/utf8"
)

// nativeMask is mask_pii in Go: the rules are the same, how they are followed
// is not. It splits texts, and leaves addresses to the standard library, where
// the plugin walks over bytes. It appends the masked text to out.
func nativeMask(out, text []byte) []byte {
	return nativeMaskWith(out, text, maskSettings{email: true, ip: true, card: true})
}

type maskSettings struct{ email, ip, card, keepDomain bool }

func nativeMaskWith(out, text []byte, s maskSettings) []byte {
	run := 0 // the end of the run of what may stand before an @
	for i := 0; i < len(text); {
		if i >= run {
			run = localEnd(text, i)
			if s.email && run > i && run < len(text) && text[run] == '@' {
				if end := nativeDomain(text, run+1); end > 0 {
					out = append(out, "[email]"...)
					if s.keepDomain {
						out = append(out, text[run:end]...)
					}
					i, run = end, end
					continue
				}
			}
		}
		if word, end := nativeNumber(text, i, s); end > 0 {
			out = append(out, word...)
			i = end
			continue
		}
		out = append(out, text[i])
		i++
	}
	return out
}

// nativeNumber is the address or card number at a place, and where it ends.
func nativeNumber(text []byte, i int, s maskSettings) (string, int) {
	c := text[i]
	if i > 0 && isWord(text[i-1]) || !isHex(c) && c != ':' {
		return "", 0
	}
	if s.ip {
		if end := nativeIPv4(text, i); end > 0 {
			return "[ip]", end
		}
		if i == 0 || text[i-1] != ':' {
			if end := nativeIPv6(text, i); end > 0 {
				return "[ip]", end
			}
		}
	}
	if s.card && c >= '2' && c <= '9' {
		return "[card]", nativeCard(text, i)
	}
	return "", 0
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|32 >= 'a' && c|32 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || c|32 >= 'a' && c|32 <= 'f' }
func isWord(c byte) bool   { return isDigit(c) || isLetter(c) || c == '_' }

// isWide tells the letters of two bytes from everything else beyond ASCII.
func isWide(r rune) bool { return r >= 0xc0 && r <= 0x7ff }

// localEnd is the end of what may stand before an @, from a place on. Without
// it being fast, the benchmark would compare with nothing.
func localEnd(text []byte, at int) int {
	for at < len(text) {
		c := text[at]
		switch {
		case isDigit(c) || isLetter(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-':
			at++
		case c >= 0xc3 && c <= 0xdf:
			at += 2
		default:
			return at
		}
	}
	return at
}

// runes is how many bytes at the front are characters that fit.
func runes(text []byte, fits func(rune) bool) int {
	if i := bytes.IndexFunc(text, func(r rune) bool { return !fits(r) }); i >= 0 {
		return i
	}
	return len(text)
}

// span is the end of the bytes from at on that fit.
func span(text []byte, at int, fits func(byte) bool) int {
	for at < len(text) && fits(text[at]) {
		at++
	}
	return at
}

// nativeDomain is the end of the domain at a place, or 0: the longest that has
// two labels at least, of which the last begins with a letter and has two bytes
// at least, and none ends with a dash.
func nativeDomain(text []byte, at int) int {
	end := at + runes(text[at:], func(r rune) bool {
		return isWide(r) || r < 0x80 && (isDigit(byte(r)) || isLetter(byte(r)) || r == '.' || r == '-')
	})
	found := 0
	for n, label := range bytes.Split(text[at:end], []byte(".")) {
		name := bytes.TrimRight(label, "-")
		if len(name) == 0 {
			break
		}
		if first, _ := utf8.DecodeRune(name); n > 0 && len(name) > 1 && (isWide(first) || isLetter(name[0])) {
			found = at + len(name)
		}
		if len(name) < len(label) {
			break
		}
		at += len(label) + 1
	}
	return found
}

// nativeQuad is the end of four numbers up to 255 with dots between, or 0.
func nativeQuad(text []byte, at int) int {
	i := at
	for part := range 4 {
		if part > 0 {
			if i == len(text) || text[i] != '.' {
				return 0
			}
			i++
		}
		end := span(text, i, isDigit)
		value := 0
		for _, c := range text[i:min(end, i+4)] {
			value = 10*value + int(c-'0')
		}
		if end == i || end-i > 3 || value > 255 {
			return 0
		}
		i = end
	}
	if i < len(text) && isWord(text[i]) || i+1 < len(text) && text[i] == '.' && isDigit(text[i+1]) {
		return 0
	}
	return i
}

func nativeIPv4(text []byte, at int) int {
	if at > 1 && text[at-1] == '.' && isDigit(text[at-2]) {
		return 0
	}
	return nativeQuad(text, at)
}

// nativeCard is the end of the longest number at a place that has 13 to 19
// digits, in groups or not, and passes the Luhn check, or 0.
func nativeCard(text []byte, at int) int {
	var digits []byte
	found := 0
	for i := at; ; i++ {
		for ; i < len(text) && isDigit(text[i]); i++ {
			if len(digits) == 19 {
				return found
			}
			digits = append(digits, text[i]-'0')
		}
		if len(digits) >= 13 && (i == len(text) || !isWord(text[i])) && luhn(digits) {
			found = i
		}
		if i+1 >= len(text) || text[i] != ' ' && text[i] != '-' || !isDigit(text[i+1]) {
			return found
		}
	}
}

func luhn(digits []byte) bool {
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			v *= 2
		}
		sum += v/10 + v%10
	}
	return sum%10 == 0
}

// nativeIPv6 is the end of the IPv6 address at a place, or 0.
func nativeIPv6(text []byte, at int) int {
	inRun := func(c byte) bool { return isHex(c) || c == ':' || c == '.' }
	end := min(span(text, at, inRun), at+46)
	if bytes.Count(text[at:end], []byte(":")) < 2 || end < len(text) && isWord(text[end]) {
		return 0
	}
	run := bytes.TrimRight(text[at:end], ".")
	if len(run) > 0 && run[len(run)-1] == ':' && !bytes.HasSuffix(run, []byte("::")) {
		run = run[:len(run)-1]
	}
	form := run
	if quad := run[bytes.LastIndexByte(run, ':')+1:]; bytes.Contains(quad, []byte(".")) && nativeQuad(quad, 0) == len(quad) {
		form = append(bytes.Clone(run[:len(run)-len(quad)]), "1.2.3.4"...) // netip wants no leading zeros
	}
	// Words such as a::b have the short form of an address; without a digit they are none.
	addr, err := netip.ParseAddr(string(form))
	if err != nil || !addr.Is6() || bytes.Contains(run, []byte("::")) && !bytes.ContainsAny(run, "0123456789") {
		return 0
	}
	return at + len(run)
}
