package kinesis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"tidemark.dev/tidemark/engine"
)

// page is an answer of GetRecords.
type page struct {
	// records are as the service answers them; Packed says of one that it begins
	// like those into which others were packed.
	records []engine.Arrival
	size    int // of their data, in bytes
	// next is the iterator of the next page; nil at the end of a shard.
	next   *string
	behind time.Duration
}

// scratch is what reading a page takes, and the page itself.
type scratch struct {
	text, words     []byte
	sequences, keys []span
	page            page
	arrivals        []engine.Arrival // what becomes of a page with packed records
	// The data of the records lies in rooms, of which so many are used, and their
	// names in words. Those are used again only if nobody holds on to what lies
	// there.
	rooms [][]byte
	used  int
	room  []byte // what is left of the last
	spare bool
}

const (
	// textRoom is how much of an answer is looked at at once. It fits into a
	// processor's cache, and all but the largest records fit into it.
	textRoom = 256 << 10
	// dataRoom is what records share: one that is kept keeps those beside it.
	dataRoom = 256 << 10
)

// scratches are those that are not at work. A collector empties a sync.Pool
// while one waits for its next page.
type scratches struct {
	mu   sync.Mutex
	idle []*scratch
}

func (all *scratches) take() *scratch {
	all.mu.Lock()
	defer all.mu.Unlock()
	if n := len(all.idle); n > 0 {
		s := all.idle[n-1]
		all.idle = all.idle[:n-1]
		return s
	}
	return &scratch{}
}

// free takes one back, with no more than what its last page took.
func (all *scratches) free(s *scratch) {
	if cap(s.text) > 2*textRoom {
		s.text = nil
	}
	if n := len(s.page.records); cap(s.page.records) > 4*n {
		s.page.records, s.arrivals, s.sequences, s.keys, s.words = nil, nil, nil, nil, nil
	}
	clear(s.page.records)
	s.page = page{records: s.page.records[:0]}
	if s.rooms = s.rooms[:s.used]; !s.spare {
		s.rooms, s.words = nil, nil
	}
	s.words, s.used, s.room, s.spare = s.words[:0], 0, nil, false
	all.mu.Lock()
	defer all.mu.Unlock()
	all.idle = append(all.idle, s)
}

// newRoom gives memory for the data of records, of at least a size.
func (s *scratch) newRoom(size int) []byte {
	if size > dataRoom {
		return make([]byte, size)
	}
	if s.used == len(s.rooms) {
		s.rooms = append(s.rooms, make([]byte, dataRoom))
	}
	s.used++
	return s.rooms[s.used-1]
}

// readPage reads the JSON of an answer while it comes. What the SDK does field
// by field, with a few allocations each, is here a walk over the text: the bytes
// of many records lie in one piece of memory, and the names of all in another.
// Members that are not known are passed over.
func (s *scratch) readPage(answer io.Reader) error {
	p := &s.page
	w := walk{from: answer, text: s.text[:0]}
	w.members(func(name string) {
		switch name {
		case "Records":
			w.records(s)
		case "NextShardIterator":
			if word, ok := w.word(); ok {
				next := string(word)
				p.next = &next
			}
		case "MillisBehindLatest":
			ms, _ := w.number()
			p.behind = time.Duration(ms) * time.Millisecond
		default:
			w.pass()
		}
	})
	w.rest()
	s.text = w.text
	switch {
	case w.failed != nil:
		return fmt.Errorf("read the answer of GetRecords: %w", w.failed)
	case w.bad || w.at < len(w.text):
		return errors.New("the answer of GetRecords is no JSON that can be read, at byte " + strconv.Itoa(w.passed+w.at))
	}
	return nil
}

// span is where a word lies among the words of a page.
type span struct{ from, to int }

// records reads the list of records.
func (w *walk) records(s *scratch) {
	s.sequences, s.keys = s.sequences[:0], s.keys[:0]
	from := len(s.page.records) // a list that comes twice is one
	w.list(func() {
		r, sequence, key, ok := w.quick(s)
		if !ok {
			r, sequence, key = w.record(s)
		}
		r.Packed = looksPacked(r.Data)
		s.page.size += len(r.Data)
		s.page.records, s.sequences, s.keys = append(s.page.records, r), append(s.sequences, sequence), append(s.keys, key)
	})
	all := unsafe.String(unsafe.SliceData(s.words), len(s.words)) // which are not used again before they are spare
	for i := range s.sequences {
		r := &s.page.records[from+i]
		r.Sequence, r.Key = all[s.sequences[i].from:s.sequences[i].to], all[s.keys[i].from:s.keys[i].to]
	}
}

// record reads a record however it is written.
func (w *walk) record(s *scratch) (r engine.Arrival, sequence, key span) {
	w.members(func(name string) {
		switch name {
		case "Data":
			r.Data = w.base64(s)
		case "SequenceNumber":
			text, _ := w.word()
			sequence = s.word(text)
		case "PartitionKey":
			text, _ := w.word()
			key = s.word(text)
		case "ApproximateArrivalTimestamp":
			if seconds, ok := w.number(); ok {
				r.Time = time.UnixMilli(int64(math.Round(seconds * 1000))).UTC()
			}
		default:
			w.pass()
		}
	})
	return r, sequence, key
}

// base64 reads a text of bytes. Whether it holds escapes is looked at only if it
// is no base64.
func (w *walk) base64(s *scratch) []byte {
	text, ok := w.upToQuote()
	if !ok {
		return nil
	}
	if data, ok := s.decode(text); ok {
		w.at += len(text) + 1
		return data
	}
	if text, ok = w.escaped(); ok {
		if data, ok := s.decode(text); ok {
			return data
		}
	}
	w.bad = true
	return nil
}

// walk goes over a JSON text once, as it comes. After a mistake bad is set and
// it does not move any more.
type walk struct {
	from io.Reader // nil when no more comes
	// text is what is looked at, from at on; passed is how much came before it.
	text   []byte
	at     int
	passed int
	deep   int
	bad    bool
	failed error // of from
}

// maxDeep bounds how deep what is passed over may lie.
const maxDeep = 100

// more gets more text behind what is not passed over yet. False says that there
// is none.
func (w *walk) more() bool {
	if w.from == nil {
		return false
	}
	w.passed += w.at
	w.text, w.at = append(w.text[:0], w.text[w.at:]...), 0
	if len(w.text) == cap(w.text) {
		w.text = slices.Grow(w.text, max(cap(w.text), textRoom))
	}
	for tries := 0; ; tries++ {
		n, err := w.from.Read(w.text[len(w.text):cap(w.text)])
		w.text = w.text[:len(w.text)+n]
		if err == nil && n == 0 && tries == emptyReads {
			err = io.ErrNoProgress
		}
		if err != nil {
			w.from = nil
			if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				w.failed, w.bad = err, true
			}
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
}

// emptyReads is how often a reader may give nothing.
const emptyReads = 100

// holds reports whether a word comes next.
func (w *walk) holds(word string) bool {
	for len(w.text)-w.at < len(word) {
		if !w.more() {
			return false
		}
	}
	return string(w.text[w.at:w.at+len(word)]) == word
}

// look is the next byte that is no white space; 0 at the end or after a
// mistake.
func (w *walk) look() byte {
	if !w.bad && w.at < len(w.text) && w.text[w.at] > ' ' {
		return w.text[w.at]
	}
	w.rest()
	if w.bad || w.at >= len(w.text) {
		return 0
	}
	return w.text[w.at]
}

// rest passes over white space.
func (w *walk) rest() {
	for !w.bad && (w.at < len(w.text) || w.more()) {
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
		word, _ := w.word()
		name := string(word)
		if w.expect(':') {
			each(name)
		}
	})
}

// null takes a null, if there is one.
func (w *walk) null() bool {
	if w.look() == 'n' && w.holds("null") {
		w.at += len("null")
		return true
	}
	return false
}

// word is a text; ok is false for null. It is valid until the walk goes on.
func (w *walk) word() (text []byte, ok bool) {
	if text, ok = w.upToQuote(); ok && bytes.IndexByte(text, '\\') >= 0 {
		return w.escaped()
	}
	if ok {
		w.at += len(text) + 1
	}
	return text, ok
}

// upToQuote is what stands before the next quote of a text; ok is false for null.
// The walk stands after the text's first quote then.
func (w *walk) upToQuote() (text []byte, ok bool) {
	if w.look() == 'n' && w.null() || !w.expect('"') {
		return nil, false
	}
	for seen := 0; ; {
		if n := bytes.IndexByte(w.text[w.at+seen:], '"'); n >= 0 {
			return w.text[w.at : w.at+seen+n], true
		}
		seen = len(w.text) - w.at
		if !w.more() {
			w.bad = true
			return nil, false
		}
	}
}

// escaped is a text with backslashes, standing after its first quote.
func (w *walk) escaped() (text []byte, ok bool) {
	end := 0 // from at
	for escape := false; ; end++ {
		for w.at+end >= len(w.text) {
			if !w.more() {
				w.bad = true
				return nil, false
			}
		}
		c := w.text[w.at+end]
		if c == '"' && !escape {
			break
		}
		escape = c == '\\' && !escape
	}
	var s string
	quoted := append(append([]byte{'"'}, w.text[w.at:w.at+end]...), '"')
	if json.Unmarshal(quoted, &s) != nil {
		w.bad = true
		return nil, false
	}
	w.at += end + 1
	return []byte(s), true
}

// number is a number; ok is false for null.
func (w *walk) number() (n float64, ok bool) {
	if w.null() {
		return 0, false
	}
	end := 0 // from at
	for (w.at+end < len(w.text) || w.more()) && isOfNumber(w.text[w.at+end]) {
		end++
	}
	n, err := strconv.ParseFloat(string(w.text[w.at:w.at+end]), 64)
	w.at += end
	if err != nil || math.Abs(n) > 1<<52/1000 {
		w.bad = true
		return 0, false
	}
	return n, true
}

func isOfNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '.' || c == '-' || c == '+' || c|0x20 == 'e'
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
	case c == 't' && w.holds("true"):
		w.at += len("true")
	case c == 'f' && w.holds("false"):
		w.at += len("false")
	default:
		w.number()
	}
}
