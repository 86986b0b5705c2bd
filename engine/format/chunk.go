package format

// MaxRecord is the longest record that is taken in, in bytes. A longer one
// goes to quarantine by its length alone.
const MaxRecord = 64 << 20

// Record is one record's bytes within its chunk.
type Record struct {
	Start, End int
	// Problem is set when these bytes are known not to be a whole record.
	Problem string
	// Size is the length of a record too long to keep; Start equals End then.
	Size int64
	// Dropped is set for bytes that the format leaves out on purpose; they
	// count as read.
	Dropped bool
}

// Chunk is a run of records. Buf must not be changed while others read it.
type Chunk struct {
	Buf     []byte
	Records []Record
	// Heads are what stood before records with a Problem and says what their
	// fields are, by their place in Records.
	Heads map[int]string
}

// One is a chunk of a single record, whatever is in it.
func One(record []byte) Chunk {
	return Chunk{Buf: record, Records: []Record{{End: len(record)}}}
}

// Recycle lets later chunks have the memory of this one. Nobody may hold on to
// any of its records then.
func (c Chunk) Recycle() {
	if cap(c.Buf) <= maxRecycled {
		buf, records := c.Buf[:0], c.Records[:0]
		buffers.Put(&buf)
		recordLists.Put(&records)
	}
}

// What chunks are made of is used again: a stream of them would keep the
// garbage collector busy. A chunk with a long record is not worth keeping.
const maxRecycled = 4 << 20

// buffer gives n bytes that hold anything.
func buffer(n int) []byte {
	if b := *buffers.Get().(*[]byte); cap(b) >= n {
		return b[:n]
	}
	return make([]byte, n)
}

// Bytes is one record of the chunk.
func (c Chunk) Bytes(r Record) []byte { return c.Buf[r.Start:r.End] }

// add takes a record in, without the space around it.
func (c *Chunk) add(start, end int) {
	for start < end && blank(c.Buf[start]) {
		start++
	}
	for end > start && blank(c.Buf[end-1]) {
		end--
	}
	if end > start {
		c.Records = append(c.Records, Record{Start: start, End: end})
	}
}

// addProblem takes a part in that is no whole record.
func (c *Chunk) addProblem(start, end int, problem string) {
	n := len(c.Records)
	if c.add(start, end); len(c.Records) > n {
		c.Records[n].Problem = problem
	}
}
