// Package yamlfile reads a user's YAML file into Go structs, strictly: every
// problem of the file is reported at once, each with its place, its line and
// what to do about it. It also describes the same structs as JSON Schema, so
// that editors and the decoder agree on what a file may say.
//
// It knows no file of Tidemark in particular: what the keys are is said by
// structs with `yaml:"name"` tags elsewhere. It never writes YAML.
package yamlfile

import (
	"errors"
	"reflect"

	"tidemark.dev/tidemark/engine"
)

// MaxSize is the largest file that is read, in bytes. Files that people write
// are far below it; the bound keeps a hostile one from costing more than a
// moment.
const MaxSize = 1 << 20

// Decoder says how one file is read. The zero value reads a whole file.
type Decoder struct {
	// File is the name that errors show.
	File string
	// LineOffset is added to every line: the number of lines of File before
	// the first line of the YAML, when it is embedded in something else.
	LineOffset int
	// Expand, if set, replaces the text of every scalar value (keys are left
	// alone) before it is interpreted.
	Expand func(engine.Text) (string, error)
	// Unknown, if set, says which scalars stand for something that is not
	// known here. They are read as the text they are; where a number, a word
	// from a list or the like is wanted, nothing is read and nothing is wrong.
	Unknown func(string) bool
}

// Decode reads src, a whole file, into the struct or map that out points to.
// The error joins an *engine.Error of kind Invalid for every problem found.
func Decode(file string, src []byte, out any) error {
	return Decoder{File: file}.Decode(src, out)
}

// DecodeAt reads YAML that is embedded in a file after lineOffset lines, such
// as the front matter of a notebook. Positions are those of the file.
func DecodeAt(file string, lineOffset int, src []byte, out any) error {
	return Decoder{File: file, LineOffset: lineOffset}.Decode(src, out)
}

// Decode reads src into what out points to. Keys that the file does not
// mention keep the value that out came with.
func (d Decoder) Decode(src []byte, out any) error {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic("yamlfile: Decode needs a pointer")
	}
	p := newProblems(d, src)
	root := parse(p, src)
	if root != nil {
		w := walker{problems: p, expand: d.Expand, unknown: d.Unknown}
		w.value("", root, v.Elem())
	}
	return errors.Join(p.list...)
}
