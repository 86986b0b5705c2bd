package format

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// cloudFront is the standard log of CloudFront, legacy and v2: lines under a
// header (w3c), the same lines without one (plain, of all the legacy fields),
// or objects.
var cloudFront = &Kind{
	Name: "cloudfront", Title: "CloudFront logs",
	Key: pattern(`(?:^|/)[A-Z0-9]{10,16}\.\d{4}-\d\d-\d\d-\d\d\.[0-9a-f]{8}\b|/CloudFront/`),
	Envelope: Origins{
		Time: "date and time, or timestamp(ms)", Service: "x_host_header, else cs_host", Level: "sc_status: 5xx ERROR, 4xx WARN, else INFO",
		Message: "cs_method and cs_uri_stem",
	},
	header: func(line []byte) bool { return w3cLine(line, true) || edgeObject(line) || edgeLine().Match(line) },
	sure:   0.98, says: "#Fields: with x-edge-… fields, or such lines or objects without it",
	repeats: true,
	decoder: func(Hint) decodeFunc { return (&edgeDecoder{w3cDecoder{columns: edgeColumns}}).decode },
	columns: func(names map[string]bool) bool {
		return names["x_edge_location"] || names["x_edge_request_id"] || names["x_edge_result_type"]
	},
	row: w3cHead,
}

// edgeLine is a line without a header: date, time and an edge location.
var edgeLine = pattern(`^\d{4}-\d\d-\d\d\t\d\d:\d\d:\d\d\t[A-Z]{3}\d+(?:-[A-Z]+\d+)?\t`)

// edgeColumns are the fields of the legacy log, which v2 has by default.
var edgeColumns = func() (out []column) {
	for _, f := range strings.Fields(`date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)
		cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol
		ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte
		x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end`) {
		name := plainName(f)
		out = append(out, column{name, w3cNumbers[name]})
	}
	return out
}()

// edgeObject reports whether a line is a record of CloudFront as an object.
func edgeObject(line []byte) bool {
	if line[0] != '{' {
		return false
	}
	for m := range headMembers(line) {
		switch m.name {
		case "x-edge-location", "x-edge-request-id", "x-edge-result-type":
			return true
		}
	}
	return false
}

type edgeDecoder struct{ w3cDecoder }

func (d *edgeDecoder) decode(raw []byte, out *sink) {
	if raw[0] != '{' {
		d.w3cDecoder.decode(raw, out)
		return
	}
	if !json.Valid(raw) {
		out.problem(raw, "the line is no JSON object, as those around it")
		return
	}
	e := out.begin()
	w3cHead(e, func(name string) (value string) {
		for m := range members(raw) {
			if plainName(m.name) == name {
				value = dash(scalarOf(m.value))
			}
		}
		return value
	})
	for m := range members(raw) {
		c := column{plainName(m.name), w3cNumbers[plainName(m.name)]}
		if m.value[0] == '"' {
			e.put(c, unquoted(m.value))
		} else {
			e.raw(c.name, m.value)
		}
	}
	out.add(e)
}

// w3c is the extended log format of the W3C, as IIS and others write it.
var w3c = &Kind{
	Name: "w3c", Title: "W3C extended logs",
	Envelope: Origins{
		Time: "date and time", Service: "cs_host, else s_sitename, else s_computername, else the object's name up to its first dot", Level: "sc_status: 5xx ERROR, 4xx WARN, else INFO",
		Message: "cs_method and cs_uri_stem",
	},
	header: func(line []byte) bool { return w3cLine(line, false) },
	sure:   0.9, says: "#Fields: and lines of as many fields",
	repeats: true,
	decoder: func(h Hint) decodeFunc { return (&w3cDecoder{object: objectName(h.Key)}).decode },
}

// w3cLine reports whether a line is the header of such a log, with or without
// fields that only CloudFront has.
func w3cLine(line []byte, edge bool) bool {
	if fields, ok := bytes.CutPrefix(line, []byte("#Fields:")); ok {
		return bytes.Contains(fields, []byte(" x-edge-")) == edge && len(bytes.Fields(fields)) > 1
	}
	return false
}

type w3cDecoder struct {
	columns []column
	fields  string // the line that named them
	date    string // of #Date, for logs whose lines have none
	object  string // the service, where there is no other
}

// w3cNumbers are the fields that are numbers, by their plain name.
var w3cNumbers = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(`sc_bytes cs_bytes sc_status time_taken c_port time_to_first_byte sc_content_len sc_range_start sc_range_end
		fle_encrypted_fields sc_substatus sc_win32_status s_port asn origin_fbl origin_lbl timestamp_ms`) {
		out[name] = true
	}
	return out
}()

// plainName makes a header's name one that needs no quotes in SQL, as AWS does
// for Parquet: cs(User-Agent) is cs_user_agent.
func plainName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case r == ')':
		default:
			b.WriteByte('_')
		}
	}
	return strings.Trim(b.String(), "_")
}

func (d *w3cDecoder) header(line string) {
	name, value, _ := strings.Cut(line, ":")
	switch value = strings.TrimSpace(value); name {
	case "#Fields":
		d.columns, d.fields = nil, line
		for _, f := range strings.Fields(value) {
			plain := plainName(f)
			d.columns = append(d.columns, column{plain, w3cNumbers[plain]})
		}
	case "#Date":
		d.date, _, _ = strings.Cut(value, " ")
	}
}

// head are the lines that say what the fields of those below are.
func (d *w3cDecoder) head() string {
	if d.date == "" {
		return d.fields
	}
	return "#Date: " + d.date + "\n" + d.fields
}

func (d *w3cDecoder) decode(raw []byte, out *sink) {
	line := string(raw)
	if line[0] == '#' {
		d.header(line)
		return
	}
	f := strings.Split(line, "\t")
	if len(f) == 1 {
		f, _ = fieldsOf(line)
	}
	if len(d.columns) == 0 || len(f) < len(d.columns) {
		out.problemUnder(d.head(), raw, wrongColumns("the #Fields of its header", len(f)))
		return
	}
	e := out.begin()
	w3cHead(e, func(name string) string {
		for i, c := range d.columns {
			if c.name == name {
				return dash(f[i])
			}
		}
		switch name {
		case "date":
			return d.date
		case "":
			return d.object
		}
		return ""
	})
	e.putAll(d.columns, f)
	out.add(e)
}

// w3cHead fills the envelope from fields by their plain names.
func w3cHead(e *event, get func(name string) string) {
	t := epoch(get("timestamp_ms"), time.Millisecond)
	if t.IsZero() {
		t = rfc3339(get("date") + " " + strings.Trim(get("time"), `"`))
	}
	if t.IsZero() {
		t = anyEpoch(get("timestamp"))
	}
	message := strings.TrimSpace(get("cs_method") + " " + get("cs_uri_stem"))
	service := ""
	for _, name := range [...]string{"x_host_header", "cs_host", "s_sitename", "s_computername", ""} {
		if service == "" {
			service = get(name)
		}
	}
	level := ""
	if status := get("sc_status"); status != "" {
		level = statusLevel(status)
	}
	e.head(t, service, level, message)
}
