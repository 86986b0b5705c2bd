package workspace

import (
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

func TestWithMapping(t *testing.T) {
	t.Parallel()
	to := MappingSpec{EventTime: "at", Level: "l.v", Labels: []string{"region", "a b"}}
	const labels = `labels: [region, "a b"]`
	for name, test := range map[string]struct{ text, want string }{
		"none":     {"name: a\n", "name: a\n\ndatasets:\n  logs: {event_time: at, envelope: {level: \"l.v\"}, " + labels + "}\n"},
		"others":   {"datasets:\n  more: {dedup: body.id} # kept\nname: a\n", "datasets:\n  more: {dedup: body.id} # kept\n  logs: {event_time: at, envelope: {level: \"l.v\"}, " + labels + "}\nname: a\n"},
		"flow":     {"datasets:\n  logs: {dedup: body.id} # kept\n", "datasets:\n  logs: {" + labels + ", envelope: {level: \"l.v\"}, event_time: at, dedup: body.id} # kept\n"},
		"empty":    {"datasets:\n  logs: {}\n", "datasets:\n  logs: {" + labels + ", envelope: {level: \"l.v\"}, event_time: at}\n"},
		"block":    {"datasets:\n  logs:\n    # when\n    dedup: body.id # kept\n", "datasets:\n  logs:\n    # when\n    " + labels + "\n    envelope: {level: \"l.v\"}\n    event_time: at\n    dedup: body.id # kept\n"},
		"replaced": {"datasets:\n  logs:\n    event_time: \"t\" # when\n    envelope: {level: 'it''s', service: x} # who\n    labels: [\"]\", b] # all\n", "datasets:\n  logs:\n    event_time: at # when\n    envelope: {level: \"l.v\", service: x} # who\n    " + labels + " # all\n"},
		"plain":    {"datasets:\n  logs: {event_time: old.time, envelope: {level: lé}, labels: [x]}\n", "datasets:\n  logs: {event_time: at, envelope: {level: \"l.v\"}, " + labels + "}\n"},
		"deep":     {"datasets:\r\n  logs:\r\n    envelope:\r\n      level: old # kept\r\n    event_time: t\r\n", "datasets:\r\n  logs:\r\n    " + labels + "\r\n    envelope:\r\n      level: \"l.v\" # kept\r\n    event_time: at\r\n"},
	} {
		got, err := WithMapping([]byte(test.text), "logs", to)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", name, err, got, test.want)
		}
	}
	for name, test := range map[string]struct {
		text, dataset string
		to            MappingSpec
		kind          engine.Kind
	}{
		"a list in lines": {"datasets:\n  logs:\n    labels:\n      - a\n", "logs", to, engine.Inexpressible},
		"flow datasets":   {"datasets: {more: {dedup: body.id}}\n", "logs", to, engine.Inexpressible},
		"an anchor":       {"datasets:\n  more: &x {dedup: body.id}\n  logs: *x\n", "logs", to, engine.Inexpressible},
		"a name":          {"name: a\n", "x: y", to, engine.Invalid},
		"a path":          {"name: a\n", "logs", MappingSpec{EventTime: "a..b"}, engine.Invalid},
	} {
		if got, err := WithMapping([]byte(test.text), test.dataset, test.to); engine.KindOf(err) != test.kind {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// FuzzWithMapping: what is written is read back, and nothing else is lost.
func FuzzWithMapping(f *testing.F) {
	f.Add("datasets:\n  logs: {dedup: body.id}\n", "a.b")
	f.Add("sources:\n  s: {type: file, path: x, dataset: logs}\n", "a\"b")
	f.Fuzz(func(t *testing.T, text, path string) {
		out, err := WithMapping([]byte(text), "logs", MappingSpec{EventTime: path, Service: path})
		if err != nil || path == "" || strings.Contains(path, "${") {
			return
		}
		now, err := decodeConfig(FileName, out, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := now.Dataset("logs"); d.EventTime != path || d.Envelope.Service != path {
			t.Fatalf("%q in\n%s", path, out)
		}
	})
}
