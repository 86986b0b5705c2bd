package workbench

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/health"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/store/cage"
)

// Health is how the datasets and sources of a workspace are, and the machine
// under them; its JSON is part of the contract.
type Health struct {
	Datasets []DatasetHealth `json:"datasets"`
	Sources  []SourceHealth  `json:"sources"`
	Machine  MachineHealth   `json:"machine"`
}

// Signals are the four golden ones: latency, traffic, errors and saturation.
// They are of the last minute, and null while nothing is live.
type Signals struct {
	// LagMS is how far the slowest shard is behind the newest record;
	// CommitMS is how long the slowest commit took, rollups included.
	LagMS            *int64   `json:"lag_ms"`
	CommitMS         *int64   `json:"commit_ms"`
	RecordsPerSecond *float64 `json:"records_per_second"`
	BytesPerSecond   *float64 `json:"bytes_per_second"`
	ErrorsPerSecond  *float64 `json:"errors_per_second"`
	// Saturation is the share of the time that storing took, from 0 to 1: at 1
	// the source is held back.
	Saturation *float64 `json:"saturation"`
}

// DatasetHealth is how one dataset is.
type DatasetHealth struct {
	Name          string     `json:"name"`
	State         string     `json:"state" enum:"ok,late,stale,failing,quarantining"`
	Watermark     *time.Time `json:"watermark"`
	LastEventTime *time.Time `json:"last_event_time"`
	Signals
	// FreshnessMS is how old the newest record is, since it arrived; null
	// while nothing is live.
	FreshnessMS *int64 `json:"freshness_ms"`
	Late        int64  `json:"late"`
	Quarantined int64  `json:"quarantined"`
	Untimed     int64  `json:"untimed"`
	Rows        int64  `json:"rows"`
	Cause       string `json:"cause"`
	Action      string `json:"action"`
	// Findings are all that is the matter, the worst first.
	Findings []health.Finding `json:"findings"`
}

// SourceHealth is how one source is, as far as can be told without asking it.
type SourceHealth struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Dataset  string     `json:"dataset"`
	State    string     `json:"state" enum:"ok,late,stale,failing,quarantining"`
	Objects  int64      `json:"objects"`
	Bytes    int64      `json:"bytes"`
	PulledAt *time.Time `json:"pulled_at"` // of a stream: when it was last stored from
	Tailing  bool       `json:"tailing"`
	Signals
	Cause    string              `json:"cause"`
	Action   string              `json:"action"`
	Findings []health.Finding    `json:"findings"`
	Shards   []engine.ShardState `json:"shards"` // of a tail that runs
}

// MachineHealth is how much of the machine is taken.
type MachineHealth struct {
	State    string           `json:"state" enum:"ok,late,stale,failing,quarantining"`
	Gauges   []Gauge          `json:"gauges"`
	Findings []health.Finding `json:"findings"`
}

// Gauge is a thing of which there is only so much, in bytes. Limit is 0 where
// there is none.
type Gauge struct {
	Name  string `json:"name"`
	Used  int64  `json:"used"`
	Limit int64  `json:"limit"`
}

// Health reads the state of everything from the ledger and from the tails
// that run. It contacts nothing.
func (b *Workbench) Health(ctx context.Context) (Health, error) {
	h := Health{Datasets: []DatasetHealth{}, Sources: []SourceHealth{}, Machine: b.machineHealth()}
	datasets, err := b.Store.Datasets(ctx)
	if err != nil {
		return h, err
	}
	suspended := b.suspended(ctx)
	for _, d := range datasets {
		one, err := b.datasetHealth(ctx, d.Name, suspended)
		if err != nil {
			return h, err
		}
		h.Datasets = append(h.Datasets, one)
	}
	h.Sources, err = b.SourcesHealth(ctx)
	return h, err
}

func (b *Workbench) datasetHealth(ctx context.Context, name string, suspended []string) (DatasetHealth, error) {
	config := b.Current().Config.Dataset(name)
	v, err := b.Store.Vitals(ctx, name, config.Watermark.MaxFuture)
	if err != nil {
		return DatasetHealth{}, err
	}
	out := DatasetHealth{
		Name: name, Rows: v.Rows, Late: v.Late, Quarantined: v.Quarantined, Untimed: v.Untimed,
		Watermark: v.Watermark, LastEventTime: v.LastEventTime,
	}
	for _, t := range b.tails.list() {
		if t.dataset.Name == name {
			out.Signals, out.FreshnessMS = t.signals(), t.freshness()
		}
	}
	facts := health.Dataset{
		Name: name, Rows: v.Rows, Late: v.Late, Untimed: v.Untimed, Quarantined: v.Quarantined,
		Ahead: v.Ahead, MaxFuture: config.Watermark.MaxFuture, TopReason: v.TopReason,
		Mismatched: v.Mismatched, Broken: v.Broken, Conflicts: v.Conflicts, Over: v.Over,
	}
	for _, p := range suspended {
		if slices.Contains(config.Transforms, p) {
			facts.Suspended = append(facts.Suspended, p)
		}
	}
	out.Findings = health.Judge(facts)
	out.State, out.Cause, out.Action = told(out.Findings)
	return out, nil
}

// told is the state, the cause and the command of the worst finding.
func told(found []health.Finding) (state, cause, action string) {
	state, why := health.State(found)
	if why != nil {
		cause, action = why.Cause, why.Action.Command
	}
	return state, cause, action
}

// suspended lists the plugins that are not asked any more.
func (b *Workbench) suspended(ctx context.Context) (out []string) {
	for _, p := range b.Plugins(ctx) {
		if p.State == "suspended" {
			out = append(out, p.Name)
		}
	}
	return out
}

// SourcesHealth is the part of Health about sources.
func (b *Workbench) SourcesHealth(ctx context.Context) ([]SourceHealth, error) {
	all := []SourceHealth{}
	failures, err := b.Store.Failures(ctx)
	if err != nil {
		return all, err
	}
	running := map[string]*tailing{}
	for _, t := range b.tails.list() {
		running[t.source.Name] = t
	}
	for _, e := range b.Current().Config.Sources {
		one, err := b.sourceHealth(ctx, e.Value, failures, running[e.Value.Name])
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

func (b *Workbench) sourceHealth(ctx context.Context, c workspace.Source, failures map[string]store.Failure, t *tailing) (SourceHealth, error) {
	s, err := b.Store.SourceSummary(ctx, c.Dataset, c.Name)
	if err != nil {
		return SourceHealth{}, err
	}
	out := SourceHealth{Name: c.Name, Type: c.Type, Dataset: c.Dataset, Objects: s.Objects, Bytes: s.Bytes, PulledAt: s.PulledAt, Shards: []engine.ShardState{}}
	facts := health.Source{Name: c.Name, Type: c.Type, Dataset: c.Dataset, Objects: s.Objects, Begun: s.PulledAt != nil}
	if !c.Bounded() {
		live, err := b.Store.StreamSummary(ctx, c.Dataset, c.Name)
		if err != nil {
			return out, err
		}
		out.PulledAt = live.UpdatedAt
		facts.Begun, facts.Gaps, facts.LastGap = live.Shards > 0 || t != nil, live.Gaps, live.LastGap
	}
	if f, has := failures[c.Name]; has && t == nil {
		facts.Failure = &health.Failure{Fault: f.Fault, Message: f.Message, Hint: f.Hint, At: f.At}
	}
	if t != nil {
		t.facts(&facts)
		out.Tailing, out.Signals, out.Shards = true, t.signals(), facts.Shards
	}
	out.Findings = health.Judge(facts)
	out.State, out.Cause, out.Action = told(out.Findings)
	return out, nil
}

// diskNeeded is how much room a disk should have for what a tail brings.
const diskNeeded = 1 << 30

func (b *Workbench) machineHealth() MachineHealth {
	used, limit := b.CacheSize()
	facts := health.Machine{Memory: MemoryUsed(), MemoryLimit: cage.MemoryLimit()}
	out := MachineHealth{Gauges: []Gauge{{"memory", facts.Memory, facts.MemoryLimit}, {"object cache", used, limit}}}
	if free, err := freeSpace(workspace.StateDir(b.Workspace.Root)); err == nil {
		facts.DiskFree, facts.DiskNeeded = free, diskNeeded
		size := b.DatabaseBytes()
		out.Gauges = append(out.Gauges, Gauge{"disk", size, size + free})
	}
	if free, err := freeSpace(b.staging); err == nil && b.inMemory {
		facts.StagingFree, facts.StagingNeeded = free, minStaging/4
	}
	out.Findings = health.Judge(facts)
	out.State, _, _ = told(out.Findings)
	return out
}

// measure adds to the meter what was stored, and what the shards have seen
// since the last time.
func (t *tailing) measure(f health.Flow) {
	now := time.Now()
	var sum health.Flow
	for _, sh := range t.stream.Shards() {
		sum.Bytes += sh.Bytes
		sum.Throttles += sh.Throttles
	}
	t.mu.Lock()
	f.Bytes, f.Throttles = max(0, sum.Bytes-t.seen.Bytes), max(0, sum.Throttles-t.seen.Throttles)
	t.seen = sum
	t.mu.Unlock()
	t.meter.Add(now, f)
}

// facts are what a tail says about its source.
func (t *tailing) facts(s *health.Source) {
	t.measure(health.Flow{})
	flow, span := t.meter.Last(time.Now())
	state := t.state()
	s.Tailing, s.Paused, s.Shards = true, state.Paused, state.Shards
	s.Throttled, s.Silent = flow.Throttles, time.Since(t.lastCame())
	if span > 0 {
		s.Busy = float64(flow.Busy) / float64(span)
	}
}

func (t *tailing) signals() Signals {
	flow, span := t.meter.Last(time.Now())
	seconds := max(span.Seconds(), 1)
	rate := func(n int64) *float64 { r := float64(n) / seconds; return &r }
	lag, worst, busy := int64(0), flow.Worst.Milliseconds(), min(1, flow.Busy.Seconds()/seconds)
	for _, sh := range t.stream.Shards() {
		if sh.State != "finished" {
			lag = max(lag, sh.Behind)
		}
	}
	return Signals{
		LagMS: &lag, CommitMS: &worst, RecordsPerSecond: rate(flow.Records), BytesPerSecond: rate(flow.Bytes),
		ErrorsPerSecond: rate(flow.Errors), Saturation: &busy,
	}
}

// freshness is how old the newest record is by the source's own clock.
func (t *tailing) freshness() *int64 {
	state := t.state()
	now := time.Now()
	if state.Play != nil {
		now = state.Play.At
	}
	var newest time.Time
	for _, sh := range state.Shards {
		if sh.LastArrival.After(newest) {
			newest = sh.LastArrival
		}
	}
	if newest.IsZero() {
		return nil
	}
	ms := max(0, now.Sub(newest).Milliseconds())
	return &ms
}

// faultEmpty is an archive without an object.
const faultEmpty engine.Fault = "empty"

// notePull keeps how a pull of one source went.
func (b *Workbench) notePull(ctx context.Context, j *job, c pipeline.Counts, err error) {
	if err == nil && c.Failed > 0 {
		err = &engine.Error{Kind: engine.Unavailable, Fault: c.Fault, Hint: "pull again", Err: engine.Errorf(engine.Unavailable, "", "%d objects could not be reached: %s", c.Failed, c.Failures[0])}
	}
	if err == nil && len(j.tasks) == 0 && j.skipped == 0 {
		err = &engine.Error{Kind: engine.NotFound, Fault: faultEmpty, Err: engine.Errorf(engine.NotFound, "", "it has no objects")}
	}
	b.noteSource(ctx, j.archive.config, err)
}

// noteSource keeps how the last attempt at a source failed; nil is that it
// went well, and what was cancelled says nothing.
func (b *Workbench) noteSource(ctx context.Context, c workspace.Source, err error) {
	if engine.KindOf(err) == engine.Canceled {
		return
	}
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		err = b.Store.ClearFailure(ctx, c.Name)
	} else {
		err = b.Store.NoteFailure(ctx, store.Failure{
			Dataset: c.Dataset, Source: c.Name, Fault: engine.FaultOf(err), Message: err.Error(), Hint: hintOf(err), At: b.clock.Now(),
		})
	}
	if err != nil {
		slog.Warn("the failure of a source could not be noted", "source", c.Name, "error", err) // what failed is told anyway
	}
}
