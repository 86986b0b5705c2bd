package engine

import "time"

// Datapoint is one finished window of one group of a rule, as the live
// evaluation keeps it. Key and Values are JSON objects.
type Datapoint struct {
	Rule, Key  string
	Start, End time.Time
	Values     string
	// Breaching is nil for a missing datapoint.
	Breaching *bool
	// Point is what the alarm took it for, as tests write it (0, X or -), and
	// State is where the alarm was after it.
	Point, State string
	// Records are how many the window has, Late how many of them came late.
	Records, Late int64
	// Revision counts how often late records changed the window or what the
	// alarm took it for.
	Revision int
}

// Incident is one stay in alarm of one group of a rule. Its ID follows from
// the rule, the group and the start, so that evaluating the same rows again
// gives the same one.
type Incident struct {
	ID, Rule, Dataset string
	// Key and Peak are JSON objects.
	Key, Peak string
	Start     time.Time
	End       *time.Time // nil while it lasts
	Severity  string
	Summary   string
	Reason    string
	Labels    map[string]string
	// Fired is when it was found out, by the clock on the wall; Latency is how
	// long after the arrival of the records that decided it, zero if unknown.
	Fired   time.Time
	Latency time.Duration
	// Past incidents were found while catching up: nobody is told of each.
	Past bool
	// Told incidents need no further telling.
	Told bool
	// Withdrawn incidents are no more: late records took their datapoints
	// away, or the rule was changed.
	Withdrawn bool
}

// The things that happen to an incident.
const (
	IncidentFired        = "fired"
	IncidentEnded        = "ended"
	IncidentRevised      = "revised"
	IncidentWithdrawn    = "withdrawn"
	IncidentAcknowledged = "acknowledged"
	IncidentAssigned     = "assigned"
	IncidentCommented    = "commented"
	IncidentLabelled     = "labelled"
	IncidentNotified     = "notified"
	IncidentRunbook      = "runbook"
)

// IncidentEvent is one line of an incident's timeline.
type IncidentEvent struct {
	Incident string
	At       time.Time
	Kind     string
	Who      string
	Text     string
}

// IncidentChange is an incident and what a step of the evaluation did to it.
type IncidentChange struct {
	Incident
	Kind string
	Text string
}

// AlarmState is where the alarm of a group stands.
type AlarmState struct {
	Rule, Key, State, Reason string
	Since                    time.Time
}

// RuleProgress is how far a rule was evaluated: all rows up to Seq are in its
// windows, and the windows that end by At are done.
type RuleProgress struct {
	Rule        string
	Fingerprint string
	// Seq is the last _seq, and At the watermark, that the rule has come to.
	Seq int64
	At  time.Time
	// Since is from when groups that must appear are waited for.
	Since time.Time
	// Reset says that what was kept of the rule is not of this one.
	Reset bool
}

// Evaluated is everything that one step of the live evaluation makes true
// together.
type Evaluated struct {
	Dataset string
	// Now is when, by the clock on the wall.
	Now    time.Time
	Rules  []RuleProgress
	Points []Datapoint
	// Gone are datapoints of windows that late records merged into others.
	Gone    []Datapoint
	Changes []IncidentChange
	Alarms  []AlarmState
	// Forgotten are groups whose alarm is gone.
	Forgotten []AlarmState
	// Notices are what has to be sent because of it.
	Notices []Notice
	// Runbooks are what has to run because of it.
	Runbooks []Runbook
}

// Runbook is a notebook that has to run for an incident, as it stood in its
// file then.
type Runbook struct {
	Incident, File, Text string
	// Params are what the notebook may take of the incident.
	Params map[string]string
	// To is where what it looks at ends.
	To time.Time
	// Who started it; empty if the alarm did.
	Who string
	// Error is why it cannot run.
	Error string
}

// Notice is one notification for one channel. A channel gets each Key once.
type Notice struct {
	Key, Channel, Kind string
	Incident           string
	// Message is what is sent, as JSON.
	Message string
	// NotBefore is when it may be sent; zero is at once.
	NotBefore time.Time
}
