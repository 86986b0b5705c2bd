package kinesis

import (
	"bytes"
	"time"

	"github.com/segmentio/asm/base64"

	"tidemark.dev/tidemark/engine"
)

// quick reads a record that is written as the service writes it: all of it lies
// in the text, with the members that are known, no white space and no escapes.
// It stands where it stood if the record is another, which record reads then.
func (w *walk) quick(s *scratch) (r engine.Arrival, sequence, key span, ok bool) {
	from, words, room := w.at, len(s.words), s.room
	defer func() {
		if !ok {
			w.at, s.words, s.room = from, s.words[:words], room
		}
	}()
	for open := byte('{'); ; open = ',' {
		if w.at >= len(w.text) || w.text[w.at] != open {
			return r, sequence, key, false
		}
		w.at++
		name, ok := w.quoted()
		if !ok || w.at >= len(w.text) || w.text[w.at] != ':' {
			return r, sequence, key, false
		}
		w.at++
		if string(name) == "ApproximateArrivalTimestamp" {
			ms, ok := w.millis()
			if !ok {
				return r, sequence, key, false
			}
			r.Time = time.UnixMilli(ms).UTC()
		} else {
			text, ok := w.quoted()
			if !ok {
				return r, sequence, key, false
			}
			switch string(name) {
			case "Data":
				r.Data, ok = s.decode(text)
			case "SequenceNumber":
				sequence, ok = s.keep(text)
			case "PartitionKey":
				key, ok = s.keep(text)
			default:
				ok = false
			}
			if !ok {
				return r, sequence, key, false
			}
		}
		if w.at < len(w.text) && w.text[w.at] == '}' {
			w.at++
			return r, sequence, key, true
		}
	}
}

// quoted is a text up to the next quote, if it is all there. A text with escapes
// is none that quick reads.
func (w *walk) quoted() (text []byte, ok bool) {
	if w.at >= len(w.text) || w.text[w.at] != '"' {
		return nil, false
	}
	n := bytes.IndexByte(w.text[w.at+1:], '"')
	if n < 0 {
		return nil, false
	}
	text = w.text[w.at+1 : w.at+1+n]
	w.at += n + 2
	return text, true
}

// millis is a number of seconds in milliseconds, if it is written with three
// decimals at most and no exponent, and something comes after it.
func (w *walk) millis() (ms int64, ok bool) {
	const most = 1 << 52 / 1000
	digits, decimals := 0, -1
	for ; w.at < len(w.text); w.at++ {
		switch c := w.text[w.at]; {
		case '0' <= c && c <= '9' && ms < most:
			ms = 10*ms + int64(c-'0')
			digits++
			if decimals >= 0 {
				decimals++
			}
		case c == '.' && decimals < 0 && digits > 0:
			decimals = 0
		default:
			if digits == 0 || decimals == 0 || decimals > 3 || c != ',' && c != '}' {
				return 0, false
			}
			for range 3 - max(decimals, 0) {
				ms *= 10
			}
			return ms, ms < most
		}
	}
	return 0, false
}

// decode puts bytes that are written as base64 into a room; false if they are not.
func (s *scratch) decode(text []byte) (data []byte, ok bool) {
	if size := base64.StdEncoding.DecodedLen(len(text)); size > len(s.room) {
		s.room = s.newRoom(size)
	}
	n, err := base64.StdEncoding.Decode(s.room, text)
	if err != nil {
		return nil, false
	}
	data, s.room = s.room[:n:n], s.room[n:]
	return data, true
}

// keep puts a name to the words of the page; one with escapes is not kept.
func (s *scratch) keep(text []byte) (span, bool) {
	if bytes.IndexByte(text, '\\') >= 0 {
		return span{}, false
	}
	return s.word(text), true
}

func (s *scratch) word(text []byte) span {
	at := len(s.words)
	s.words = append(s.words, text...)
	return span{at, len(s.words)}
}
