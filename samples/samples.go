// Package samples writes the demo workspace: an online shop called `shop`
// with a week of logs, the rules that watch it, notebooks that tell its story
// and a dashboard.
//
// It owns the files under shop/, which are copied as they stand, and the
// generators of the data. It knows nothing of the engine: the data is plain
// NDJSON and Parquet, laid out as a bucket, such as any shop might have.
//
// The week is made, not recorded: every hour has its own random source, so
// the same seed gives the same bytes on any machine, and an hour can be made
// without the hours before it.
package samples

import (
	"context"
	"time"

	"tidemark.dev/tidemark/engine"
)

// DefaultSeed is the seed whose week the notebooks and the rules are tuned to.
const DefaultSeed = 20260105

// DefaultRecords is the size of the week at its natural density.
const DefaultRecords = 2_000_000

// Start and End bound the week, Monday to Sunday, in UTC: [Start, End).
var (
	Start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	End   = Start.AddDate(0, 0, 7)
)

// Options say how much of the week to write. The zero value means all of it.
type Options struct {
	// Seed chooses the random numbers; 0 is DefaultSeed.
	Seed uint64
	// Records is about how many records the whole week has; 0 is
	// DefaultRecords. Fewer thin the traffic out, and the rules, which want a
	// number of requests a minute before they judge, may then stay silent.
	Records int
	// From and To cut the week down to whole hours, at the same density: an
	// hour holds the same bytes in the cut as in the whole. Zero is the
	// week's own end. Catalog and probe files span six hours and are cut too.
	From, To time.Time
	// Schema gives the address of the JSON Schema for a kind of file
	// (workspace, rule, test, dashboard), for editors. Nil or an empty
	// answer leaves the line out.
	Schema func(kind string) string
	// Logfmt is the format by which the workspace reads the mail relay's lines;
	// "" is the plugin keyvalue.
	Logfmt string
	// Progress is told after every hour of data how many of all hours are
	// done. Calls come one at a time and never go back.
	Progress func(done, total int)
}

// Summary counts what was written under data/.
type Summary struct {
	Records   int64 // without the malformed lines
	Malformed int64 // lines that are not JSON
	Files     int64
	Bytes     int64 // on disk, compressed
}

// Write makes the demo workspace in dir, which must not exist yet or be
// empty. The workspace appears whole or not at all: when ctx ends or anything
// fails, nothing of it is left. It uses all processors, about 120 MB of memory
// for each, and no network.
func Write(ctx context.Context, dir string, opt Options) (Summary, error) {
	w, err := newWeek(opt)
	if err != nil {
		return Summary{}, err
	}
	stage, err := newStage(dir)
	if err != nil {
		return Summary{}, err
	}
	defer stage.discard()
	sum, err := w.write(ctx, stage.path, opt.Progress)
	if err == nil {
		err = writeFiles(stage.path, opt)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = stage.publish()
	}
	if err != nil {
		return Summary{}, asError(err, "write demo workspace "+dir)
	}
	return sum, nil
}

// asError gives a failure its operation and kind.
func asError(err error, op string) error {
	kind := engine.KindOf(err)
	if kind == engine.Internal {
		kind = engine.Unavailable
	}
	return engine.Errorf(kind, op, "%w", err)
}
