// Package patient lets whoever runs a statement sleep while DuckDB's own
// threads work on it. DuckDB's way to wait for them is to ask without end
// whether there is something to do, which takes a processor from those who make
// the next batch or answer the page. It concerns each statement of a program
// that imports the package, through the driver or not.
package patient

import (
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// The driver runs statements through these variables. They are set before any
// statement runs, and never again.
func init() {
	mapping.ExecutePending, mapping.ResultError = execute, failure
}

var (
	executePending = mapping.ExecutePending
	resultError    = mapping.ResultError
)

// failures are what went wrong in statements that never came to a result, by
// the place that was meant for it. They stay until they are asked for, which the
// driver does at once.
var failures sync.Map // of *mapping.Result, to string

// Between these the wait for other threads doubles.
const (
	leastWait = 50 * time.Microsecond
	mostWait  = 2 * time.Millisecond
)

// execute takes part in the work on a statement until its result is there.
func execute(pending mapping.PendingResult, res *mapping.Result) mapping.State {
	for wait := leastWait; ; {
		switch mapping.PendingExecuteTask(pending) {
		case mapping.PendingStateError: // and if it was interrupted
			failures.Store(res, mapping.PendingError(pending))
			return mapping.StateError
		case mapping.PendingStateResultReady:
			return executePending(pending, res)
		case mapping.PendingStateNoTasksAvailable:
			time.Sleep(wait) // the other threads have it all
			wait = min(2*wait, mostWait)
		default:
			wait = leastWait
		}
	}
}

// failure is what went wrong in a statement.
func failure(res *mapping.Result) string {
	if text, known := failures.LoadAndDelete(res); known {
		return text.(string) //nolint:forcetypeassert // nothing else is kept there
	}
	return resultError(res)
}
