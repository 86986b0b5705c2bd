package workbench

import (
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

func TestDelivered(t *testing.T) {
	changed := time.Date(2026, 2, 1, 10, 30, 0, 0, time.UTC)
	for key, want := range map[string]string{
		"app/dt=2026-01-09/hh=14/cart.ndjson.gz": "2026-01-09T14:00:00Z 1h0m0s",
		"dt=2026-01-09/hour=03/a":                "2026-01-09T03:00:00Z 1h0m0s",
		"2026/01/09/03/a":                        "2026-01-09T03:00:00Z 1h0m0s",
		"dt=2026-01-09/a":                        "2026-01-09T00:00:00Z 24h0m0s",
		"2026/01/09/12345":                       "2026-01-09T00:00:00Z 24h0m0s",
		"app-1-2026-01-09-14-05-00-0a1b":         "2026-01-09T14:00:00Z 1h0m0s",
		"20260109123":                            "2026-02-01T10:29:00Z 1m0s", // digits that are no date
		"a.ndjson":                               "2026-02-01T10:29:00Z 1m0s",
	} {
		from, to := delivered(engine.Object{Key: key, Modified: changed})
		if got := from.Format(time.RFC3339) + " " + to.Sub(from).String(); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}
