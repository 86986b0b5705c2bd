package kinesis

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
)

// record is one of a stream, as the service answers it.
type record struct {
	data          []byte
	sequence, key string
	arrived       time.Time
}

// page is an answer of GetRecords.
type page struct {
	records []record
	// next is the iterator of the next page; nil at the end of a shard.
	next   *string
	behind time.Duration
}

// readPage reads the JSON of an answer. What the SDK does field by field, with
// a few allocations each, is here a walk over the text: the bytes of all
// records lie in one piece of memory, and their names in another. Members that
// are not known are passed over.
func readPage(answer []byte) (*page, error) {
	p := &page{}
	w := walk{text: answer}
	w.members(func(name string) {
		switch name {
		case "Records":
			w.records(p)
		case "NextShardIterator":
			if s, ok := w.word(); ok {
				next := string(s)
				p.next = &next
			}
		case "MillisBehindLatest":
			ms, _ := w.number()
			p.behind = time.Duration(ms) * time.Millisecond
		default:
			w.pass()
		}
	})
	if w.rest(); w.bad || w.at != len(answer) {
		return nil, errors.New("the answer of GetRecords is no JSON that can be read, at byte " + strconv.Itoa(w.at))
	}
	return p, nil
}

// span is where a word lies among the words of a page.
type span struct{ from, to int }

// records reads the list of records. w's arena is as large as the data can be.
func (w *walk) records(p *page) {
	arena := make([]byte, 0, (len(w.text)-w.at)/4*3)
	words := make([]byte, 0, (len(w.text)-w.at)/8)
	var sequences, keys []span
	keep := func() span {
		s, _ := w.word()
		from := len(words)
		words = append(words, s...)
		return span{from, len(words)}
	}
	w.list(func() {
		var r record
		var sequence, key span
		w.members(func(name string) {
			switch name {
			case "Data":
				r.data, arena = w.base64(arena)
			case "SequenceNumber":
				sequence = keep()
			case "PartitionKey":
				key = keep()
			case "ApproximateArrivalTimestamp":
				if seconds, ok := w.number(); ok {
					r.arrived = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
				}
			default:
				w.pass()
			}
		})
		p.records, sequences, keys = append(p.records, r), append(sequences, sequence), append(keys, key)
	})
	all := string(words)
	for i := range p.records {
		p.records[i].sequence, p.records[i].key = all[sequences[i].from:sequences[i].to], all[keys[i].from:keys[i].to]
	}
}

// base64 reads a text of bytes and appends them to the arena.
func (w *walk) base64(arena []byte) (data, grown []byte) {
	s, ok := w.word()
	if !ok {
		return nil, arena
	}
	from := len(arena)
	grown, err := base64.StdEncoding.AppendDecode(arena, s)
	if err != nil {
		w.bad = true
		return nil, arena
	}
	return grown[from:len(grown):len(grown)], grown
}

// walk goes over a JSON text once. After a mistake bad is set and it does not
// move any more.
type walk struct {
	text []byte
	at   int
	deep int
	bad  bool
}

// maxDeep bounds how deep what is passed over may lie.
const maxDeep = 100

// look is the next byte that is no white space; 0 at the end or after a
// mistake.
func (w *walk) look() byte {
	w.rest()
	if w.bad || w.at >= len(w.text) {
		return 0
	}
	return w.text[w.at]
}

// rest passes over white space.
func (w *walk) rest() {
	for !w.bad && w.at < len(w.text) {
		switch w.text[w.at] {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return
		}
	}
}

// expect takes one byte that has to come.
func (w *walk) expect(c byte) bool {
	if w.look() != c {
		w.bad = true
		return false
	}
	w.at++
	return true
}

// several calls each for what lies between two brackets, parted by commas.
func (w *walk) several(open, end byte, each func()) {
	if w.deep++; w.deep > maxDeep {
		w.bad = true
	}
	defer func() { w.deep-- }()
	if !w.expect(open) {
		return
	}
	if w.look() == end {
		w.at++
		return
	}
	for !w.bad {
		each()
		if w.look() == end {
			w.at++
			return
		}
		w.expect(',')
	}
}

// list calls each for the elements of a list; there may be null instead.
func (w *walk) list(each func()) {
	if !w.null() {
		w.several('[', ']', each)
	}
}

// members calls each for the members of an object, standing at the value.
func (w *walk) members(each func(name string)) {
	w.several('{', '}', func() {
		name, _ := w.word()
		if w.expect(':') {
			each(string(name))
		}
	})
}

// null takes a null, if there is one.
func (w *walk) null() bool {
	if w.look() == 'n' && bytes.HasPrefix(w.text[w.at:], []byte("null")) {
		w.at += len("null")
		return true
	}
	return false
}

// word is a text; ok is false for null. It lies in the answer, unless it had
// to be unescaped.
func (w *walk) word() (text []byte, ok bool) {
	if w.null() || !w.expect('"') {
		return nil, false
	}
	end := bytes.IndexByte(w.text[w.at:], '"')
	if end < 0 {
		w.bad = true
		return nil, false
	}
	text = w.text[w.at : w.at+end]
	if bytes.IndexByte(text, '\\') >= 0 {
		return w.escaped()
	}
	w.at += end + 1
	return text, true
}

// escaped is a text with backslashes, standing after its first quote.
func (w *walk) escaped() (text []byte, ok bool) {
	from := w.at - 1
	for ; w.at < len(w.text) && w.text[w.at] != '"'; w.at++ {
		if w.text[w.at] == '\\' {
			w.at++
		}
	}
	var s string
	if w.at >= len(w.text) || json.Unmarshal(w.text[from:w.at+1], &s) != nil {
		w.bad = true
		return nil, false
	}
	w.at++
	return []byte(s), true
}

// number is a number; ok is false for null.
func (w *walk) number() (n float64, ok bool) {
	if w.null() {
		return 0, false
	}
	from := w.at
	for w.at < len(w.text) && bytes.IndexByte([]byte("+-.0123456789eE"), w.text[w.at]) >= 0 {
		w.at++
	}
	n, err := strconv.ParseFloat(string(w.text[from:w.at]), 64)
	if err != nil || math.Abs(n) > 1<<52/1000 {
		w.bad = true
		return 0, false
	}
	return n, true
}

// pass passes over any value.
func (w *walk) pass() {
	switch c := w.look(); {
	case c == '{':
		w.members(func(string) { w.pass() })
	case c == '[':
		w.list(w.pass)
	case c == '"':
		w.word()
	case c == 'n':
		w.bad = w.bad || !w.null()
	case bytes.HasPrefix(w.text[w.at:], []byte("true")):
		w.at += len("true")
	case bytes.HasPrefix(w.text[w.at:], []byte("false")):
		w.at += len("false")
	default:
		w.number()
	}
}
