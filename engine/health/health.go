// Package health says from facts what is wrong, why, and what helps: a
// catalogue of known ways to fail, each with its detector, its cause in words
// and an action.
//
// It owns the judgement alone. Facts are gathered by whoever has the store,
// the sources and the clock.
package health

import (
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Severity says how much a finding matters.
type Severity string

// Severities, the least first. A note changes the state of nothing.
const (
	Note  Severity = "note"
	Warn  Severity = "warn"
	Alarm Severity = "alarm"
)

// The states of datasets and sources.
const (
	OK           = "ok"
	Late         = "late"
	Stale        = "stale"
	Failing      = "failing"
	Quarantining = "quarantining"
)

// Finding is one thing that is the matter.
type Finding struct {
	// Mode is the known way to fail that it is an instance of.
	Mode     string   `json:"mode"`
	Severity Severity `json:"severity" enum:"note,warn,alarm"`
	// State is what it makes of its source or dataset.
	State  string `json:"state"`
	Cause  string `json:"cause"`
	Action Action `json:"action"`
}

// Action is what helps.
type Action struct {
	// Label is the action in a few words.
	Label string `json:"label"`
	// Command does it in a terminal, or is what to write where.
	Command string `json:"command"`
	// Do is what the program can do by itself, "" for nothing.
	Do string `json:"do" enum:",pull,tail,resume,test,replay_quarantine,compact"`
	// Page is where people do it.
	Page string `json:"page"`
}

// Failure is how the last attempt at a source failed.
type Failure struct {
	Fault   engine.Fault `json:"fault"`
	Message string       `json:"message"`
	Hint    string       `json:"hint"`
	At      time.Time    `json:"at"`
}

// Source are the facts of a source.
type Source struct {
	Name, Type, Dataset string
	// Begun says that something was pulled or tailed, or that it was tried.
	Begun   bool
	Objects int64
	Failure *Failure // of the last attempt; nil when it went well
	// Tailing, Paused and Shards are those of a tail that runs.
	Tailing, Paused bool
	Shards          []engine.ShardState
	// Throttled is how often the service slowed the tail down in the last
	// minute, Silent for how long nothing has come, Busy which share of the
	// last minute storing took, from 0 to 1.
	Throttled int64
	Silent    time.Duration
	Busy      float64
	// Gaps are spans that could not be read, and LastGap the newest in words.
	Gaps    int64
	LastGap string
}

// Dataset are the facts of a dataset.
type Dataset struct {
	Name string
	// Late rows came behind the watermark, Untimed ones have no event time.
	// Quarantined are entries, and no rows.
	Rows, Late, Untimed, Quarantined int64
	// Ahead are rows whose time is further ahead of their arrival than
	// MaxFuture.
	Ahead     int64
	MaxFuture time.Duration
	// TopReason is why most of what is in quarantine is there; Mismatched and
	// Broken count those whose values, and whose bytes, were wrong.
	TopReason          string
	Mismatched, Broken int64
	// Conflicts are values that wait in rest for a type that takes them.
	Conflicts int64
	// Over are records that a quota kept out.
	Over      int64
	Suspended []string // plugins that are not asked any more
}

// Machine are the facts of where the program runs, in bytes. Zero limits are
// unknown.
type Machine struct {
	DiskFree, DiskNeeded       int64
	Memory, MemoryLimit        int64
	StagingFree, StagingNeeded int64
}

// worst orders findings: what matters most first.
func worst(a, b Finding) int { return rank(b.Severity) - rank(a.Severity) }

func rank(s Severity) int { return slices.Index([]Severity{Note, Warn, Alarm}, s) }

// State is what findings make of what they are about, with the worst of them;
// nil where nothing changes the state.
func State(found []Finding) (state string, why *Finding) {
	for i, f := range found {
		if f.Severity != Note && (why == nil || rank(f.Severity) > rank(why.Severity)) {
			why = &found[i]
		}
	}
	if why == nil {
		return OK, nil
	}
	return why.State, why
}

// Judge runs all detectors for facts of one kind, the worst findings first.
func Judge[F Source | Dataset | Machine](facts F) []Finding {
	found := []Finding{}
	var ask func(mode) (Finding, bool)
	switch f := any(facts).(type) {
	case Source:
		ask = func(m mode) (Finding, bool) { return try(m.source, f) }
	case Dataset:
		ask = func(m mode) (Finding, bool) { return try(m.dataset, f) }
	case Machine:
		ask = func(m mode) (Finding, bool) { return try(m.machine, f) }
	}
	for _, m := range catalogue {
		if one, is := ask(m); is {
			one.Mode, one.Severity, one.State = m.name, m.severity, m.state
			found = append(found, one)
		}
	}
	slices.SortStableFunc(found, worst)
	return found
}

func try[F any](detect func(F) (Finding, bool), f F) (Finding, bool) {
	if detect == nil {
		return Finding{}, false
	}
	return detect(f)
}

// Modes lists the names of the known ways to fail.
func Modes() []string {
	out := make([]string, len(catalogue))
	for i, m := range catalogue {
		out[i] = m.name
	}
	return out
}
