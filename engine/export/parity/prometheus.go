package parity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Prometheus evaluates the one group of an exported rule file over a storage
// at the given times, as its rule manager does: in order, what is recorded is
// seen by the rules after it, and a recorded series that is not computed any
// more ends there. fires is told the labels of every alert that fires.
func Prometheus(ctx context.Context, file []byte, s *Storage, at []time.Time, fires func(time.Time, map[string]string)) error {
	syntax := parser.NewParser(parser.Options{})
	groups, errs := rulefmt.Parse(file, false, model.UTF8Validation, syntax, slog.New(slog.DiscardHandler))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("read the exported rules: %w", err)
	}
	if len(groups.Groups) != 1 {
		return fmt.Errorf("the file has %d groups", len(groups.Groups))
	}
	m := &manager{storage: s, engine: promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, Parser: syntax, LookbackDelta: 5 * time.Minute,
	})}
	defer m.engine.Close() //nolint:errcheck // it holds no file
	m.before = make([][]labels.Labels, len(groups.Groups[0].Rules))
	for _, t := range at {
		for i, r := range groups.Groups[0].Rules {
			if err := m.evaluate(ctx, i, r, t, fires); err != nil {
				return fmt.Errorf("evaluate %s%s: %w", r.Record, r.Alert, err)
			}
		}
	}
	return nil
}

// manager evaluates the rules of a group.
type manager struct {
	storage *Storage
	engine  *promql.Engine
	// before are the series that each rule wrote last time.
	before [][]labels.Labels
}

func (m *manager) evaluate(ctx context.Context, i int, r rulefmt.Rule, t time.Time, fires func(time.Time, map[string]string)) error {
	q, err := m.engine.NewInstantQuery(ctx, m.storage, nil, r.Expr, t)
	if err != nil {
		return err
	}
	defer q.Close()
	result := q.Exec(ctx)
	vector, err := result.Vector()
	if err != nil {
		return err
	}
	if r.Alert != "" {
		for _, s := range vector {
			fires(t, s.Metric.Map())
		}
		return nil
	}
	m.record(i, r.Record, vector, t)
	return nil
}

// record writes what a rule computed, and marks as ended what it did not
// compute again.
func (m *manager) record(i int, name string, vector promql.Vector, t time.Time) {
	now := make([]labels.Labels, len(vector))
	written := map[string]bool{}
	for j, s := range vector {
		now[j] = labels.NewBuilder(s.Metric).Set(metricName, name).Labels()
		written[string(now[j].Bytes(nil))] = true
		m.storage.write(now[j], t, s.F)
	}
	for _, l := range m.before[i] {
		if !written[string(l.Bytes(nil))] {
			m.storage.write(l, t, math.Float64frombits(value.StaleNaN))
		}
	}
	m.before[i] = now
}
