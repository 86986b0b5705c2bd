package workspace

import (
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// MappingSpec is where a dataset finds its event time, envelope and labels:
// paths in the raw record. "" leaves what is there, and so do nil labels.
type MappingSpec struct {
	EventTime string   `json:"event_time,omitempty" doc:"The path that says when it happened."`
	Service   string   `json:"service,omitempty"`
	Level     string   `json:"level,omitempty"`
	Message   string   `json:"message,omitempty"`
	TraceID   string   `json:"trace_id,omitempty"`
	SpanID    string   `json:"span_id,omitempty"`
	Labels    []string `json:"labels,omitempty" doc:"All paths that become labels."`
}

// Mapping is the mapping that the file gives a dataset.
func (d Dataset) Mapping() MappingSpec {
	e := d.Envelope
	return MappingSpec{d.EventTime, e.Service, e.Level, e.Message, e.TraceID, e.SpanID, d.Labels}
}

// Set puts the path of one column, or another label, into the mapping.
func (m *MappingSpec) Set(column, path string) error {
	columns := map[string]*string{
		"event_time": &m.EventTime, "service": &m.Service, "level": &m.Level, "message": &m.Message, "trace_id": &m.TraceID, "span_id": &m.SpanID,
	}
	to, known := columns[column]
	switch {
	case path == "":
		return engine.Errorf(engine.Invalid, "map "+column, "there is no path").WithHint("write %s=PATH, the path in the raw record", column)
	case column == "label":
		m.Labels = append(m.Labels, path)
	case known:
		*to = path
	default:
		names := []string{"event_time", "service", "level", "message", "trace_id", "span_id", "label"}
		e := engine.Errorf(engine.Invalid, "map "+column, "nothing is mapped to %s", column)
		if near := engine.Nearest(column, names); near != "" {
			return e.WithHint("did you mean %s?", near)
		}
		return e.WithHint("there are %s", strings.Join(names, ", "))
	}
	return nil
}

// Over is the mapping with what to says in place of what it has.
func (m MappingSpec) Over(to MappingSpec) MappingSpec {
	for _, p := range [][2]*string{
		{&m.EventTime, &to.EventTime},
		{&m.Service, &to.Service},
		{&m.Level, &to.Level},
		{&m.Message, &to.Message},
		{&m.TraceID, &to.TraceID},
		{&m.SpanID, &to.SpanID},
	} {
		if *p[1] != "" {
			*p[0] = *p[1]
		}
	}
	if to.Labels != nil {
		m.Labels = to.Labels
	}
	return m
}

func (m MappingSpec) equal(n MappingSpec) bool {
	return m.EventTime == n.EventTime && slices.Equal(m.envelope(), n.envelope()) && slices.Equal(m.Labels, n.Labels)
}

// yaml writes the mapping as the members of a dataset, on one line.
func (m MappingSpec) yaml() string {
	var out []string
	if m.EventTime != "" {
		out = append(out, "event_time: "+quoted(m.EventTime))
	}
	var envelope []string
	for _, e := range m.envelope() {
		if e[1] != "" {
			envelope = append(envelope, e[0]+": "+quoted(e[1]))
		}
	}
	if len(envelope) > 0 {
		out = append(out, "envelope: {"+strings.Join(envelope, ", ")+"}")
	}
	if len(m.Labels) > 0 {
		out = append(out, "labels: ["+quotedList(m.Labels)+"]")
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// Columns lists what is mapped, and to which path.
func (m MappingSpec) Columns() [][2]string {
	var out [][2]string
	for _, e := range append([][2]string{{"event_time", m.EventTime}}, m.envelope()...) {
		if e[1] != "" {
			out = append(out, e)
		}
	}
	for _, l := range m.Labels {
		out = append(out, [2]string{"label", l})
	}
	return out
}

func (m MappingSpec) envelope() [][2]string {
	return [][2]string{{"service", m.Service}, {"level", m.Level}, {"message", m.Message}, {"trace_id", m.TraceID}, {"span_id", m.SpanID}}
}

// WithMapping changes the mapping of a dataset in tidemark.yaml and leaves
// everything else as it is, comments and order too.
func WithMapping(text []byte, dataset string, to MappingSpec) ([]byte, error) {
	const op = "edit the mapping"
	if !datasetName.MatchString(dataset) {
		return nil, engine.Errorf(engine.Invalid, op, "%q cannot be a dataset's name", dataset)
	}
	before, err := decodeConfig(FileName, text, nil)
	if err != nil {
		return nil, err
	}
	want := before.Dataset(dataset).Mapping().Over(to)
	out, ok := mapInto(string(text), dataset, to)
	after, err := decodeConfig(FileName, []byte(out), nil)
	if ok && err != nil {
		return nil, err
	}
	if !ok || !after.Dataset(dataset).Mapping().equal(want) || len(after.Sources) != len(before.Sources) || !othersAs(before, after, dataset) {
		return nil, engine.Errorf(engine.Inexpressible, op, "datasets.%s in %s is written in a way that cannot be changed here", dataset, FileName).
			WithHint("write there: %s", to.yaml())
	}
	return []byte(out), nil
}

// othersAs reports whether no other dataset, which may refer to this one's
// text, was changed with it.
func othersAs(before, after Config, dataset string) bool {
	for _, e := range before.Datasets {
		if name := e.Key.Value; name != dataset && !after.Dataset(name).Mapping().equal(e.Value.Mapping()) {
			return false
		}
	}
	return len(after.Datasets) >= len(before.Datasets)
}

// mapInto edits the text, one place after the other.
func mapInto(text, dataset string, to MappingSpec) (string, bool) {
	config, err := decodeConfig(FileName, []byte(text), nil)
	if err != nil {
		return "", false
	}
	if !slices.ContainsFunc(config.Datasets, func(e engine.Entry[Dataset]) bool { return e.Key.Value == dataset }) {
		return insertEntry(text, "datasets", dataset+": "+to.yaml())
	}
	ok := true
	edit := func(key, value string, of func(d *Dataset) *at) {
		now, err := decodeConfig(FileName, []byte(text), nil)
		if err != nil || !ok {
			ok = false
			return
		}
		d := now.Dataset(dataset)
		text, ok = setMember(text, of(&d), key, value)
	}
	inDataset := func(d *Dataset) *at { return &d.At }
	if to.EventTime != "" {
		edit("event_time", quoted(to.EventTime), inDataset)
	}
	for _, e := range to.envelope() {
		if e[1] == "" || !ok {
			continue
		}
		if now, _ := decodeConfig(FileName, []byte(text), nil); now.Dataset(dataset).At.Has("envelope") {
			edit(e[0], quoted(e[1]), func(d *Dataset) *at { return &d.Envelope.At })
		} else {
			edit("envelope", "{"+e[0]+": "+quoted(e[1])+"}", inDataset)
		}
	}
	if to.Labels != nil {
		edit("labels", "["+quotedList(to.Labels)+"]", inDataset)
	}
	return text, ok
}
