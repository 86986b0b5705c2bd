// Package parquet reads of a Parquet object only what a question needs: its
// footer, and from that the row groups and columns whose bytes matter.
//
// It owns what a footer says, what its statistics prove, and how chunks of
// somebody else's file become a small file of their own. It decodes no values:
// the small file is for a decoder that may fail. Where the bytes come from is
// the caller's business. Footers are hostile: what they say is checked against
// the size of the object before it is used.
//
// The format is that of parquet.thrift of Apache Parquet 2.11.
package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	magic     = "PAR1"
	encrypted = "PARE"
	// tailBytes end a file: the footer's length and the magic.
	tailBytes = 8
	// maxFooter bounds what is read of an object before anything is known of it.
	maxFooter = 64 << 20
	// maxRows bounds what a footer may say of rows, so that sums stay exact.
	maxRows = 1 << 40
)

// TailGuess is how many bytes at the end of an object are asked for first. Most
// footers fit in.
const TailGuess = 32 << 10

// ErrNotParquet is the failure of bytes that are no Parquet file.
var ErrNotParquet = errors.New("it is no Parquet file")

// Footer is what a Parquet file says of itself. It is not changed once it is
// read, and may be used by several goroutines.
type Footer struct {
	// Rows is how many rows the file says it has.
	Rows int64
	// Leaves are its columns of values, in order.
	Leaves []Leaf
	Groups []Group

	tree  value
	nodes []node
}

// Leaf is a column of values: what has chunks.
type Leaf struct {
	Path []string
	// unit is the node of the schema that must be taken whole with it: the
	// outermost list or map around it, else itself.
	unit int
	node int
	kind kind
	// repeated values do not belong to one row.
	repeated bool
}

// Group is a row group.
type Group struct {
	// First is the number of its first row in the file, from 0.
	First, Rows int64
	Chunks      []Chunk // one a leaf
}

// Chunk is where a column of a row group lies in the object, in bytes.
type Chunk struct {
	Offset, Length int64

	values int64
	stats  *value
}

// End is where the chunk ends.
func (c Chunk) End() int64 { return c.Offset + c.Length }

// FooterLength reads the last bytes of an object, and says how many bytes at
// its end are the footer with the 8 bytes that end the file.
func FooterLength(tail []byte, size int64) (int64, error) {
	if size < int64(len(magic))+tailBytes || len(tail) < tailBytes {
		return 0, ErrNotParquet
	}
	end := tail[len(tail)-tailBytes:]
	switch string(end[4:]) {
	case encrypted:
		return 0, errEncrypted
	case magic:
	default:
		return 0, ErrNotParquet
	}
	n := int64(binary.LittleEndian.Uint32(end)) + tailBytes
	switch {
	case n > size-int64(len(magic)):
		return 0, fmt.Errorf("its footer has %d bytes, more than the object", n-tailBytes)
	case n > maxFooter:
		return 0, fmt.Errorf("its footer has %d bytes; more than %d are not read", n-tailBytes, maxFooter)
	}
	return n, nil
}

var errEncrypted = errors.New("it is encrypted")

// Read reads the footer of an object of the given size; tail is the end of the
// object, as long as FooterLength says or longer.
func Read(tail []byte, size int64) (*Footer, error) {
	n, err := FooterLength(tail, size)
	if err != nil {
		return nil, err
	}
	if int64(len(tail)) < n {
		return nil, fmt.Errorf("%d bytes of its footer are missing", n-int64(len(tail)))
	}
	tree, err := decode(tail[int64(len(tail))-n : len(tail)-tailBytes])
	if err != nil {
		return nil, fmt.Errorf("its footer cannot be read: %w", err)
	}
	f := &Footer{tree: tree}
	if tree.get(fileEncryption) != nil {
		return nil, errEncrypted
	}
	if err := f.schema(tree.structs(fileSchema)); err != nil {
		return nil, err
	}
	return f, f.groups(size - n)
}

// Fields of the messages, by the numbers that parquet.thrift gives them.
const (
	fileSchema, fileRows, fileGroups, fileKeyValues, fileCreatedBy, fileOrders, fileEncryption = 2, 3, 4, 5, 6, 7, 8

	groupColumns, groupBytes, groupRows, groupSorting, groupOffset, groupCompressed, groupOrdinal = 1, 2, 3, 4, 5, 6, 7

	chunkFile, chunkOffset, chunkMeta, chunkOffsetIndex, chunkOffsetIndexLength, chunkColumnIndex, chunkColumnIndexLength,
	chunkCrypto, chunkEncrypted = 1, 2, 3, 4, 5, 6, 7, 8, 9

	metaPath, metaValues, metaCompressed, metaData, metaIndex, metaDictionary, metaStats, metaBloom, metaBloomLength = 3, 5, 7, 9, 10, 11, 12, 14, 15
)

// groups reads the row groups, whose chunks must lie before end.
func (f *Footer) groups(end int64) error {
	for i, g := range f.tree.structs(fileGroups) {
		rows, ok := g.integer(groupRows)
		if !ok || rows < 0 || rows > maxRows-f.Rows {
			return fmt.Errorf("row group %d has %d rows", i, rows)
		}
		group := Group{First: f.Rows, Rows: rows}
		columns := g.structs(groupColumns)
		if len(columns) != len(f.Leaves) {
			return fmt.Errorf("row group %d has %d columns, the schema %d", i, len(columns), len(f.Leaves))
		}
		for j := range columns {
			c, err := f.chunk(&columns[j], j, end)
			if err != nil {
				return fmt.Errorf("row group %d, column %s: %w", i, strings.Join(f.Leaves[j].Path, "."), err)
			}
			group.Chunks = append(group.Chunks, c)
		}
		f.Groups = append(f.Groups, group)
		f.Rows += rows
	}
	return nil
}

func (f *Footer) chunk(c *value, leaf int, end int64) (Chunk, error) {
	meta := c.get(chunkMeta)
	switch {
	case len(c.bytes(chunkFile)) > 0:
		return Chunk{}, errors.New("it lies in another file")
	case c.get(chunkCrypto) != nil || c.get(chunkEncrypted) != nil:
		return Chunk{}, errEncrypted
	case meta == nil:
		return Chunk{}, errors.New("nothing is said of it")
	}
	if path := meta.get(metaPath); path == nil || !slices.EqualFunc(path.list, f.Leaves[leaf].Path, func(v value, name string) bool { return bytes.Equal(v.text, []byte(name)) }) {
		return Chunk{}, errors.New("the schema has another column in its place")
	}
	start, ok := meta.integer(metaData)
	length, has := meta.integer(metaCompressed)
	values, counted := meta.integer(metaValues)
	if !ok || !has || !counted || values < 0 {
		return Chunk{}, errors.New("its place is not told")
	}
	if dictionary, ok := meta.integer(metaDictionary); ok && dictionary > 0 && dictionary < start {
		start = dictionary
	}
	if start < int64(len(magic)) || length < 0 || start > end || length > end-start {
		return Chunk{}, fmt.Errorf("it lies outside of the object: %d bytes at %d", length, start)
	}
	data, _ := meta.integer(metaData)
	if data > start+length {
		return Chunk{}, errors.New("its data lies outside of it")
	}
	if oldWriter.Match(f.tree.bytes(fileCreatedBy)) {
		length += min(forgotten, end-start-length)
	}
	return Chunk{Offset: start, Length: length, values: values, stats: meta.get(metaStats)}, nil
}

// oldWriter is parquet-mr before 1.2.9, which left the header of the
// dictionary out when it counted a chunk's bytes (PARQUET-816).
var oldWriter = regexp.MustCompile(`^parquet-mr($| version (0|1\.[01]|1\.2(\.[0-8])?)([^.0-9]|$))`)

// forgotten is more than such a header takes.
const forgotten = 100
