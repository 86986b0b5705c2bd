package format

import (
	"io"
	"slices"

	"tidemark.dev/tidemark/engine"
)

// Table is the formats that are known. It is not changed once it is in use,
// and safe for concurrent use then.
type Table struct{ kinds []*Kind }

// Builtin is the table of the formats that come with Tidemark.
func Builtin() *Table {
	return &Table{kinds: []*Kind{
		cloudTrail, alb, nlb, elb, cloudFront, w3c, vpcFlow, s3Access, waf, route53, awsConfig,
		cwSubscription, cwExport, firehose, eventBridge, metricStream, fluentBit, otlp,
		ecs, bunyan, pino, zap, klogJSON, klog, syslog5424, syslog3164, access, logfmt,
	}}
}

// Register adds a decoder under a name, for sources that say `format: NAME`.
// It is never chosen by itself: its objects have no look that is known.
func (t *Table) Register(name string, d Decoder) error {
	if _, taken := t.find(name); taken || name == "" || name == "auto" || slices.Contains(plainNames, name) {
		return engine.Errorf(engine.Conflict, "register a format", "there is already a format %s", name)
	}
	t.kinds = append(t.kinds, &Kind{Name: Format(name), Title: "the plugin " + name, custom: d})
	return nil
}

// plainNames are the formats that the user may say and that have no fields of
// their own.
var plainNames = []string{"json", "ndjson", "csv", "parquet"}

// Check says whether a source may name a format.
func (t *Table) Check(name string) error {
	if _, ok := t.find(name); ok || name == "" || name == "auto" || slices.Contains(plainNames, name) {
		return nil
	}
	e := engine.Errorf(engine.Invalid, "", "there is no format %s", name)
	if near := engine.Nearest(name, t.Names()); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	return e.WithHint("auto finds out by itself; docs/archives.md lists what can be named")
}

// Names lists everything that a source may name.
func (t *Table) Names() []string {
	out := append([]string{"auto"}, plainNames...)
	for _, k := range t.kinds {
		out = append(out, string(k.Name))
	}
	return out
}

// Kinds lists the formats in the order in which they are tried.
func (t *Table) Kinds() []Kind {
	out := make([]Kind, len(t.kinds))
	for i, k := range t.kinds {
		out[i] = *k
	}
	return out
}

func (t *Table) find(name string) (*Kind, bool) {
	for _, k := range t.kinds {
		if string(k.Name) == name {
			return k, true
		}
	}
	return nil, false
}

// records makes the reader of a kind's records.
func (k *Kind) records(r io.Reader, hint Hint, size int) Reader {
	if k.custom != nil {
		return newPushed(k.custom, r, size)
	}
	split := NewSplitter(r, size)
	split.wrapper = k.wrapper
	split.text = k.line != nil || k.header != nil
	split.starts = k.starts
	return &transcoder{from: split, decode: k.decoder(hint), text: split.text, private: hint.Private, repeats: k.repeats}
}
