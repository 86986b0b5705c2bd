package engine

// derivedPrefix begins the names of members that a decoder adds to a record.
// Names that begin so are reserved.
const derivedPrefix = "tm:"

// Derived is the name of the member by which a decoder says what a record has
// for an envelope column: tm:event_time (RFC 3339, UTC), tm:service, tm:level,
// tm:message, tm:trace_id, tm:span_id, all text. It is how one table can hold
// records of many formats: the mapping of every dataset knows these names.
func Derived(column string) string { return derivedPrefix + column }
