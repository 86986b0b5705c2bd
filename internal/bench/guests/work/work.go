// Package work is what the benchmark of plugins does with a record, as one
// walk over its message: e-mail addresses and IPv4 addresses are masked, and
// the number between "took " and "ms" is taken out. work.h, work.rs and work.ts
// are the same in the other languages; what they make of a batch is compared
// before anything is timed.
package work

// What a byte is.
const (
	digit = 1
	word  = 2 // part of an e-mail address before the @
	at    = 4
	label = 8 // part of one behind it
)

var class = func() (c [256]byte) {
	for b := range c {
		switch lower := b | 32; {
		case b >= '0' && b <= '9':
			c[b] = digit | word | label
		case lower >= 'a' && lower <= 'z' || b == '.' || b == '-':
			c[b] = word | label
		case b == '_' || b == '%' || b == '+':
			c[b] = word
		case b == '@':
			c[b] = at
		}
	}
	return c
}()

// Mask appends the masked text to out, and gives the milliseconds that the text
// speaks of, -1 when it speaks of none.
func Mask(out, text []byte) ([]byte, int64) {
	m := mask{out: out, text: text, took: -1}
	for i, before := 0, byte(0); ; {
		if i = next(text, i, before); i == len(text) {
			return append(m.out, text[m.from:]...), m.took
		}
		if m.stop(i) {
			i, before = m.from, 0
		} else {
			before = class[text[i]]
			i++
		}
	}
}

// Stops is where Mask stops, for whoever has the places looked for: at some bytes
// always, at some behind none that is in a word.
func Stops(b byte) (always, first, inWord bool) {
	return class[b]&at != 0, class[b]&digit != 0, class[b]&word != 0
}

// MaskAt is Mask where the stops are known.
func MaskAt(out, text []byte, stops []uint32) ([]byte, int64) {
	m := mask{out: out, text: text, took: -1}
	for _, i := range stops {
		if int(i) >= m.from {
			m.stop(int(i))
		}
	}
	return append(m.out, text[m.from:]...), m.took
}

type mask struct {
	out, text []byte
	from      int // what is before it is in out
	took      int64
}

// stop looks at an @ or a digit, and reports whether something ended there that
// is masked.
func (m *mask) stop(i int) bool {
	if m.text[i] == '@' {
		to, begin := domain(m.text, i+1), local(m.text, m.from, i)
		if to == 0 || begin == i {
			return false
		}
		m.out = append(append(m.out, m.text[m.from:begin]...), "[email]"...)
		m.from = to
		return true
	}
	if to := ipv4(m.text, i); to > 0 {
		m.out = append(append(m.out, m.text[m.from:i]...), "[ip]"...)
		m.from = to
		return true
	}
	if m.took < 0 && i >= 5 && string(m.text[i-5:i]) == "took " {
		m.took = milliseconds(m.text, i)
	}
	return false
}

// next is where an @ stands, or a digit without a word before it. before is
// what the byte before i is.
func next(text []byte, i int, before byte) int {
	for ; i < len(text); i++ {
		kind := class[text[i]]
		if kind&(^before>>1&digit|at) != 0 {
			break
		}
		before = kind
	}
	return i
}

// local is where the word before an @ begins.
func local(text []byte, from, i int) int {
	for i > from && class[text[i-1]]&word != 0 {
		i--
	}
	return i
}

// domain is where the name of a host with a dot in it ends, or 0.
func domain(text []byte, from int) int {
	end, dots := from, 0
	for end < len(text) && class[text[end]]&label != 0 {
		if text[end] == '.' {
			dots++
		}
		end++
	}
	for end > from && text[end-1] == '.' {
		end--
		dots--
	}
	if dots < 1 {
		return 0
	}
	return end
}

// ipv4 is where the address ends that begins at i, or 0. No word goes on behind
// it, but for a dot.
func ipv4(text []byte, i int) int {
	for part := range 4 {
		if part > 0 {
			if i == len(text) || text[i] != '.' {
				return 0
			}
			i++
		}
		from, value := i, 0
		for i < len(text) && i < from+4 && class[text[i]]&digit != 0 {
			value = 10*value + int(text[i]-'0')
			i++
		}
		if i == from || value > 255 {
			return 0
		}
	}
	behind := i
	if behind < len(text) && text[behind] == '.' {
		behind++
	}
	if behind < len(text) && class[text[behind]]&word != 0 {
		return 0
	}
	return i
}

// milliseconds reads 17ms, and gives -1 for anything else.
func milliseconds(text []byte, i int) int64 {
	value := int64(0)
	for n := 0; i < len(text) && n < 10; n++ {
		c := text[i]
		if class[c]&digit == 0 {
			if c == 'm' && i+1 < len(text) && text[i+1] == 's' {
				return value
			}
			return -1
		}
		value = 10*value + int64(c-'0')
		i++
	}
	return -1
}

// Keeps reports whether records of a level are kept.
func Keeps(level []byte) bool { return string(level) != "DEBUG" }
