package parquet

import (
	"errors"
	"fmt"
	"strings"
)

// Fields of SchemaElement, and of the logical types that matter here.
const (
	elementType, elementRepetition, elementName, elementChildren, elementConverted, elementLogical = 1, 3, 4, 5, 6, 10

	repeated = 2

	logicalString, logicalMap, logicalList, logicalEnum, logicalDecimal, logicalDate, logicalTime, logicalTimestamp, logicalInteger = 1, 2, 3, 4, 5, 6, 7, 8, 10
)

// Physical types.
const (
	typeBoolean, typeInt32, typeInt64, typeInt96, typeFloat, typeDouble, typeBytes, typeFixed = 0, 1, 2, 3, 4, 5, 6, 7
)

// Converted types, which came before the logical ones.
const (
	convertedUTF8, convertedMap, convertedMapKeyValue, convertedList, convertedEnum, convertedDate = 0, 1, 2, 3, 4, 6

	convertedMillis, convertedMicros    = 9, 10
	convertedUnsigned8, convertedInt8   = 11, 15
	convertedUnsigned64, convertedInt64 = 14, 18
)

// node is an element of the schema.
type node struct {
	parent int // -1 of the root
	leaf   int // -1 of a group
	name   string
	// whole: it is repeated, a list or a map, and cannot be taken in part.
	whole bool
	// bare says that it is repeated itself.
	bare bool
}

// maxNodes bounds a schema.
const maxNodes = 100_000

// schema reads the elements, which come in depth-first order.
func (f *Footer) schema(elements []value) error {
	if len(elements) < 2 {
		return errors.New("it has no columns")
	}
	if len(elements) > maxNodes {
		return fmt.Errorf("its schema has %d elements; more than %d are not read", len(elements), maxNodes)
	}
	type open struct {
		node int
		left int64
		path []string
	}
	var stack []open
	for i := range elements {
		e := &elements[i]
		children, _ := e.integer(elementChildren)
		if children < 0 || children > int64(len(elements)) {
			return fmt.Errorf("an element of its schema has %d children", children)
		}
		n := node{parent: -1, leaf: -1, name: string(e.bytes(elementName)), whole: i > 0 && wholeElement(e)}
		repetition, _ := e.integer(elementRepetition)
		n.bare = i > 0 && repetition == repeated
		var path []string
		if i > 0 {
			if len(stack) == 0 {
				return errors.New("its schema has elements that belong to nothing")
			}
			top := &stack[len(stack)-1]
			top.left--
			n.parent = top.node
			path = append(top.path[:len(top.path):len(top.path)], n.name)
		}
		f.nodes = append(f.nodes, n)
		switch {
		case children > 0 || i == 0:
			stack = append(stack, open{i, children, path})
		case e.get(elementType) == nil:
			return fmt.Errorf("the group %s of its schema is empty", strings.Join(path, "."))
		default:
			f.nodes[i].leaf = len(f.Leaves)
			f.Leaves = append(f.Leaves, f.leaf(i, e, path))
		}
		for len(stack) > 0 && stack[len(stack)-1].left == 0 {
			stack = stack[:len(stack)-1]
		}
		if len(path) > maxDepth {
			return errDepth
		}
	}
	if len(stack) > 0 {
		return errors.New("its schema ends too early")
	}
	return nil
}

// leaf describes the column that an element is.
func (f *Footer) leaf(i int, e *value, path []string) Leaf {
	l := Leaf{Path: path, node: i, unit: i, kind: kindOf(e)}
	for at := i; at > 0; at = f.nodes[at].parent {
		if f.nodes[at].whole {
			l.unit = at
		}
		l.repeated = l.repeated || f.nodes[at].bare
	}
	return l
}

// wholeElement reports whether an element cannot be taken in part.
func wholeElement(e *value) bool {
	if repetition, _ := e.integer(elementRepetition); repetition == repeated {
		return true
	}
	if logical := e.get(elementLogical); logical != nil && (logical.get(logicalList) != nil || logical.get(logicalMap) != nil) {
		return true
	}
	converted, ok := e.integer(elementConverted)
	return ok && (converted == convertedList || converted == convertedMap || converted == convertedMapKeyValue)
}

// Roots are the names of the columns of a row.
func (f *Footer) Roots() []string {
	var out []string
	for _, n := range f.nodes {
		if n.parent == 0 {
			out = append(out, n.name)
		}
	}
	return out
}

// Select finds the leaves that hold the values of the given paths: of each all
// below it. A path that the file does not have selects nothing. What lists and
// maps hold is taken whole. Names are compared in the way of SQL, in any case.
func (f *Footer) Select(paths [][]string) []int {
	units := map[int]bool{}
	for _, l := range f.Leaves {
		for _, p := range paths {
			if under(l.Path, p) {
				units[l.unit] = true
			}
		}
	}
	var out []int
	for i, l := range f.Leaves {
		if units[l.unit] {
			out = append(out, i)
		}
	}
	return out
}

// under reports whether a path begins with another, or leads to it.
func under(path, prefix []string) bool {
	for i := range min(len(path), len(prefix)) {
		if !strings.EqualFold(path[i], prefix[i]) {
			return false
		}
	}
	return true
}

// All are all leaves.
func (f *Footer) All() []int {
	out := make([]int, len(f.Leaves))
	for i := range out {
		out[i] = i
	}
	return out
}

// Smallest is the unit of leaves that costs least to fetch of some groups:
// what a count of rows needs.
func (f *Footer) Smallest(groups []int) []int {
	cost := map[int]int64{}
	for _, g := range groups {
		for i, c := range f.Groups[g].Chunks {
			cost[f.Leaves[i].unit] += c.Length
		}
	}
	best := f.Leaves[0].unit
	for _, l := range f.Leaves {
		if cost[l.unit] < cost[best] {
			best = l.unit
		}
	}
	var out []int
	for i, l := range f.Leaves {
		if l.unit == best {
			out = append(out, i)
		}
	}
	return out
}
