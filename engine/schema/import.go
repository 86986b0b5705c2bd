package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tidemark.dev/tidemark/engine"
)

// Import reads a dataset's body from a JSON Schema (drafts 4 to 2020-12) or an
// Avro record schema, whichever the file is. References inside of the file are
// followed; nothing else is ever read.
func Import(src []byte) (engine.Type, error) {
	var kind struct {
		Type json.RawMessage `json:"type"`
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if err := json.Unmarshal(src, &kind); err != nil {
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it is not a JSON object: %w", err).
			WithHint("give a JSON Schema or an Avro schema of a record")
	}
	read := importJSONSchema
	if string(kind.Type) == `"record"` {
		read = importAvro
	}
	i := &importer{}
	t, err := read(i, src)
	switch {
	case err != nil:
		return engine.Type{}, err
	case i.err != nil:
		return engine.Type{}, i.err
	case t.Kind != engine.Struct:
		return engine.Type{}, engine.Errorf(engine.Invalid, "import a schema", "it does not describe an object")
	}
	return t, nil
}

// importer keeps the first thing that cannot be expressed.
type importer struct{ err error }

func (i *importer) refuse(at, format string, args ...any) engine.Type {
	if i.err == nil {
		if at == "" {
			at = "/"
		}
		i.err = engine.Errorf(engine.Inexpressible, "import a schema", "at %s: %s", at, fmt.Sprintf(format, args...)).
			WithHint("a path has one type; give it one, or leave it out and let it be found in the data")
	}
	return engine.Type{}
}

// fields makes a struct, if a table can have its names.
func (i *importer) fields(at string, fields []engine.Field) engine.Type {
	names := map[string]string{}
	for _, f := range fields {
		other, taken := names[fold(f.Name)]
		switch {
		case f.Name == "":
			return i.refuse(at, "an empty name cannot be a column")
		case taken:
			return i.refuse(at, "%s differs only by case from %s", f.Name, other)
		}
		names[fold(f.Name)] = f.Name
	}
	return engine.Type{Kind: engine.Struct, Fields: fields}
}
