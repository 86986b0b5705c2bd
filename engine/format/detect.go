package format

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
)

// Hint is what is known of an object before it is opened. All of it may be
// left out, as it is for a record of a live stream.
type Hint struct {
	// Want is "auto", "", or the format that the user says it has.
	Want string
	// Key is the object's key or path.
	Key string
	// Modified is when it was last changed: formats whose times have no year
	// take the latest one that is not after it.
	Modified time.Time
	// Private leaves out messages that repeat what other fields say: they would
	// give away what a policy takes out of those.
	Private bool
	// Unpack is how many times its size an object may unpack to, past 64 MB; 0
	// is UnpackRatio.
	Unpack int64
}

// Kind is one format: how it is told from others, and how it is decoded.
// Kinds are values of a Table, each in a file of its own.
type Kind struct {
	Name  Format
	Title string // for people
	// Key is how keys of its objects look, nil for no habit.
	Key func() *regexp.Regexp
	// Envelope says where the envelope's columns come from, for people.
	Envelope Origins

	// How the content tells: one of these. An object has members by name, cut
	// off where the head ends.
	object func(members map[string][]byte) bool
	line   func(line []byte) bool
	header func(line []byte) bool // one such line tells of all below it
	framed bool                   // objects on one line tell it
	// sure is how telling that is, from 0 to 1; says describes it.
	sure float64
	says string

	// repeats: its messages are made of what stays in the record besides.
	repeats bool

	// How it is decoded: value by value, or line by line where line or header
	// is set. The array member wrapper is read element by element.
	wrapper string
	starts  func(line []byte) bool
	decoder func(h Hint) decodeFunc
	// custom decodes instead of all that.
	custom Decoder
	// columns tells it from the columns of a table.
	columns func(names map[string]bool) bool
	// row fills the envelope from a row of such a table.
	row func(e *event, get func(name string) string)
}

// Origins says for each column of the envelope what fills it.
type Origins struct{ Time, Service, Level, Message, Trace, Span string }

// Reason is one piece of evidence for a format.
type Reason struct {
	By   string `json:"by" doc:"key, magic or lines"`
	Says string `json:"says" doc:"What was seen."`
}

// Detection is what an object was found to hold, and why.
type Detection struct {
	Format Format `json:"format" doc:"The format found."`
	// Sure is between 0 and 1.
	Sure float64  `json:"confidence" doc:"How sure that is, between 0 and 1."`
	Why  []Reason `json:"reasons" doc:"What it is concluded from: the key, the first bytes, the first lines."`
}

// head is the beginning of an unpacked object.
type head struct {
	text    []byte
	more    bool // the object goes on
	lines   [][]byte
	objects []map[string][]byte
}

// How many lines and objects of a head are looked at.
const (
	headLines   = 30
	headerLines = 8
	headObjects = 8
)

func newHead(b []byte) *head {
	h := &head{text: bytes.TrimPrefix(b, bom), more: len(b) == headSize}
	for line := range bytes.Lines(h.text) {
		if h.more && line[len(line)-1] != '\n' && len(h.lines) > 0 || len(h.lines) == headLines {
			break
		}
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) > 0 {
			h.lines = append(h.lines, line)
		}
	}
	h.findObjects()
	return h
}

// findObjects takes up the first objects: of lines, of an array, or the one
// that the head begins with.
func (h *head) findObjects() {
	text := skipBlanks(h.text)
	if len(text) == 0 {
		return
	}
	if text[0] == '[' {
		for el := range elements(text) {
			h.addObject(el)
		}
	}
	if len(h.objects) == 0 && objectLines(text) {
		for _, line := range h.lines {
			h.addObject(skipBlanks(line))
		}
	}
	if len(h.objects) == 0 {
		h.addObject(bytes.TrimLeft(text, "[ \t\r\n"))
	}
}

func (h *head) addObject(b []byte) {
	if len(h.objects) == headObjects || len(b) == 0 || b[0] != '{' || !jsonObject(b) {
		return
	}
	found := map[string][]byte{}
	for m := range headMembers(b) {
		found[m.name] = m.value
	}
	h.objects = append(h.objects, found)
}

// look is how sure the content makes a kind, from 0 to 1.
func (k *Kind) look(h *head) float64 {
	hits, of := 0, 0
	if k.header != nil && slices.ContainsFunc(h.lines[:min(len(h.lines), headerLines)], k.header) {
		return k.sure
	}
	switch {
	case k.framed:
		if joinedLines(skipBlanks(h.text)) {
			return k.sure
		}
	case k.object != nil:
		for _, o := range h.objects {
			if k.object(o) {
				hits++
			}
		}
		of = len(h.objects)
	case k.line != nil && len(h.objects) < 2:
		for _, line := range h.lines {
			if k.starts != nil && !k.starts(line) && of > 0 {
				continue // goes on from the record before
			}
			of++
			if k.line(line) {
				hits++
			}
		}
	}
	if of == 0 || 2*hits < of {
		return 0
	}
	return k.sure * (0.6 + 0.4*float64(hits)/float64(of))
}

// detect finds the format of an object's head: the key proposes, the content
// decides. A key alone proves nothing, and neither does an extension.
func (t *Table) detect(b []byte, hint Hint) (Detection, *Kind) {
	h := newHead(b)
	var best *Kind
	var found Detection
	var denied []Reason
	for _, k := range t.kinds {
		byKey := k.Key != nil && k.Key().MatchString(hint.Key)
		sure := k.look(h)
		if sure == 0 {
			switch {
			case byKey && k.columns != nil && bytes.HasPrefix(b, []byte("PAR1")):
				denied = append(denied, Reason{"key", "its key is one of " + k.Title + ", if its columns are"})
			case byKey:
				denied = append(denied, Reason{"key", fmt.Sprintf("its key looks like %s, but the content is another", k.Title)})
			}
			continue
		}
		why := []Reason{{"lines", k.says}}
		if byKey {
			why = append([]Reason{{"key", "its key is one of " + k.Title}}, why...)
			sure = 1 - (1-sure)*0.2
		}
		if sure > found.Sure && (best == nil || !k.framed) {
			best, found = k, Detection{k.Name, sure, why}
		}
	}
	if best == nil || found.Sure < 0.5 {
		best = nil
		found.Format, found.Sure = recognise(b), 0
		found.Why, found.Sure = generic(found.Format, h)
		found.Why = append(found.Why, denied...)
		for _, k := range t.kinds {
			if k.Name == found.Format {
				best = k
			}
		}
	}
	found.Sure = math.Floor(found.Sure*100+1e-9) / 100
	return found, best
}

// generic is the evidence for the formats that have no fields of their own.
func generic(f Format, h *head) ([]Reason, float64) {
	switch f {
	case Parquet:
		return []Reason{{"magic", "its first bytes are PAR1"}}, 1
	case JSON:
		if len(h.objects) > 1 {
			return []Reason{{"lines", "its first lines are JSON objects"}}, 0.9
		}
		return []Reason{{"lines", "it begins with JSON"}}, 0.8
	case CSV:
		return []Reason{{"lines", "its first lines split into the same number of fields, under a header"}}, 0.7
	case Empty:
		return []Reason{{"magic", "there is nothing in it"}}, 1
	}
	return []Reason{{"lines", "neither its first bytes nor its first lines are of a known format"}}, 0
}
