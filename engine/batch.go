package engine

import (
	"context"
	"time"
)

// Mapping says which members of a raw record become which columns. For each
// column the candidates are tried in order and the first one present wins.
type Mapping struct {
	// EventTime holds the candidates for event_time; with none, arrival time
	// is used.
	EventTime []Path `json:"event_time,omitempty"`
	// Envelope holds the candidates for service, level, message, trace_id
	// and span_id.
	Envelope map[string][]Path `json:"envelope,omitempty"`
	// MaxPaths is how many paths become columns by themselves; 0 means the
	// usual number.
	MaxPaths int `json:"max_paths,omitempty"`
	// Labels become entries of the labels column, under their dotted path.
	Labels []Path `json:"labels,omitempty"`
}

// SchemaVersion is one entry of a dataset's registry.
type SchemaVersion struct {
	Dataset  string    `json:"dataset"`
	Version  int       `json:"version"`
	Author   string    `json:"author"` // "inference" or "person"
	At       time.Time `json:"at"`
	Major    bool      `json:"major"`
	Position string    `json:"position,omitempty"` // first record that needed it
	Changes  []string  `json:"changes"`
	Body     Type      `json:"body"`
	Mapping  Mapping   `json:"mapping"`
	// Originals keeps, by path, the type a file declared where the lattice
	// has another: TIME, BLOB, ENUM('a','b').
	Originals map[string]string `json:"originals,omitempty"`
}

// Origin is where rows of a batch came from.
type Origin struct {
	Source  string
	URL     string
	Arrival time.Time
	// Partitions become labels of every row; a label of the record's own
	// wins.
	Partitions []Partition
}

// Partition is what the folders of an object's key say of all it holds.
type Partition struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Quarantined is a record, or a whole object, that was set aside.
type Quarantined struct {
	Source   string
	Position string
	Reason   string
	// Path is the one to blame, Want the type that it has and Got what came, in
	// words; all are empty where the record could not be read at all.
	Path string
	Want string
	Got  string
	// Raw holds the bytes as they came; Size is their number even where Raw
	// had to be left out.
	Raw  []byte
	Size int64
	// Hash tells the record again where its bytes are not kept: it is keyed,
	// so that nobody without the workspace's key can try values.
	Hash string
	// Head are lines that stood before the record and say what its fields are.
	Head string
}

// Released is an entry of quarantine that was read once more, and what became
// of the record, or the records of the object, that it was.
type Released struct {
	ID             int64  // of the entry
	Source, Object string // whose ledger entry counts it
	// Of the records read, so many were stored, set aside once more, or left
	// out.
	Stored, Quarantined, Dropped int64
}

// ConflictCount says how often a path met values its type cannot hold, in
// records of one object, by its URL.
type ConflictCount struct {
	Path, Want, Got, Source, Object, Example string
	Count                                    int64
}

// ObjectState is how far the reading of an object has come.
type ObjectState struct {
	Object
	// Done means its last record is in this batch or an earlier one; until
	// then Read says how many records from its start are committed.
	Done bool
	// Undecodable objects are done, but stand in quarantine whole.
	Undecodable bool
	Read        int64
	// Of the records read, so many were stored, set aside, or left out.
	Stored      int64
	Quarantined int64
	Dropped     int64
	Fetched     int64 // bytes that came over the network
	// MinTime and MaxTime are the oldest and the newest event time; zero where
	// no record has one.
	MinTime time.Time
	MaxTime time.Time
	Seconds float64 // from the first byte to the last record
	Format  string
}

// Batch is the unit of work and of commit: everything that one transaction
// must make true together.
type Batch struct {
	Dataset string
	// Ledger is the dataset that the ledger of the batch's source is with, where
	// its records are routed to several; "" is Dataset itself.
	Ledger string
	// Schema is set when the rows need a version that the registry does not
	// have yet.
	Schema *SchemaVersion
	// Since is the body that the first rows of Lines were conformed to, when a
	// path got its type only while the batch was being made.
	Since *Type
	// Lines names a file of rows, one JSON object a line, as the conformer
	// writes them; Longest is the longest line in bytes, Rows their number.
	Lines   string
	Longest int
	Rows    int64
	// Blocks are conformed rows in memory, which count in Rows too. Their types
	// are those that the dataset had when they were made.
	Blocks []BlockRun
	// Tables are columnar files that are loaded whole; their rows count in
	// Rows too.
	Tables []StagedTable
	// Origins are what the rows' _o counts.
	Origins []Origin
	Ingest  time.Time
	// LateBefore is the watermark against which rows are late; zero for none.
	LateBefore time.Time
	// Untimed rows have a time field that could not be read; without a time
	// field, arrival time stands in.
	ArrivalIsTime bool
	// Dedup is the table path whose first value wins; nil for none.
	Dedup Path
	// Key names what a row is about: the table then holds the newest version
	// of each key. A version with a true value at Deleted deletes its key.
	Key     []Path
	Deleted Path
	// Replace lists URLs of objects whose earlier rows must go first.
	Replace    []string
	Quarantine []Quarantined
	// Released are the entries of quarantine that were read once more: they
	// leave it with this batch, which has what became of them.
	Released  []Released
	Conflicts []ConflictCount
	Objects   []ObjectState
	// Live is set for what came from a stream: a row's _r is then when it
	// arrived, and its _p its position.
	Live *LiveState
}

// LiveState is how far a stream is read once a batch is committed.
type LiveState struct {
	Checkpoints []Checkpoint
	Gaps        []ShardGap
	// Watermark is the dataset's from now on; zero for none yet.
	Watermark time.Time
	Marks     []ShardMark
	// Quotas say what was over a quota, by the value it is counted by.
	Quotas map[string]QuotaCount
}

// QuotaCount is what was over a quota.
type QuotaCount struct {
	// Over are records that were over it, Kept those of them that were stored
	// all the same, and Waited for how long they were held back.
	Over, Kept int64
	Waited     time.Duration
}

// Add sums two counts.
func (c QuotaCount) Add(o QuotaCount) QuotaCount {
	return QuotaCount{c.Over + o.Over, c.Kept + o.Kept, c.Waited + o.Waited}
}

// ShardGap is a gap in the reading of a shard.
type ShardGap struct {
	Stream, Shard string
	Gap
}

// ShardMark is the watermark of one shard, and when it last had records.
type ShardMark struct {
	Shard    string
	At, Seen time.Time
}

// Settler brings the rest of stored rows up to a later version of their
// dataset. It is used by one goroutine.
type Settler interface {
	// Idle reports that no rest can have anything for body.
	Idle() bool
	// Settle reads a row's rest. When changed, body is a JSON object of what
	// the row's body gets and left is the rest that stays, nil for none; both
	// are valid until the next call.
	Settle(rest []byte) (body, left []byte, changed bool)
}

// StagedTable is a Parquet file that was decoded once elsewhere and is safe
// to read.
type StagedTable struct {
	Path     string
	Rows     int64
	FirstSeq int64
	Origin   int // of the batch's Origins
	Columns  []ForeignColumn
	// Envelope names the file's column that fills an envelope column.
	Envelope map[string]string
	Labels   []StagedLabel
	// Number names a column of the file that is none of Columns: the place of
	// each row in the object, from 0. Without it rows are in order.
	Number string
}

// StagedLabel is a column of a file that becomes an entry of labels. One that
// Moves is then null in body.
type StagedLabel struct {
	Name, Column string
	Moves        bool
}

// ForeignColumn is a column of a file that we did not write.
type ForeignColumn struct {
	Name string
	// Declared is the type as the file has it, in DuckDB's words.
	Declared string
	// Type is its place on the lattice.
	Type Type
}

// ForeignTable is a columnar file opened where it can do no harm. It is used
// by one goroutine.
type ForeignTable interface {
	Columns() []ForeignColumn
	// Path is a Parquet file with the table's bytes.
	Path() string
	// Verify decodes every value. It counts the rows, and those without a
	// value in the column timed, if that is named.
	Verify(ctx context.Context, timed string) (rows, untimed int64, err error)
	// Scan gives the values of some columns in batches of rows, in order; first
	// is the place of a batch's first row, from 0. The columns are of the kinds
	// Varchar, BigInt, Double and Bool, and numbers that are not finite are null.
	// A batch is valid until take returns.
	Scan(ctx context.Context, columns []ForeignColumn, take func(batch []Column, first int64, rows int) error) error
	// Patch writes a copy of the file into another, rows in any order. Changes
	// is a file of JSON lines: row is the place of a row, sI says that the
	// changed column I has the value cI there. The copy's column number has
	// the places of the rows.
	Patch(ctx context.Context, changes string, changed []ForeignColumn, number, into string) error
	// WriteLines writes every row as one JSON object a line into a file, in
	// order.
	WriteLines(ctx context.Context, path string) error
	// Detach ends the decoding but leaves the file at Path until cleanup.
	Detach() (cleanup func())
	Close() error
}

// Committed says what a commit did with a batch's rows: so many are in the
// table now, so many were left out because it had them, and so many of those
// stored lie behind the watermark.
type Committed struct {
	Stored     int64
	Duplicates int64
	Late       int64
}

// Raw lists where in a raw record a table path may come from, best first:
// the way back from a column to the member that fills it.
func (m Mapping) Raw(p Path) []Path {
	switch {
	case len(p) == 1 && p[0] == "event_time":
		return m.EventTime
	case len(p) == 1 && m.Envelope[p[0]] != nil:
		return m.Envelope[p[0]]
	case len(p) == 2 && p[0] == "labels":
		for _, l := range m.Labels {
			if l.String() == p[1] {
				return []Path{l}
			}
		}
		return nil
	case len(p) > 1 && p[0] == "body":
		return []Path{p[1:]}
	}
	return []Path{p}
}
