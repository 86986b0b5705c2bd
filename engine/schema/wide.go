package schema

import (
	"encoding/binary"
	"math/bits"
)

// uuidOf reads a UUID as DuckDB keeps it: as a number whose order is that of
// the text.
func uuidOf(token []byte) (hi, lo uint64) {
	var b [16]byte
	at := 0
	for _, ch := range token[1 : len(token)-1] {
		if ch == '-' {
			continue
		}
		digit := ch - '0'
		if ch >= 'A' {
			digit = ch | 0x20 - 'a' + 10
		}
		b[at/2] = b[at/2]<<4 | digit
		at++
	}
	return binary.BigEndian.Uint64(b[:8]) ^ 1<<63, binary.BigEndian.Uint64(b[8:])
}

// wideOf reads plain digits as an integer of 128 bits, with scale digits after
// the point. Zeros beyond those do not count.
func wideOf(token []byte, scale int) (hi, lo uint64) {
	negative, after := false, -1
	for _, ch := range token {
		switch {
		case ch == '-':
			negative = true
			continue
		case ch == '.':
			after = 0
			continue
		case after >= 0:
			if after == scale {
				continue
			}
			after++
		}
		hi, lo = tenfold(hi, lo, uint64(ch-'0'))
	}
	for range scale - max(after, 0) {
		hi, lo = tenfold(hi, lo, 0)
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return hi, lo
}

func tenfold(hi, lo, add uint64) (uint64, uint64) {
	carry, low := bits.Mul64(lo, 10)
	low, over := bits.Add64(low, add, 0)
	return hi*10 + carry + over, low
}
