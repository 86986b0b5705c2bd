package workbench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notify"
	"tidemark.dev/tidemark/engine/pipeline"
)

// readStream is a stream that says how it stands.
type readStream struct{ shards []engine.ShardState }

func (*readStream) Tail(context.Context, []engine.Checkpoint, func(context.Context, engine.Arrivals) error) error {
	return nil
}
func (s *readStream) Shards() []engine.ShardState { return s.shards }

// TestWhatWasKeptForLongIsNoNews: a stream that was not read for hours, and is
// read to its end at one go, tells of all it brings in one digest; what comes
// then is told as it comes.
func TestWhatWasKeptForLongIsNoNews(t *testing.T) {
	w := newWatched(t, map[string]string{"hook": ""}, map[string]string{"errors": errorsRule})
	stream := &readStream{[]engine.ShardState{{Shard: "s", State: "reading"}}}
	from := &tailing{source: workspace.Source{Type: "kinesis"}, dataset: workspace.Dataset{Name: "requests"}, stream: stream}
	commit := func(arrived time.Duration, file string, records ...string) {
		t.Helper()
		w.stored(file, records...)
		w.evaluateTail(t.Context(), from, pipeline.Commit{Committed: engine.Committed{Stored: int64(len(records)), Late: 1}, Ingest: w.clock.Now(), Arrived: noon.Add(arrived)})
	}
	w.clock.Set(noon.Add(time.Hour))
	w.watches.get("requests").fresh = true // as after the first records of a tail
	commit(time.Hour, "a", "calm 0", "calm 1")
	w.after(time.Hour + time.Second)
	if got := titles(w.take("hook")); got != "alarm: ALARM: errors (service=calm)" {
		t.Fatalf("before the sleep: %s", got)
	}
	var records []string
	for i := range 30 {
		records = append(records, fmt.Sprintf("s%02d %d", i, 2+i))
	}
	w.clock.Set(noon.Add(5 * time.Hour))
	commit(2*time.Hour, "b", append(records, "s29 40")...)
	w.after(5*time.Hour + time.Second)
	var digests int
	for _, m := range w.take("hook") {
		switch {
		case m.Kind == notify.Digest && len(m.Items) == 30:
			digests++
		case m.Kind != notify.Over:
			t.Errorf("after the sleep it told %s: %s", m.Kind, m.Title)
		}
	}
	if digests != 1 {
		t.Errorf("after the sleep: %d digests", digests)
	}
	commit(5*time.Hour, "c", "new 50", "new 52")
	w.after(5*time.Hour + time.Minute)
	if got := titles(w.take("hook")); !strings.Contains(got, "alarm: ALARM: errors (service=new)") || strings.Contains(got, "digest") {
		t.Errorf("after the digest: %s", got)
	}
	// While there is more to read, nobody is told.
	stream.shards[0].Behind = (10 * time.Minute).Milliseconds()
	commit(5*time.Hour, "d", "next 60", "next 62")
	w.after(5*time.Hour + 2*time.Minute)
	if got := titles(w.take("hook")); strings.Contains(got, "next") || strings.Contains(got, "digest") {
		t.Errorf("while it catches up: %s", got)
	}
	stream.shards[0].Behind = 0
	w.after(5*time.Hour + 3*time.Minute)
	if got := w.take("hook"); len(got) != 1 || got[0].Kind != notify.Digest {
		t.Errorf("at its end: %s", titles(got))
	}
}
