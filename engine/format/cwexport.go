package format

import (
	"path"
	"strings"
)

// cwExport is what CloudWatch Logs exports to S3: lines of a time and a
// message, which may go on in lines without one.
var cwExport = &Kind{
	Name: "cloudwatch-export", Title: "CloudWatch Logs exports",
	Key: pattern(`(?:^|/)exportedlogs/|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/[^/]+/\d{6}\.gz$`),
	Envelope: Origins{
		Time: "the time that the line begins with", Service: "service in a JSON message, else the folder of the key, which is the log stream",
		Level: "level in a JSON message, else the word it begins with", Message: "the rest of the line and the lines that follow without a time",
	},
	line:   exportStarts,
	starts: exportStarts,
	sure:   0.8, says: "lines that begin with a time in UTC to the millisecond",
	decoder: func(h Hint) decodeFunc {
		stream := ""
		if h.Key != "" {
			stream = path.Base(path.Dir(h.Key))
		}
		return func(raw []byte, out *sink) { decodeExport(raw, out, stream) }
	},
}

var exportTime = pattern(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?: |$)`)

func exportStarts(line []byte) bool { return exportTime().Match(line[:min(len(line), 25)]) }

func decodeExport(raw []byte, out *sink, stream string) {
	if !exportStarts(raw) {
		out.problem(raw, "the line does not begin with a time, and no line before it does")
		return
	}
	when, message, _ := strings.Cut(string(raw), " ")
	in := lookInside(message)
	if stream == "." || stream == "/" {
		stream = ""
	}
	e := out.begin()
	e.quiet = out.private && in.object != nil
	t := rfc3339(when)
	e.head(t, firstOf(in.service, stream), in.level, firstOf(in.message, message))
	in.write(e)
	switch {
	case in.object != nil:
		e.raw("event", in.object)
	case in.message != message:
		e.text("message", message)
	}
	out.add(e)
}
