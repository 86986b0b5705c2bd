package format

import (
	"strconv"
	"strings"
)

// Lines of columns: fields apart by blanks, some in quotes or brackets, each
// known by its place. `-` is no value.

// fieldsOf splits a line at single spaces. A field in quotes ends at the quote
// that a space follows, one in brackets at the bracket; both are left out, and
// may hold spaces. Closed is false when a quote or a bracket stays open.
func fieldsOf(line string) (fields []string, closed bool) {
	fields = make([]string, 0, 32)
	for line != "" {
		var field string
		var ok bool
		switch line[0] {
		case ' ':
			line = line[1:]
			continue
		case '"':
			field, line, ok = quotedField(line)
		case '[':
			field, line, ok = bracketed(line)
		default:
			field, line, _ = strings.Cut(line, " ")
			ok = true
		}
		if !ok {
			return fields, false
		}
		fields = append(fields, field)
	}
	return fields, true
}

// bracketed takes the field in brackets that line begins with; brackets around
// a part of a field, as an IPv6 address has, belong to it.
func bracketed(line string) (field, rest string, ok bool) {
	end := strings.IndexByte(line, ']')
	if end >= 0 && end+1 < len(line) && line[end+1] != ' ' {
		field, rest, _ = strings.Cut(line, " ")
		return field, rest, true
	}
	if end < 0 {
		return "", line, false
	}
	return line[1:end], strings.TrimPrefix(line[end+1:], " "), true
}

// quotedField takes the field in quotes that line begins with. What is escaped
// by a backslash stays as it is written. Quotes inside that nobody escaped are
// told by the space before the first of a pair.
func quotedField(line string) (field, rest string, ok bool) {
	open := 1
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			switch {
			case i+1 == len(line) || line[i+1] == ' ':
				if open--; open == 0 || i+1 == len(line) {
					return line[1:i], strings.TrimPrefix(line[i+1:], " "), true
				}
			case i > 1 && line[i-1] == ' ':
				open++
			}
		}
	}
	return "", line, false
}

// column is one place of a line.
type column struct {
	name   string
	number bool
}

// columnsOf reads a list of names; those that end in # are numbers.
func columnsOf(list string) []column {
	var out []column
	for _, name := range strings.Fields(list) {
		bare, number := strings.CutSuffix(name, "#")
		out = append(out, column{bare, number})
	}
	return out
}

// noValue reports whether a field stands for none.
func noValue(field string) bool { return field == "-" || field == "" }

// put writes a field under its column.
func (e *event) put(c column, field string) {
	switch {
	case noValue(field):
	case c.number:
		e.number(c.name, field)
	default:
		e.text(c.name, field)
	}
}

// putAll writes the fields of a line under their columns but for those in
// done; what has no column becomes col_N, counted from 1.
func (e *event) putAll(columns []column, fields []string, done ...int) {
	for i, field := range fields {
		switch {
		case has(done, i):
		case i < len(columns):
			e.put(columns[i], field)
		case !noValue(field):
			e.text("col_"+strconv.Itoa(i+1), field)
		}
	}
}

func has(list []int, i int) bool {
	for _, n := range list {
		if n == i {
			return true
		}
	}
	return false
}

// hostPort writes an address and its port as two members.
func (e *event) hostPort(name, field string) {
	if noValue(field) {
		return
	}
	i := strings.LastIndexByte(field, ':')
	if i <= 0 {
		e.text(name+"_ip", field)
		return
	}
	e.text(name+"_ip", strings.Trim(field[:i], "[]"))
	if port := field[i+1:]; !noValue(port) {
		e.number(name+"_port", port)
	}
}

// request writes the parts of an HTTP request line.
func (e *event) request(line string) {
	method, rest, ok := strings.Cut(line, " ")
	if !ok || noValue(method) {
		return
	}
	i := strings.LastIndexByte(rest, ' ')
	if i < 0 || !strings.HasPrefix(rest[i+1:], "HTTP/") {
		i = len(rest)
	}
	e.text("request_method", method)
	if url := strings.TrimSpace(rest[:i]); url != "-" {
		e.text("request_url", url)
	}
	if i < len(rest) {
		e.text("request_protocol", rest[i+1:])
	}
}

// exactTime writes what event_time cannot say of the text it was read from.
func (e *event) exactTime(name, text string, utc bool) {
	if !utc {
		e.text(name, text)
	}
}

// dash gives "" for a field without a value.
func dash(field string) string {
	if field == "-" {
		return ""
	}
	return field
}

// wrongColumns is the reason of a line that does not have its format's columns.
func wrongColumns(title string, got int) string {
	return "the line does not have the columns of " + title + ": it has " + strconv.Itoa(got)
}
