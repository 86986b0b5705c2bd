package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// IncidentRow is an incident with what people have said of it.
type IncidentRow struct {
	ID       string            `json:"id"`
	Rule     string            `json:"rule"`
	Dataset  string            `json:"dataset"`
	Key      map[string]any    `json:"key"`
	State    string            `json:"state" enum:"open,closed,withdrawn"`
	Start    time.Time         `json:"start"`
	End      *time.Time        `json:"end" doc:"Null while it lasts."`
	Severity string            `json:"severity"`
	Summary  string            `json:"summary"`
	Reason   string            `json:"reason"`
	Peak     map[string]any    `json:"peak" doc:"The worst value of each measure that when reads."`
	Labels   map[string]string `json:"labels"`
	FiredAt  time.Time         `json:"fired_at" doc:"When it was found, by the clock on the wall."`
	Latency  int64             `json:"latency_ms" doc:"From the arrival of the records that decided it to the alarm."`
	Past     bool              `json:"past" doc:"It was found while catching up, and told in a digest."`
	Acked    *time.Time        `json:"acknowledged_at"`
	AckedBy  string            `json:"acknowledged_by"`
	Assignee string            `json:"assignee"`
	Label    string            `json:"label" enum:"true,false," doc:"Whether somebody called the alarm true or false."`
}

// IncidentEventRow is one line of an incident's timeline.
type IncidentEventRow struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Who  string    `json:"who"`
	Text string    `json:"text"`
}

// IncidentFilter chooses incidents; what is empty does not choose.
type IncidentFilter struct {
	Rule, Dataset string
	// State is open, closed or withdrawn; empty is open and closed.
	State string
	// From and To bound when it lasted.
	From, To time.Time
	// Limit is how many are listed at most; 0 is all.
	Limit int
}

func (f IncidentFilter) where() (string, []any) {
	where, args := []string{"true"}, []any{}
	and := func(set bool, condition string, arg ...any) {
		if set {
			where, args = append(where, condition), append(args, arg...)
		}
	}
	and(f.Rule != "", "rule = ?", f.Rule)
	and(f.Dataset != "", "dataset = ?", f.Dataset)
	and(f.State == "open", "ended_at IS NULL")
	and(f.State == "closed", "ended_at IS NOT NULL")
	and(true, "withdrawn = ?", f.State == "withdrawn")
	and(!f.From.IsZero(), "(ended_at IS NULL OR ended_at > ?)", f.From)
	and(!f.To.IsZero(), "started_at < ?", f.To)
	return strings.Join(where, " AND "), args
}

const incidentColumns = `id, rule, dataset, key::VARCHAR, CASE WHEN withdrawn THEN 'withdrawn' WHEN ended_at IS NULL THEN 'open' ELSE 'closed' END,
	started_at, ended_at, coalesce(severity, ''), coalesce(summary, ''), coalesce(reason, ''), peak::VARCHAR, to_json(labels)::VARCHAR,
	fired_at, latency_ms, past, acknowledged_at, coalesce(acknowledged_by, ''), coalesce(assignee, ''), coalesce(label, '')`

// Incidents lists incidents, the newest first.
func (s *Store) Incidents(ctx context.Context, f IncidentFilter) ([]IncidentRow, error) {
	where, args := f.where()
	query := "SELECT " + incidentColumns + " FROM tidemark.incidents WHERE " + where + " ORDER BY started_at DESC, id"
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return s.incidents(ctx, query, args...)
}

func (s *Store) incidents(ctx context.Context, query string, args ...any) ([]IncidentRow, error) {
	rows, err := s.DB().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []IncidentRow{}
	for rows.Next() {
		var i IncidentRow
		var key, peak, labels string
		var end, acked sql.NullTime
		if err := rows.Scan(&i.ID, &i.Rule, &i.Dataset, &key, &i.State, &i.Start, &end, &i.Severity, &i.Summary, &i.Reason, &peak, &labels,
			&i.FiredAt, &i.Latency, &i.Past, &acked, &i.AckedBy, &i.Assignee, &i.Label); err != nil {
			return nil, err
		}
		for text, into := range map[*string]any{&key: &i.Key, &peak: &i.Peak, &labels: &i.Labels} {
			if err := json.Unmarshal([]byte(*text), into); err != nil {
				return nil, fmt.Errorf("read incident %s: %w", i.ID, err)
			}
		}
		i.Start, i.FiredAt, i.End, i.Acked = i.Start.UTC(), i.FiredAt.UTC(), instant(end), instant(acked)
		out = append(out, i)
	}
	return out, rows.Err()
}

// FindIncident finds an incident by its id, or by as much of its beginning as
// tells it from others.
func (s *Store) FindIncident(ctx context.Context, id string) (IncidentRow, error) {
	found, err := s.incidents(ctx, "SELECT "+incidentColumns+" FROM tidemark.incidents WHERE starts_with(id, ?) ORDER BY id LIMIT 2", id)
	switch {
	case err != nil:
		return IncidentRow{}, err
	case id == "" || len(found) == 0:
		return IncidentRow{}, engine.Errorf(engine.NotFound, "find an incident", "there is no incident %q", id).WithHint("tidemark incidents list shows those there are")
	case len(found) > 1 && found[0].ID != id:
		return IncidentRow{}, engine.Errorf(engine.Invalid, "find an incident", "%s is the beginning of several ids", id).WithHint("write more of it: %s, %s", found[0].ID, found[1].ID)
	}
	return found[0], nil
}

// IncidentEvents is an incident's timeline, oldest first.
func (s *Store) IncidentEvents(ctx context.Context, id string) ([]IncidentEventRow, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT created_at, kind, coalesce(who, ''), coalesce(text, '') FROM tidemark.incident_events WHERE incident = ? ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []IncidentEventRow{}
	for rows.Next() {
		var e IncidentEventRow
		if err := rows.Scan(&e.At, &e.Kind, &e.Who, &e.Text); err != nil {
			return nil, err
		}
		e.At = e.At.UTC()
		out = append(out, e)
	}
	return out, rows.Err()
}

// SayOfIncident writes down what somebody did with an incident.
func (s *Store) SayOfIncident(ctx context.Context, e engine.IncidentEvent) error {
	set := map[string]string{
		engine.IncidentAcknowledged: "acknowledged_at = ?, acknowledged_by = ?",
		engine.IncidentAssigned:     "assignee = ?",
		engine.IncidentLabelled:     "label = ?",
	}
	values := map[string][]any{
		engine.IncidentAcknowledged: {e.At, null(e.Who)},
		engine.IncidentAssigned:     {null(e.Text)},
		engine.IncidentLabelled:     {null(e.Text)},
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if columns := set[e.Kind]; columns != "" {
			if _, err := tx.ExecContext(ctx, "UPDATE tidemark.incidents SET "+columns+" WHERE id = ?", append(values[e.Kind], e.Incident)...); err != nil {
				return err
			}
		}
		return addIncidentEvent(ctx, tx, e)
	})
}

// RuleStanding is where the live evaluation of a rule stands.
type RuleStanding struct {
	// State is ALARM if any group is, else OK if any is.
	State string `json:"state" enum:"ALARM,OK,INSUFFICIENT_DATA"`
	// Groups are known, and InAlarm of them are in alarm.
	Groups  int64 `json:"groups"`
	InAlarm int64 `json:"in_alarm"`
	// EvaluatedTo is the end of the newest windows that are done.
	EvaluatedTo time.Time `json:"evaluated_to"`
}

// Standings tells where the rules stand that were evaluated live.
func (s *Store) Standings(ctx context.Context) (map[string]RuleStanding, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT e.rule, max(e.watermark), count(a.rule), count(*) FILTER (WHERE a.state = 'ALARM'), count(*) FILTER (WHERE a.state = 'OK')
		FROM tidemark.evaluations AS e LEFT JOIN tidemark.alarms AS a ON a.rule = e.rule GROUP BY e.rule`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]RuleStanding{}
	for rows.Next() {
		var rule string
		var ok int64
		st := RuleStanding{State: "INSUFFICIENT_DATA"}
		if err := rows.Scan(&rule, &st.EvaluatedTo, &st.Groups, &st.InAlarm, &ok); err != nil {
			return nil, err
		}
		switch {
		case st.InAlarm > 0:
			st.State = "ALARM"
		case ok > 0:
			st.State = "OK"
		}
		st.EvaluatedTo = st.EvaluatedTo.UTC()
		out[rule] = st
	}
	return out, rows.Err()
}

// OpenIncidents counts the incidents that last.
func (s *Store) OpenIncidents(ctx context.Context) (n int64, err error) {
	err = s.DB().QueryRowContext(ctx, `SELECT count(*) FROM tidemark.incidents WHERE ended_at IS NULL AND NOT withdrawn`).Scan(&n)
	return n, err
}
