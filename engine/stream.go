package engine

import (
	"context"
	"time"
)

// Stream is an unbounded source: shards, each a sequence of records.
type Stream interface {
	// Tail reads from where the checkpoints stand until ctx ends, and gives
	// what it reads to sink, which is called from several goroutines but for
	// one shard by one at a time, in the shard's order. While sink does not
	// return, its shard is not read further; then the list of records is used
	// again, and their bytes and texts if they are Spare. An error of sink ends
	// the tail.
	// A finished tail without an error means that every shard has ended.
	Tail(ctx context.Context, from []Checkpoint, sink func(context.Context, Arrivals) error) error
	// Shards tells how the reading of each shard stands, by shard id.
	Shards() []ShardState
}

// Checkpoint is how far one shard has been read. It is committed together
// with the records that it covers.
type Checkpoint struct {
	Source string
	// Stream and Created identify the stream: one that is deleted and made
	// again has the name and the shard ids of the old one.
	Stream  string
	Created time.Time
	Shard   string
	// Sequence is the last record's; empty when none was read yet.
	Sequence string
	// Since is where to begin while Sequence is empty: the oldest arrival
	// time. Zero is the oldest record there is.
	Since time.Time
	// Arrival is the last record's arrival time.
	Arrival time.Time
	// Ended shards have no more records.
	Ended bool
}

// Arrivals are the next records of one shard.
type Arrivals struct {
	// Checkpoint is true once the records are stored.
	Checkpoint
	Records []Arrival
	// Behind is how far the reader is from the newest record.
	Behind time.Duration
	// Gap is set when records are missing before these.
	Gap *Gap
	// Spare is where sink says that it holds on to none of the records' bytes and
	// texts, which are used again then, too. Nil where nobody asks.
	Spare *bool
}

// Arrival is one record of a stream.
type Arrival struct {
	Data     []byte
	Sequence string
	// Sub is its place among the records that were packed into one; Packed
	// says that it was.
	Sub    int
	Packed bool
	Key    string
	Time   time.Time
	// OutOfRange records were packed by a producer that knew the shards of
	// another time; they are as good as any.
	OutOfRange bool
	// Broken is why the record cannot be read any further; Data has its bytes.
	Broken string
}

// Gap is a span of a shard that could not be read.
type Gap struct {
	From, To time.Time // arrival times; zero where unknown
	Reason   string
}

// ShardState is how the reading of a shard stands.
type ShardState struct {
	Shard string `json:"shard"`
	// State is one of waiting, reading, paused, finished, failed.
	State string `json:"state"`
	// Why says what it waits for or what failed, in words.
	Why           string    `json:"why,omitempty"`
	Behind        int64     `json:"lag_ms"`             // of the newest record, in milliseconds
	Records       int64     `json:"records"`            // read since the tail began, as are Bytes
	Bytes         int64     `json:"bytes"`              // of their data
	Throttles     int64     `json:"throttles"`          // how often the service refused a call for its rate
	Refreshes     int64     `json:"iterator_refreshes"` // how often the place in the shard was asked for anew
	Repeated      int64     `json:"repeated"`           // records the stream gave twice
	LastArrival   time.Time `json:"last_arrival"`
	LastRead      time.Time `json:"last_read"`
	OutOfRange    int64     `json:"out_of_range"` // records; see Record.OutOfRange
	SequenceAfter string    `json:"sequence,omitempty"`
}
