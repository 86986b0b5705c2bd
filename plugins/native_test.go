package plugins_test

import (
	"bytes"
	"net/netip"
)

// nativeMask is mask_pii in Go: the rules are the same, how they are followed
// is not. It splits texts, and leaves addresses to the standard library, where
// the plugin walks over bytes. It appends the masked text to out.
func nativeMask(out, text []byte) []byte {
	local := 0 // where the text before an @ may begin
	localOut := len(out)
	found := func(word string, end int) int {
		out = append(out, word...)
		local, localOut = end, len(out)
		return end
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c == '@' && i > local {
			if end := nativeDomain(text, i+1); end > 0 {
				out = out[:localOut]
				i = found("[email]", end)
				continue
			}
		}
		if i == 0 || !isWord(text[i-1]) {
			if isDigit(c) {
				if end := nativeIPv4(text, i); end > 0 {
					i = found("[ip]", end)
					continue
				}
				if end := nativeCard(text, i); end > 0 {
					i = found("[card]", end)
					continue
				}
			}
			if (isHex(c) || c == ':') && (i == 0 || text[i-1] != ':') {
				if end := nativeIPv6(text, i); end > 0 {
					i = found("[ip]", end)
					continue
				}
			}
		}
		out = append(out, c)
		i++
		if !isLocal(c) {
			local, localOut = i, len(out)
		}
	}
	return out
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|32 >= 'a' && c|32 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || c|32 >= 'a' && c|32 <= 'f' }
func isWord(c byte) bool   { return isDigit(c) || isLetter(c) || c == '_' || c >= 0x80 }
func isLocal(c byte) bool {
	return isDigit(c) || isLetter(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-'
}

// span is the end of the bytes from at on that fit.
func span(text []byte, at int, fits func(byte) bool) int {
	for at < len(text) && fits(text[at]) {
		at++
	}
	return at
}

// nativeDomain is the end of the domain at a place, or 0: labels with dots
// between, the last of two letters or more.
func nativeDomain(text []byte, at int) int {
	end := span(text, at, func(c byte) bool { return isDigit(c) || isLetter(c) || c == '.' || c == '-' })
	domain := text[at:end]
	if bytes.HasPrefix(domain, []byte(".")) {
		return 0
	}
	if i := bytes.Index(domain, []byte("..")); i >= 0 {
		domain = domain[:i]
	}
	domain = bytes.TrimRight(domain, ".-")
	dot := bytes.LastIndexByte(domain, '.')
	if dot < 0 || len(domain)-dot < 3 || span(domain, dot+1, isLetter) < len(domain) {
		return 0
	}
	return at + len(domain)
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
	sum, any := 0, false
	for i, d := range digits {
		v := int(d)
		if (len(digits)-i)%2 == 0 {
			v *= 2
		}
		sum += v/10 + v%10
		any = any || d != 0
	}
	return any && sum%10 == 0
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
	// Words such as a::b have the form of an address; without a digit they are none.
	addr, err := netip.ParseAddr(string(form))
	if err != nil || !addr.Is6() || string(run) == "::" || !bytes.ContainsAny(run, "0123456789") {
		return 0
	}
	return at + len(run)
}
