package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tidemark.dev/tidemark/app/workbench"
)

const metricsPath = "/metrics"

// scrapeLimit bounds how long one scrape may take.
const scrapeLimit = 10 * time.Second

// metrics serves the health of the workspace as Prometheus reads it.
func (s *Server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(gauges{s})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}

// gauges collects metrics. Which there are depends on the workspace, so they
// are described by what they are, not beforehand.
type gauges struct{ *Server }

// Describe describes none, as a collector does whose metrics vary.
func (gauges) Describe(chan<- *prometheus.Desc) {}

// Collect reads the health and tells it.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(g.ctx, scrapeLimit)
	defer cancel()
	h, err := g.bench.Health(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		return
	}
	m := scrape{out}
	m.gauge("tidemark_build_info", "The version that runs.", 1, "version", g.opt.Version)
	m.gauge("tidemark_uptime_seconds", "For how long the program has run.", time.Since(g.started).Seconds())
	for _, d := range h.Datasets {
		m.dataset(d)
	}
	for _, s := range h.Sources {
		m.source(s)
	}
	for _, x := range h.Machine.Gauges {
		m.gauge("tidemark_used_bytes", "What is taken of a thing of which there is only so much.", float64(x.Used), "of", x.Name)
		if x.Limit > 0 {
			m.gauge("tidemark_limit_bytes", "How much there is of it.", float64(x.Limit), "of", x.Name)
		}
	}
	for _, f := range h.Machine.Findings {
		m.finding("machine", "", f.Mode, string(f.Severity))
	}
	status := g.status()
	m.gauge("tidemark_queries", "Queries by what they do.", float64(status.QueriesRunning), "state", "running")
	m.gauge("tidemark_queries", "Queries by what they do.", float64(status.QueriesWaiting), "state", "waiting")
	m.gauge("tidemark_pulls_running", "Pulls that run.", float64(status.PullsRunning))
}

// scrape is one answer being written.
type scrape struct{ out chan<- prometheus.Metric }

func (m scrape) gauge(name, help string, v float64, labels ...string) {
	m.send(prometheus.GaugeValue, name, help, v, labels)
}

func (m scrape) counter(name, help string, v float64, labels ...string) {
	m.send(prometheus.CounterValue, name, help, v, labels)
}

// send writes one value; labels are names and values in turn.
func (m scrape) send(kind prometheus.ValueType, name, help string, v float64, labels []string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	metric, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, v, values...)
	if err != nil {
		slog.Error("a metric cannot be told", "name", name, "error", err) // a value that is no UTF-8
		return
	}
	m.out <- metric
}

func (m scrape) finding(of, name, mode, severity string) {
	m.gauge("tidemark_finding", "What is the matter, by known ways to fail.", 1, "of", of, "name", name, "mode", mode, "severity", severity)
}

// states are told as one series each, of which one is 1.
var states = []string{"ok", "late", "stale", "failing", "quarantining"}

func (m scrape) state(metric, help, label, name, now string) {
	for _, s := range states {
		v := 0.0
		if s == now {
			v = 1
		}
		m.gauge(metric, help, v, label, name, "state", s)
	}
}

func (m scrape) dataset(d workbench.DatasetHealth) {
	m.state("tidemark_dataset_state", "The state that a dataset is in.", "dataset", d.Name, d.State)
	m.gauge("tidemark_dataset_rows", "Rows that are stored.", float64(d.Rows), "dataset", d.Name)
	m.gauge("tidemark_dataset_late_rows", "Rows that came behind the watermark.", float64(d.Late), "dataset", d.Name)
	m.gauge("tidemark_dataset_untimed_rows", "Rows without an event time.", float64(d.Untimed), "dataset", d.Name)
	m.gauge("tidemark_dataset_quarantined_records", "Records that are set aside.", float64(d.Quarantined), "dataset", d.Name)
	if d.Watermark != nil {
		m.gauge("tidemark_dataset_watermark_timestamp_seconds", "Until when a dataset is complete, in event time.", unix(*d.Watermark), "dataset", d.Name)
	}
	if d.LastEventTime != nil {
		m.gauge("tidemark_dataset_last_event_timestamp_seconds", "The newest event time.", unix(*d.LastEventTime), "dataset", d.Name)
	}
	if d.FreshnessMS != nil {
		m.gauge("tidemark_dataset_freshness_seconds", "How long ago the newest record of a live dataset arrived.", float64(*d.FreshnessMS)/1e3, "dataset", d.Name)
	}
	for _, f := range d.Findings {
		m.finding("dataset", d.Name, f.Mode, string(f.Severity))
	}
}

func (m scrape) source(s workbench.SourceHealth) {
	m.state("tidemark_source_state", "The state that a source is in.", "source", s.Name, s.State)
	for _, f := range s.Findings {
		m.finding("source", s.Name, f.Mode, string(f.Severity))
	}
	if !s.Tailing {
		return
	}
	m.gauge("tidemark_source_records_per_second", "Records stored, over the last minute.", *s.RecordsPerSecond, "source", s.Name)
	m.gauge("tidemark_source_errors_per_second", "Records set aside, over the last minute.", *s.ErrorsPerSecond, "source", s.Name)
	m.gauge("tidemark_source_saturation_ratio", "The share of the last minute that storing took.", *s.Saturation, "source", s.Name)
	m.gauge("tidemark_source_slowest_commit_seconds", "The slowest commit of the last minute, rollups included.", float64(*s.CommitMS)/1e3, "source", s.Name)
	for _, sh := range s.Shards {
		labels := []string{"source", s.Name, "shard", sh.Shard}
		m.gauge("tidemark_shard_behind_seconds", "How far a shard is behind its newest record (MillisBehindLatest).", float64(sh.Behind)/1e3, labels...)
		m.counter("tidemark_shard_records_total", "Records read since the tail began.", float64(sh.Records), labels...)
		m.counter("tidemark_shard_read_bytes_total", "Bytes read since the tail began.", float64(sh.Bytes), labels...)
		m.counter("tidemark_shard_throttles_total", "How often the service slowed a shard down.", float64(sh.Throttles), labels...)
		m.counter("tidemark_shard_repeated_records_total", "Records that the stream gave twice, left out.", float64(sh.Repeated), labels...)
		m.gauge("tidemark_shard_state", "The state that a shard is in.", 1, append(labels, "state", sh.State)...)
	}
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
