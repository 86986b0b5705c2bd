package main

import (
	"encoding/binary"

	"tidemark.dev/tidemark/internal/bench/guests/work"
)

var (
	input, output []byte
	be            = binary.BigEndian
)

// reader walks over the message.
type reader struct{ b []byte }

func (r *reader) array() int {
	c := r.b[0]
	switch r.b = r.b[1:]; c {
	case 0xdc:
		return int(be.Uint16(r.take(2)))
	case 0xdd:
		return int(be.Uint32(r.take(4)))
	}
	return int(c & 0x0f)
}

func (r *reader) text() []byte {
	c := r.b[0]
	switch r.b = r.b[1:]; c {
	case 0xd9:
		return r.take(int(r.take(1)[0]))
	case 0xda:
		return r.take(int(be.Uint16(r.take(2))))
	case 0xdb:
		return r.take(int(be.Uint32(r.take(4))))
	}
	return r.take(int(c & 0x1f))
}

func (r *reader) take(n int) []byte {
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func run() {
	r := reader{input}
	output = append(output[:0], 0xdd, 0, 0, 0, 0)
	kept := uint32(0)
	for range r.array() {
		r.array()
		message, level := r.text(), r.text()
		if !work.Keeps(level) {
			continue
		}
		kept++
		// How long the text gets is known when it is there: room for any length.
		output = append(output, 0x92, 0xdb, 0, 0, 0, 0)
		at := len(output)
		var took int64
		output, took = work.Mask(output, message)
		be.PutUint32(output[at-4:], uint32(len(output)-at))
		if took < 0 {
			output = append(output, 0xc0)
		} else {
			output = be.AppendUint64(append(output, 0xcf), uint64(took))
		}
	}
	be.PutUint32(output[1:], kept)
}
