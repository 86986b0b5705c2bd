// Package pipeline moves records from objects into a dataset: it reads ahead,
// decodes, transforms, conforms and commits, one micro-batch after another.
//
// It owns the order of things and their bounds. It composes format and schema,
// which are functions of bytes and types; where objects come from, what is
// stored and which plugins run comes in through the interfaces below.
package pipeline

import (
	"context"
	"io"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
)

// Limits of one micro-batch, and of what is held in memory at once.
const (
	batchBytes      = 256 << 20
	batchRows       = 4 * engine.RowGroup
	quarantineBytes = 16 << 20
	chunkBytes      = 1 << 20
	chunksAhead     = 4
)

// Store is where batches go.
type Store interface {
	Commit(ctx context.Context, b engine.Batch) (engine.Committed, error)
	CommitAll(ctx context.Context, b []engine.Batch) ([]engine.Committed, error)
	AllocateSeq(n int64) int64
	Schema(dataset string) (engine.SchemaVersion, bool)
	Exact(ctx context.Context, dataset, path string) (bool, error)
	OpenForeign(ctx context.Context, path, format, scratch string) (engine.ForeignTable, error)
}

// Local is an object's bytes on this machine: at Path or, where they must not
// touch a disk, in Stream, which is read once. Fetched is not asked of a
// stream: what is read of it counts, if it is Remote.
type Local struct {
	Path    string
	Stream  io.ReadCloser
	Remote  bool
	Fetched int64 // bytes that came over the network for it
	Release func()
}

// Task is one object to read. Replace says that rows of an earlier version of
// it must go.
type Task struct {
	engine.Object
	Replace bool
	// Skip records from its start are already committed, and became:
	Skip                         int64
	Stored, Quarantined, Dropped int64
	// Record says that the bytes are one record alone, which had this number
	// in the object that URL names. The ledger stays as it is. 0: an object.
	Record int64
	// Head are lines that stood before such a record and say what its fields
	// are.
	Head string
	// Entry says that the bytes come from this entry of quarantine, which the
	// batch that has them releases. The ledger knows the object already.
	Entry int64
	// Only the record of this number is wanted of the object, which was read
	// before. The ledger stays as it is. 0: all.
	Only int64
}

// again reports whether records are read that the ledger has counted already.
func (t Task) again() bool { return t.Record > 0 || t.Only > 0 || t.Entry > 0 }

// Stage is a transform that records go through before they are conformed.
type Stage interface {
	// Name identifies the plugin and its version in quarantine reasons.
	Name() string
	Inputs() []StageField
	Outputs() []StageField
	Run(ctx context.Context, in []engine.Column, rows int) (StageResult, error)
}

// StageField is a table path that crosses into a transform, or comes out.
type StageField struct {
	Path engine.Path
	Type engine.TypeKind
}

// StageResult is what a transform made of its rows: row i of Columns comes
// from input row Src[i]. Input rows that are neither there nor rejected were
// dropped.
type StageResult struct {
	Src      []uint32
	Columns  []engine.Column
	Rejected []Rejected
	// Loose says that Src may go back: the records change their order.
	Loose bool
}

// Rejected is a row that a transform could not take.
type Rejected struct {
	Row    int
	Reason string
}

// Options say how the objects of one source become rows of one dataset.
type Options struct {
	Dataset string
	Source  string
	Format  string
	// Formats are the ones that are known; nil means those that come with
	// Tidemark.
	Formats *format.Table
	Mapping engine.Mapping
	// FindTime lets a dataset without a configured event time take the first
	// usual name that its records have.
	FindTime bool
	Strict   bool
	Dedup    engine.Path
	// RowKey and Deleted are Key and Deleted of engine.Batch.
	RowKey  []engine.Path
	Deleted engine.Path
	Stages  []Stage
	// Policies are applied after the transforms, before anything else; Key is
	// that of their hashes.
	Policies []engine.Policy
	Key      []byte
	// Private objects are not written to any disk as they came: they are read
	// through memory, and what of them cannot be stored keeps no bytes.
	Private bool
	// From and Before leave out records whose event time is not in [From,
	// Before), counted as dropped; zero is open.
	From, Before time.Time
	// Watermark is the dataset's at the start; rows before it are late.
	Watermark time.Time
	// Staging is a memory-backed folder for rows on their way in, Scratch one
	// for files that may be large.
	Staging string
	Scratch string
	// Workers is how many objects are fetched and decoded at once.
	Workers int
	// Unpack is that of format.Hint.
	Unpack int64
	Store  Store
	Fetch  func(ctx context.Context, o engine.Object) (Local, error)
	Clock  engine.Clock
	// Report is called from one goroutine after every chunk and commit.
	Report func(Counts)

	// Route spreads the records over several datasets; nil: all go to Dataset.
	// Ledger is that of engine.Batch.
	Route  *Route
	Ledger string

	lines bool // every table goes as lines, for tests
	text  bool // every line is staged as text, for tests
}

// Counts is how far a pull has come, and in the end what it did.
type Counts struct {
	Objects     int64 `json:"objects"`       // read to their end
	Failed      int64 `json:"failed"`        // could not be reached
	Bytes       int64 `json:"bytes"`         // of those objects, as stored
	Fetched     int64 `json:"bytes_fetched"` // over the network
	Read        int64 `json:"read"`          // records, as they came
	Records     int64 `json:"records"`       // stored
	Quarantined int64 `json:"quarantined"`
	Dropped     int64 `json:"dropped"`    // by a transform, a quota, a seam or a route
	Duplicates  int64 `json:"duplicates"` // of rows that are there
	Untimed     int64 `json:"untimed"`    // stored without an event time
	Late        int64 `json:"late"`       // stored behind the watermark
	// Routed is what became of the records of a routed source, by dataset; Over
	// counts those that stayed behind because there would be too many.
	Routed map[string]Share `json:"routed,omitempty"`
	Over   int64            `json:"-"`
	// Policies says how many values each policy met, in the order they stand.
	Policies []int64 `json:"-"`
	// Failures says why objects could not be reached, the first few of them.
	Failures []string `json:"failures,omitempty"`
	// Fault is what the first of them was.
	Fault engine.Fault `json:"-"`
}

// Add sums two counts.
func (c Counts) Add(d Counts) Counts {
	c.Objects += d.Objects
	c.Failed += d.Failed
	c.Bytes += d.Bytes
	c.Fetched += d.Fetched
	c.Read += d.Read
	c.Records += d.Records
	c.Quarantined += d.Quarantined
	c.Dropped += d.Dropped
	c.Duplicates += d.Duplicates
	c.Untimed += d.Untimed
	c.Late += d.Late
	c.Over += d.Over
	c.Routed = addShares(c.Routed, d.Routed)
	c.Policies = addEach(c.Policies, d.Policies)
	c.Failures = append(c.Failures[:len(c.Failures):len(c.Failures)], d.Failures...)
	if c.Fault == "" {
		c.Fault = d.Fault
	}
	return c
}

func addEach(a, b []int64) []int64 {
	out := slices.Clone(a)
	for i, n := range b {
		if i == len(out) {
			out = append(out, 0)
		}
		out[i] += n
	}
	return out
}
