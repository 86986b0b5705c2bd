package format

import (
	"strings"
	"time"
)

// klog is the text log of Kubernetes' components, and of glog before it. A
// line without its head goes on from the line before, as stack traces do.
var klog = &Kind{
	Name: "klog", Title: "klog and glog",
	Envelope: Origins{
		Time: "month, day and time; the year is the latest that is not after the object's", Service: "the object's name up to its first dot",
		Level: "the letter I, W, E or F", Message: "what follows the bracket, and the lines that go on from it",
	},
	line:   func(line []byte) bool { return klogHead().Match(line) },
	starts: func(line []byte) bool { return klogHead().Match(line) },
	sure:   0.97, says: "lines that begin like I0102 15:04:05.000000",
	decoder: func(h Hint) decodeFunc {
		service := objectName(h.Key)
		return func(raw []byte, out *sink) { decodeKlog(raw, out, h.Modified, service) }
	},
}

var klogHead = pattern(`^([IWEFD])(\d{4}) (\d\d:\d\d:\d\d(?:\.\d{1,9})?) +(\d+) ([^ \]]+):(\d+)\] ?`)

func decodeKlog(raw []byte, out *sink, seen time.Time, service string) {
	m := klogHead().FindSubmatch(raw)
	if m == nil {
		out.problem(raw, "the line does not begin like one of klog, and no line before it does")
		return
	}
	t, err := time.Parse("0102 15:04:05.999999999", string(m[2])+" "+string(m[3]))
	if err != nil {
		out.problem(raw, "its time cannot be read")
		return
	}
	e := out.begin()
	e.head(withYear(t, seen), service, levelOf(string(m[1])), strings.TrimRight(string(raw[len(m[0]):]), "\r\n"))
	e.number("thread", string(m[4]))
	e.text("file", string(m[5]))
	e.number("line", string(m[6]))
	out.add(e)
}

// klogJSON is the log of Kubernetes' components with --logging-format=json.
var klogJSON = &Kind{
	Name: "klog-json", Title: "klog in JSON",
	Envelope: Origins{
		Time: "ts", Service: "logger, else the object's name up to its first dot", Level: "ERROR with err or without v, else INFO; DEBUG from v 4 on", Message: "msg",
	},
	object: func(m map[string][]byte) bool {
		return isPlainNumber(m["ts"]) && m["msg"] != nil && m["level"] == nil && (isPlainNumber(m["v"]) || m["err"] != nil && m["caller"] != nil)
	},
	sure: 0.93, says: "objects with ts, msg and v",
	decoder: func(h Hint) decodeFunc {
		name := objectName(h.Key)
		return func(raw []byte, out *sink) {
			level, v := "INFO", scalarOf(at(raw, "v"))
			switch {
			case at(raw, "err") != nil || v == "":
				level = "ERROR"
			case v >= "4" || len(v) > 1:
				level = "DEBUG"
			}
			e := out.begin()
			message := textAt(raw, "msg")
			e.head(anyTime(at(raw, "ts")), firstOf(textAt(raw, "logger"), name), level, message)
			out.whole(e.without(raw, pair{"msg", message}))
		}
	},
}
