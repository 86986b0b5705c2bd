package workspace

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

var datasetName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// reservedNames cannot be datasets: the union of all of them, and what would
// read as a schema of the database.
var reservedNames = []string{"all_events", "tidemark", "main", "temp", "system", "information_schema", "pg_catalog"}

func (v *validator) datasetName(at engine.Text, name string) bool {
	switch {
	case hasVariable(name):
		return false
	case !datasetName.MatchString(name):
		v.wrong(at, "%q cannot be the name of a dataset", name).Hint = "it becomes a table: use letters, digits and _, beginning with a letter"
		return false
	case slices.Contains(reservedNames, strings.ToLower(name)):
		v.wrong(at, "the name %s is taken", name).Hint = "choose another name"
		return false
	}
	return true
}

// datasetNames checks the names of datasets and that no two tables, rollups
// included, have the same.
func (v *validator) datasetNames() {
	tables := map[string]string{}
	for _, e := range v.config.Datasets {
		if !v.datasetName(e.Key, e.Key.Value) {
			continue
		}
		lower := strings.ToLower(e.Key.Value)
		if other, taken := tables[lower]; taken {
			v.wrong(e.Key, "dataset %s: the table is already that of %s", e.Key.Value, other).Hint = "choose another name; capitals make no difference"
			continue
		}
		tables[lower] = "dataset " + e.Key.Value
	}
	for _, e := range v.config.Datasets {
		for _, r := range e.Value.Rollups {
			table := strings.ToLower(e.Key.Value + "_" + engine.FormatDuration(r))
			if other, taken := tables[table]; taken {
				v.wrong(e.Value.At.Value("rollups"), "rollups: the table %s is already that of %s", table, other).Hint = "rename that dataset, or leave this rollup out"
			}
		}
	}
}

func (v *validator) dataset(d *Dataset) {
	v.rawPath(d.At.Value("event_time"), "event_time", d.EventTime)
	for column, path := range d.Envelope.Map() {
		v.rawPath(d.Envelope.At.Value(column), column, path)
	}
	for _, label := range d.Labels {
		v.rawPath(d.At.Value("labels"), "labels", label)
	}
	v.tablePath(d.At.Value("dedup"), "dedup", d.Dedup)
	for _, k := range d.Key {
		v.tablePath(d.At.Value("key"), "key", k)
	}
	v.tablePath(d.At.Value("deleted"), "deleted", d.Deleted)
	switch {
	case d.Deleted != "" && len(d.Key) == 0:
		v.wrong(d.At.Key("deleted"), "deleted: nothing can be deleted without a key").Hint = "say what names a row: key: body.id"
	case len(d.Key) > 0 && d.Dedup != "":
		v.wrong(d.At.Key("dedup"), "dedup: a dataset with a key has one row a key already").Hint = "keep one of dedup and key"
	}
	for _, c := range d.Columns {
		v.column(c)
	}
	v.columnsApart(d)
	if d.MaxPaths < 0 {
		v.wrong(d.At.Value("max_paths"), "max_paths: want 0, which is the default, or more")
	}
	v.watermark(&d.Watermark)
	v.rollups(d)
	for _, p := range d.Quantiles {
		v.tablePath(d.At.Value("quantiles"), "quantiles", p)
	}
	for _, p := range d.Distinct {
		v.tablePath(d.At.Value("distinct"), "distinct", p)
	}
	if q := d.Quota; q != nil {
		if !(q.RecordsPerSecond > 0) || math.IsInf(q.RecordsPerSecond, 0) {
			v.wrong(q.At.Value("records_per_second"), "quota: want records_per_second of more than 0")
		}
		v.tablePath(q.At.Value("by"), "by", q.By)
	}
	if a := d.Retention.Archive; strings.HasPrefix(a, "s3:") {
		v.s3URL(d.Retention.At.Value("archive"), "archive", a)
	}
	if d.Retention.Archive != "" && d.Retention.Hot == 0 {
		v.wrong(d.Retention.At.Value("archive"), "archive: nothing is archived while hot is not set").Hint = "say how long rows stay: hot: 33d"
	}
}

func (v *validator) rawPath(at engine.Text, key, path string) {
	if path == "" || hasVariable(path) {
		return
	}
	if _, err := engine.ParsePath(path); err != nil {
		v.wrong(at, "%s: %q is not a path", key, path).Hint = `write names with dots between them: http.status, "a.b".c`
	}
}

// tablePath checks a path in the table; whether it exists is known later.
func (v *validator) tablePath(at engine.Text, key, path string) { v.rawPath(at, key, path) }

func (v *validator) column(c engine.Entry[engine.Text]) {
	v.tablePath(c.Key, "columns", c.Key.Value)
	path, err := engine.ParsePath(c.Key.Value)
	if err != nil || hasVariable(c.Key.Value) {
		return
	}
	switch name := path[0]; {
	case name == "rest":
		v.wrong(c.Key, "columns: rest holds what other paths are about").Hint = "name the path itself: body.NAME; where it waits in rest, its policy holds too"
		return
	case slices.Contains(factColumns, name):
		v.wrong(c.Key, "columns: %s says when and where a record came, and stays", name).Hint = "name a member of the record: body.NAME"
		return
	case name == "body" && len(path) == 1, name == "labels" && len(path) != 2:
		v.wrong(c.Key, "columns: %s is not one path", c.Key.Value).Hint = "name what is in it: " + name + ".NAME"
		return
	}
	if hasVariable(c.Value.Value) {
		return
	}
	var wrong *engine.Error
	if _, err := engine.ParsePolicy(c.Key.Value, c.Value.Value); errors.As(err, &wrong) {
		v.wrong(c.Value, "columns: %w", wrong.Err).Hint = wrong.Hint
	}
}

// factColumns are those that no record fills as it likes.
var factColumns = []string{"event_time", "arrival_time", "ingest_time", "_seq", "_source", "_position", "_late"}

// columnsApart checks that no policy is about a part of what another one is
// about.
func (v *validator) columnsApart(d *Dataset) {
	for i, c := range d.Columns {
		for _, o := range d.Columns[:i] {
			inner, outer := c, o
			if len(inner.Key.Value) < len(outer.Key.Value) {
				inner, outer = outer, inner
			}
			if strings.HasPrefix(inner.Key.Value, outer.Key.Value+".") {
				v.wrong(c.Key, "columns: %s is a part of %s, which has a policy of its own", inner.Key.Value, outer.Key.Value).Hint = "keep one of both"
			}
		}
	}
}

func (v *validator) watermark(w *Watermark) {
	at := w.At.Value("p")
	switch {
	case w.Strategy == "percentile" && !w.At.Has("p"):
		v.wrong(w.At.Value("strategy"), "watermark: strategy percentile needs p").Hint = "say which percentile: p: 0.95"
	case w.Strategy == "percentile" && !(w.P > 0 && w.P < 1):
		v.wrong(at, "p: want a number between 0 and 1")
	case w.Strategy != "percentile" && w.At.Has("p"):
		v.wrong(w.At.Key("p"), "p: only strategy percentile has it").Hint = "remove it"
	}
	if w.At.Has("idle") && w.Idle == 0 {
		v.wrong(w.At.Value("idle"), "idle: want more than 0s").Hint = "1m is the default"
	}
}

func (v *validator) rollups(d *Dataset) {
	at := d.At.Value("rollups")
	for i, r := range d.Rollups {
		switch {
		case !whole(r, time.Second):
			v.wrong(at, "rollups: %s is not whole seconds", engine.FormatDuration(r)).Hint = "write [1m, 10m, 1h, 1d]"
			return
		case i > 0 && (r <= d.Rollups[i-1] || r%d.Rollups[i-1] != 0):
			v.wrong(at, "rollups: %s is not made of whole %s", engine.FormatDuration(r), engine.FormatDuration(d.Rollups[i-1])).Hint = "each rollup is computed from the one before: [1m, 10m, 1h, 1d]"
			return
		}
	}
}
