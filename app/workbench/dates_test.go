package workbench

import (
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

func TestDated(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"logs/dt=2026-01-09/hour=03/x.json":          "2026-01-09T03:00:00Z 1h0m0s",
		"year=2026/month=01/day=09/hour=23/x":        "2026-01-09T23:00:00Z 1h0m0s",
		"a/2026/01/09/x.gz":                          "2026-01-09T00:00:00Z 24h0m0s",
		"a/2026/01/09/14/x.gz":                       "2026-01-09T14:00:00Z 1h0m0s",
		"a/2026/01/09/1_alb_20260109T1405Z_x.log.gz": "2026-01-09T14:00:00Z 1h0m0s",
		"a/2026/01/09/1_alb_20260110T0005Z_x.log.gz": "2026-01-09T00:00:00Z 24h0m0s",
		"E2ABCDEFGHIJKL.2026-01-09-07.0a1b2c3d.gz":   "2026-01-09T07:00:00Z 1h0m0s",
		"p/2026-01-09-07-15-59-0123456789ABCDEF":     "2026-01-09T07:00:00Z 1h0m0s",
		"p/stream-1-2026-01-09-23-05-59-uuid":        "2026-01-09T23:00:00Z 1h0m0s",
		"a/20260109/part-0.parquet":                  "2026-01-09T00:00:00Z 24h0m0s",
		"a/2026/13/09/x":                             "none",
		"a/2026-01-0912/x":                           "2026-01-09T12:00:00Z 1h0m0s",
		"a/2026-01-0999/x":                           "none",
		"ids/82026010912345/x":                       "none",
	} {
		got := "none"
		if from, to, ok := dated(key); ok {
			got = from.Format(time.RFC3339) + " " + to.Sub(from).String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

// An object is left out only if it cannot hold the time: what AWS delivers soon
// by hours, all else by a day of slack.
func TestMayHold(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	from, to := at("2026-01-09T12:00:00Z"), at("2026-01-09T13:00:00Z")
	for key, want := range map[string]bool{
		"AWSLogs/1/elasticloadbalancing/eu-west-1/2026/01/09/1_elasticloadbalancing_eu-west-1_app.x.y_20260109T1205Z_1.2.3.4_z.log.gz": true,
		"AWSLogs/1/elasticloadbalancing/eu-west-1/2026/01/09/1_elasticloadbalancing_eu-west-1_app.x.y_20260109T1405Z_1.2.3.4_z.log.gz": true,
		"AWSLogs/1/elasticloadbalancing/eu-west-1/2026/01/09/1_elasticloadbalancing_eu-west-1_app.x.y_20260109T1505Z_1.2.3.4_z.log.gz": false,
		"AWSLogs/1/elasticloadbalancing/eu-west-1/2026/01/09/1_elasticloadbalancing_eu-west-1_app.x.y_20260109T0905Z_1.2.3.4_z.log.gz": false,
		"AWSLogs/1/WAFLogs/eu-west-1/acl/2026/01/09/10/05/x.log.gz":                                                                    true,
		"AWSLogs/1/WAFLogs/eu-west-1/acl/2026/01/09/09/55/x.log.gz":                                                                    false,
		"AWSLogs/1/CloudFront/E1.2026-01-10-11.0a1b2c3d.gz":                                                                            true,
		"E1ABCDEFGHIJKL.2026-01-10-12.0a1b2c3d.gz":                                                                                     true,
		"E1ABCDEFGHIJKL.2026-01-10-13.0a1b2c3d.gz":                                                                                     false,
		"dt=2026-01-08/hour=11/x": false,
		"dt=2026-01-08/hour=12/x": true,
		"dt=2026-01-08/x":         true,
		"dt=2026-01-10/x":         true,
		"dt=2026-01-11/x":         false,
		"dt=2026-01-07/x":         false,
	} {
		if got := mayHold(engine.Object{Key: key}, from, to); got != want {
			t.Errorf("%s: %v, want %v", key, got, want)
		}
	}
}
