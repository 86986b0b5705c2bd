package workspace

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Model is a file in models/: a query whose rows are kept as a dataset of the
// file's name. What it says of itself stands in comments at its beginning,
// between two lines "-- ---".
type Model struct {
	At        yamlfile.At
	Name      string        `yaml:"-"`
	File      string        `yaml:"-"`
	SQL       string        `yaml:"-"`
	Refresh   Refresh       `yaml:"refresh" doc:"When it is brought up to date: on_change, manual, or a time such as 1h."`
	Partition time.Duration `yaml:"partition" doc:"The event time of one part, such as 1h: only parts whose records changed are computed. Without it all is."`
	Last      int           `yaml:"last" doc:"With partition: only the newest so many parts are ever computed again."`
	Retention time.Duration `yaml:"retention" doc:"How long parts are kept, before the newest one; 0 is forever."`
}

// Refresh is when a model is brought up to date.
type Refresh struct {
	// OnChange and Manual exclude each other; Every is set in neither case.
	OnChange, Manual bool
	Every            time.Duration
}

// SetScalar reads on_change, manual or a time.
func (r *Refresh) SetScalar(t engine.Text) error {
	switch t.Value {
	case "on_change":
		*r = Refresh{OnChange: true}
	case "manual":
		*r = Refresh{Manual: true}
	default:
		d, err := engine.ParseDuration(t.Value)
		if err != nil || d < time.Minute {
			e := t.At(0, "refresh: %q is not when", t.Value)
			return e.WithHint("write on_change, manual, or a time of at least a minute: 1h")
		}
		*r = Refresh{Every: d}
	}
	return nil
}

// String writes it as the file has it.
func (r Refresh) String() string {
	switch {
	case r.OnChange:
		return "on_change"
	case r.Manual:
		return "manual"
	}
	return engine.FormatDuration(r.Every)
}

const modelFence = "---"

// DecodeModel reads a model file.
func DecodeModel(file string, src []byte) (Model, error) {
	m := Model{Name: strings.TrimSuffix(path.Base(file), ".sql"), File: file, SQL: string(src), Refresh: Refresh{OnChange: true}}
	if !datasetName.MatchString(m.Name) || slices.Contains(reservedNames, strings.ToLower(m.Name)) {
		e := engine.Errorf(engine.Invalid, "", "%s cannot be the name of a dataset", m.Name).WithHint("use letters, digits and _, beginning with a letter")
		e.File = file
		return m, e
	}
	front, offset := modelFront(string(src))
	if front == "" {
		return m, nil
	}
	d := yamlfile.Decoder{File: file, LineOffset: offset}
	if err := d.Decode([]byte(front), &m); err != nil {
		return m, err
	}
	return m, m.validate()
}

// modelFront gives the comments between the fences as YAML whose columns are
// those of the file, and how many lines stand before it.
func modelFront(src string) (yaml string, offset int) {
	lines := strings.Split(src, "\n")
	var out []string
	begun := -1
	for i, line := range lines {
		text, comment := strings.CutPrefix(strings.TrimRight(line, "\r "), "--")
		switch {
		case !comment && (begun >= 0 || strings.TrimSpace(line) != ""):
			return "", 0
		case strings.TrimSpace(text) == modelFence && begun >= 0:
			return strings.Join(out, "\n"), begun + 1
		case strings.TrimSpace(text) == modelFence:
			begun = i
		case begun >= 0:
			out = append(out, "  "+text)
		}
	}
	return "", 0
}

func (m *Model) validate() error {
	var problems []error
	wrong := func(key, hint, format string, args ...any) {
		at := m.At.Value(key)
		e := engine.Errorf(engine.Invalid, "", format, args...)
		e.File, e.Line, e.Column, e.Excerpt = at.File, at.Line, at.Column, at.Excerpt
		problems = append(problems, e.WithHint("%s", hint))
	}
	if m.Partition != 0 && !whole(m.Partition, time.Minute) {
		wrong("partition", "write 1h or 1d", "partition: %s is not whole minutes", engine.FormatDuration(m.Partition))
	}
	if m.Partition == 0 && (m.Last != 0 || m.Retention != 0) {
		key := "last"
		if m.Last == 0 {
			key = "retention"
		}
		wrong(key, "add partition: 1h", "%s: the model has no parts", key)
	}
	if m.Last < 0 {
		wrong("last", "write 3", "last: want at least 1")
	}
	return errors.Join(problems...)
}

// ReadModel reads a model file of the workspace.
func (w *Workspace) ReadModel(file string) (Model, error) {
	src, err := os.ReadFile(w.Path(file))
	if err != nil {
		return Model{}, engine.Errorf(engine.NotFound, "read a model", "%w", err).WithHint("tidemark models list shows the models there are")
	}
	return DecodeModel(file, src)
}
