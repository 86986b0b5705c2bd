package workspace

import (
	"encoding/json"
	"regexp"
	"strings"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// SourceSpec is a source to be written into tidemark.yaml.
type SourceSpec struct {
	Type      string `json:"type" enum:"s3,file"`
	Dataset   string `json:"dataset"`
	URL       string `json:"url,omitempty"`
	Path      string `json:"path,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"`
	Region    string `json:"region,omitempty"`
	PathStyle bool   `json:"path_style,omitempty"`
	Format    string `json:"format,omitempty"`
	// Profile and RoleARN say whose credentials are used; Include and Exclude
	// choose objects by name.
	Profile string   `json:"profile,omitempty"`
	RoleARN string   `json:"role_arn,omitempty"`
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
}

// Source is the source as it would be read.
func (s SourceSpec) Source(name string) Source {
	out := Source{
		Type: s.Type, Dataset: s.Dataset, URL: s.URL, Path: s.Path,
		Endpoint: s.Endpoint, Region: s.Region, PathStyle: s.PathStyle, Format: s.Format,
		Profile: s.Profile, RoleARN: s.RoleARN, Include: s.Include, Exclude: s.Exclude,
	}
	out.fill(name)
	return out
}

// yaml writes the source as a mapping on one line.
func (s SourceSpec) yaml() string {
	parts := []string{"type: " + s.Type}
	for _, p := range [][2]string{
		{"url", s.URL},
		{"path", s.Path},
		{"endpoint", s.Endpoint},
		{"region", s.Region},
		{"profile", s.Profile},
		{"role_arn", s.RoleARN},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+": "+quoted(p[1]))
		}
	}
	for _, l := range []struct {
		key  string
		list []string
	}{{"include", s.Include}, {"exclude", s.Exclude}} {
		if len(l.list) > 0 {
			parts = append(parts, l.key+": ["+quotedList(l.list)+"]")
		}
	}
	if s.PathStyle {
		parts = append(parts, "path_style: true")
	}
	if s.Format != "" {
		parts = append(parts, "format: "+quoted(s.Format))
	}
	return "{" + strings.Join(append(parts, "dataset: "+quoted(s.Dataset)), ", ") + "}"
}

var plainWord = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// quoted writes text so that YAML reads the same text back.
func quoted(s string) string {
	if plainWord.MatchString(s) && s != "true" && s != "false" && s != "null" && s != "yes" && s != "no" && s != "on" && s != "off" {
		return s
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // text always can be
	}
	return string(b)
}

func quotedList(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = quoted(s)
	}
	return strings.Join(out, ", ")
}

// WithSource puts a source at the end of those in tidemark.yaml and leaves
// everything else as it is, comments and order too.
func WithSource(text []byte, name string, s SourceSpec) ([]byte, error) {
	const op = "add a source"
	if !sourceName.MatchString(name) {
		return nil, engine.Errorf(engine.Invalid, op, "%q cannot be a source's name", name).WithHint("use letters, digits, - and _")
	}
	var was Config
	d := yamlfile.Decoder{File: FileName, Unknown: hasVariable}
	if err := d.Decode(text, &was); err != nil {
		return nil, err
	}
	if _, taken := was.Source(name); taken {
		return nil, engine.Errorf(engine.Conflict, op, "there is a source %s already", name).WithHint("choose another name")
	}
	out, ok := insertEntry(string(text), "sources", name+": "+s.yaml())
	now, err := decodeConfig(FileName, []byte(out), nil)
	if ok && err != nil {
		return nil, err
	}
	if _, there := now.Source(name); !ok || !there || len(now.Sources) != len(was.Sources)+1 {
		return nil, engine.Errorf(engine.Inexpressible, op, "the sources in %s are written in a way that cannot be added to", FileName).
			WithHint("add this line to them: %s: %s", name, s.yaml())
	}
	return []byte(out), nil
}

// sectionLine is the line of a section whose entries stand below it.
var sectionLine = regexp.MustCompile(`^[a-z]+:[ \t]*(\{\}|~|null)?[ \t]*(#.*)?$`)

// insertEntry puts an entry at the end of the block below a section.
func insertEntry(text, section, entry string) (string, bool) {
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	lines := strings.Split(strings.TrimSuffix(text, end), end)
	at := -1
	for i, l := range lines {
		if !strings.HasPrefix(l, section+":") {
			continue
		}
		if at = i; !sectionLine.MatchString(l) {
			return "", false
		}
	}
	if at < 0 {
		return strings.Join(append(lines, "", section+":", "  "+entry), end) + end, true
	}
	lines[at] = section + ":" + comment(lines[at])
	last, indent := at, ""
	for i := at + 1; i < len(lines); i++ {
		trimmed := strings.TrimLeft(lines[i], " ")
		indented := len(trimmed) < len(lines[i])
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#") && !indented:
			continue
		case !indented:
			i = len(lines)
			continue
		}
		if indent == "" && !strings.HasPrefix(trimmed, "#") {
			indent = lines[i][:len(lines[i])-len(trimmed)]
		}
		last = i
	}
	if indent == "" {
		indent = "  "
	}
	out := append([]string{}, lines[:last+1]...)
	out = append(append(out, indent+entry), lines[last+1:]...)
	return strings.Join(out, end) + end, true
}

func comment(line string) string {
	if i := strings.Index(line, "#"); i >= 0 {
		return " " + line[i:]
	}
	return ""
}
