package store_test

import (
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// TestFailuresAreKept: until the source goes well, also when the database is
// older than the table for it, and has tables of others.
func TestFailuresAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, statement := range []string{`ALTER TABLE tidemark.format DROP COLUMN layout`, `DROP TABLE tidemark.health`, `CREATE TABLE tidemark.another (x INTEGER)`} {
		if _, err := d.DB().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	d.reopen()
	at := time.Date(2026, 1, 9, 14, 0, 0, 0, time.UTC)
	for _, f := range []store.Failure{
		{Dataset: "logs", Source: "a", Fault: engine.FaultMissing, Message: "old", At: at},
		{Dataset: "logs", Source: "a", Fault: engine.FaultDenied, Message: "new", Hint: "ask", At: at},
		{Dataset: "logs", Source: "b", Message: "other", At: at},
	} {
		if err := d.NoteFailure(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	d.reopen()
	got, err := d.Failures(t.Context())
	if err != nil || len(got) != 2 || got["a"].Message != "new" || got["a"].Fault != engine.FaultDenied || !got["a"].At.Equal(at) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if err := d.ClearFailure(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Failures(t.Context()); err != nil || len(got) != 1 || got["b"].Message != "other" {
		t.Fatalf("got %+v, %v", got, err)
	}
}
