package parquet

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/thrift/lib/go/thrift"
)

// Cut is a small Parquet file made of some columns and neighbouring row groups
// of a large one: their bytes as they are, one after the other, and a footer
// that knows nothing else. So the decoder cannot ask for what is not there.
type Cut struct {
	// First is the number of its first row in the object, Rows how many it has.
	First, Rows int64
	Pieces      []Piece
	// Tail is what stands in the cut from TailAt on: its footer.
	Tail   []byte
	TailAt int64
}

// Piece is a part of an object and where it goes in a cut: Length bytes from
// Offset on, to At.
type Piece struct {
	Offset, Length int64
	At             int64
}

// Size is how long the file is.
func (c *Cut) Size() int64 { return c.TailAt + int64(len(c.Tail)) }

// Head is what every Parquet file begins with.
const Head = magic

// Cuts makes cuts of some leaves and row groups, both in order: one for each
// run of neighbouring groups, so that a row's number tells where it was.
func (f *Footer) Cuts(leaves, groups []int) ([]Cut, error) {
	var out []Cut
	for len(groups) > 0 {
		n := 1
		for n < len(groups) && groups[n] == groups[n-1]+1 {
			n++
		}
		c, err := f.cut(leaves, groups[:n])
		if err != nil {
			return nil, err
		}
		out, groups = append(out, c), groups[n:]
	}
	return out, nil
}

// Empty is a cut without rows, for the types of the columns.
func (f *Footer) Empty() (Cut, error) { return f.cut(f.All(), nil) }

func (f *Footer) cut(leaves, groups []int) (Cut, error) {
	c := Cut{TailAt: int64(len(magic))}
	var made []value
	for i, g := range groups {
		if i == 0 {
			c.First = f.Groups[g].First
		}
		c.Rows += f.Groups[g].Rows
		made = append(made, c.group(f, g, leaves))
	}
	tree := f.tree.shallow()
	tree.drop(fileKeyValues)
	tree.set(fileRows, long(c.Rows))
	tree.set(fileGroups, value{kind: thrift.LIST, elem: thrift.STRUCT, list: made})
	tree.set(fileSchema, value{kind: thrift.LIST, elem: thrift.STRUCT, list: f.keep(leaves)})
	if orders := tree.structs(fileOrders); len(orders) == len(f.Leaves) {
		kept := make([]value, len(leaves))
		for i, l := range leaves {
			kept[i] = orders[l]
		}
		tree.set(fileOrders, value{kind: thrift.LIST, elem: thrift.STRUCT, list: kept})
	}
	slices.SortFunc(tree.fields, func(a, b field) int { return int(a.id) - int(b.id) })
	footer, err := encode(tree)
	if err != nil {
		return c, fmt.Errorf("write its footer: %w", err)
	}
	c.Tail = binary.LittleEndian.AppendUint32(footer, uint32(len(footer)))
	c.Tail = append(c.Tail, magic...)
	return c, nil
}

// group gives the chunks of a row group their places in the cut, and says so
// in a copy of what the footer said of it.
func (c *Cut) group(f *Footer, g int, leaves []int) value {
	from := f.tree.structs(fileGroups)[g].shallow()
	columns := from.structs(groupColumns)
	list := make([]value, len(leaves))
	start, uncut := c.TailAt, int64(0)
	for i, l := range leaves {
		chunk := f.Groups[g].Chunks[l]
		list[i] = moved(columns[l], c.TailAt-chunk.Offset)
		if chunk.Length > 0 {
			c.Pieces = append(c.Pieces, Piece{chunk.Offset, chunk.Length, c.TailAt})
		}
		c.TailAt += chunk.Length
		uncut += chunk.Length
	}
	from.drop(groupSorting, groupOrdinal)
	from.set(groupColumns, value{kind: thrift.LIST, elem: thrift.STRUCT, list: list})
	from.set(groupOffset, long(start))
	from.set(groupCompressed, long(uncut))
	slices.SortFunc(from.fields, func(a, b field) int { return int(a.id) - int(b.id) })
	return from
}

// moved is what is said of a chunk that lies elsewhere by so many bytes. Its
// indexes and bloom filter are left behind.
func moved(chunk value, by int64) value {
	out := chunk.shallow()
	out.drop(chunkOffsetIndex, chunkOffsetIndexLength, chunkColumnIndex, chunkColumnIndexLength)
	meta := out.get(chunkMeta).shallow()
	meta.drop(metaIndex, metaBloom, metaBloomLength)
	data, _ := meta.integer(metaData)
	start := data
	if dictionary, ok := meta.integer(metaDictionary); ok && dictionary > 0 && dictionary < data {
		start = dictionary
		meta.set(metaDictionary, long(dictionary+by))
	} else {
		meta.drop(metaDictionary)
	}
	meta.set(metaData, long(data+by))
	out.set(chunkMeta, meta)
	out.set(chunkOffset, long(start+by))
	return out
}

// keep is the schema with some leaves and what leads to them.
func (f *Footer) keep(leaves []int) []value {
	children := make([]int64, len(f.nodes))
	wanted := make([]bool, len(f.nodes))
	wanted[0] = true
	for _, l := range leaves {
		for at := f.Leaves[l].node; at > 0 && !wanted[at]; at = f.nodes[at].parent {
			wanted[at] = true
			children[f.nodes[at].parent]++
		}
	}
	var out []value
	for i, e := range f.tree.structs(fileSchema) {
		if !wanted[i] {
			continue
		}
		e = e.shallow()
		if f.nodes[i].leaf < 0 {
			e.set(elementChildren, value{kind: thrift.I32, number: children[i]})
		}
		out = append(out, e)
	}
	return out
}
