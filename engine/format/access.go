package format

import (
	"path"
	"strings"
)

// access is the log of a web server: Apache's and nginx's common and combined
// formats, with a virtual host before or more fields behind.
var access = &Kind{
	Name: "access", Title: "web servers' access logs",
	Key: pattern(`access[._-]?log`),
	Envelope: Origins{
		Time: "the time in brackets", Service: "the virtual host, else the object's name up to its first dot",
		Level: "status: 5xx ERROR, 4xx WARN, else INFO", Message: "the request line",
	},
	line: func(line []byte) bool {
		f, _ := fieldsOf(string(line))
		at := accessTime(f)
		return at > 0 && len(f) > at+3 && (len(f[at+2]) == 3 || noValue(f[at+2]))
	},
	sure: 0.95, says: "lines of an address, two names, a time in brackets, a request in quotes and a status",
	repeats: true,
	decoder: func(h Hint) decodeFunc {
		name := objectName(h.Key)
		return func(raw []byte, out *sink) { decodeAccess(raw, out, name) }
	},
}

// accessTime is the place of the time: the fourth field, or the fifth behind a
// virtual host.
func accessTime(f []string) int {
	for at := 3; at <= 4 && at < len(f); at++ {
		if !clfTime(f[at]).IsZero() {
			return at
		}
	}
	return -1
}

var accessColumns = columnsOf(`client_ip ident user time request status# bytes# referer user_agent`)

func decodeAccess(raw []byte, out *sink, service string) {
	f, closed := fieldsOf(string(raw))
	at := accessTime(f)
	if !closed || at < 0 || len(f) < at+4 {
		out.problem(raw, wrongColumns("an access log", len(f)))
		return
	}
	host := ""
	if at == 4 {
		host, f = f[0], f[1:]
		service, _, _ = strings.Cut(host, ":")
	}
	t := clfTime(f[3])
	e := out.begin()
	e.head(t, service, statusLevel(f[5]), dash(f[4]))
	e.exactTime("time", f[3], strings.HasSuffix(f[3], " +0000"))
	e.text("virtual_host", host)
	e.request(f[4])
	e.putAll(accessColumns, f, 3, 4)
	out.add(e)
}

// objectName is an object's name up to its first dot: what stands in for a
// service where the records name none.
func objectName(key string) string {
	if key == "" {
		return ""
	}
	name, _, _ := strings.Cut(path.Base(strings.ReplaceAll(key, `\`, "/")), ".")
	return name
}
