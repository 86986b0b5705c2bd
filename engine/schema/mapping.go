package schema

import "tidemark.dev/tidemark/engine"

// envelopeColumns are the text columns a mapping can fill, in table order.
var envelopeColumns = [...]string{"service", "level", "message", "trace_id", "span_id"}

// DefaultEnvelope is the mapping of a dataset that configures none. What a
// decoder says comes first.
func DefaultEnvelope() map[string][]engine.Path {
	m := map[string][]engine.Path{
		"service":  {{"service"}, {"service", "name"}, {"svc"}},
		"level":    {{"level"}, {"severity"}, {"severity_text"}, {"lvl"}},
		"message":  {{"message"}, {"msg"}, {"body"}},
		"trace_id": {{"trace_id"}},
		"span_id":  {{"span_id"}},
	}
	for column, usual := range m {
		m[column] = append([]engine.Path{{engine.Derived(column)}}, usual...)
	}
	return m
}

// DerivedTime is where a decoder that knows its format's time field puts the
// event time.
var DerivedTime = engine.Path{engine.Derived("event_time")}

// TimeCandidates are the names under which logs keep their event time. A
// dataset that configures none takes the first that parses in its sample.
var TimeCandidates = []engine.Path{
	{"@timestamp"}, {"timestamp"}, {"ts"}, {"time"}, {"event_time"}, {"eventTime"}, {"datetime"}, {"date"},
}

// slot is one column that a mapping fills, while a line is read.
type slot struct {
	set     bool
	rank    int
	start   int // of the value's token
	end     int
	kind    shape
	escaped bool
	at      instant
	// leaves: the column says the value exactly, so that body need not.
	leaves bool
}

// use ties a node of the trie to a slot.
type use struct {
	slot, rank int
}

// Slots: the envelope's text columns, then event time, then the labels.
const (
	timeSlot   = len(envelopeColumns)
	firstLabel = timeSlot + 1
)
