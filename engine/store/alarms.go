package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// alarmTables hold what the live evaluation of rules has come to.
var alarmTables = []string{
	`CREATE TABLE IF NOT EXISTS tidemark.evaluations (
		rule VARCHAR, dataset VARCHAR, fingerprint VARCHAR, seq BIGINT, watermark TIMESTAMPTZ, since TIMESTAMPTZ, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.datapoints (
		rule VARCHAR, dataset VARCHAR, key JSON, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, "values" JSON, breaching BOOLEAN,
		point VARCHAR, state VARCHAR, records BIGINT, late BIGINT, revision INTEGER, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.alarms (
		rule VARCHAR, dataset VARCHAR, key JSON, state VARCHAR, since TIMESTAMPTZ, reason VARCHAR, updated_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.incidents (
		id VARCHAR, rule VARCHAR, dataset VARCHAR, key JSON, started_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, peak JSON,
		severity VARCHAR, summary VARCHAR, reason VARCHAR, labels MAP(VARCHAR, VARCHAR), fired_at TIMESTAMPTZ, latency_ms BIGINT,
		past BOOLEAN, told BOOLEAN, withdrawn BOOLEAN, acknowledged_at TIMESTAMPTZ, acknowledged_by VARCHAR, assignee VARCHAR, label VARCHAR,
		updated_at TIMESTAMPTZ)`,
	`CREATE SEQUENCE IF NOT EXISTS tidemark.incident_event`,
	`CREATE TABLE IF NOT EXISTS tidemark.incident_events (
		id BIGINT, incident VARCHAR, created_at TIMESTAMPTZ, kind VARCHAR, who VARCHAR, text VARCHAR)`,
}

// SaveEvaluated makes one step of the live evaluation true, in one
// transaction.
func (s *Store) SaveEvaluated(ctx context.Context, e engine.Evaluated) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, save := range []func(context.Context, *sql.Tx, engine.Evaluated) error{
			resetRules, saveProgress, savePoints, saveAlarms, saveIncidents, saveNotices, saveRunbooks,
		} {
			if err := save(ctx, tx, e); err != nil {
				return fmt.Errorf("keep what rules found in %s: %w", e.Dataset, err)
			}
		}
		return nil
	})
}

// resetRules forgets what was kept of rules that begin again. Their incidents
// stand until they turn out not to be of the new rule.
func resetRules(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	for _, r := range e.Rules {
		if !r.Reset {
			continue
		}
		for _, table := range []string{"datapoints", "alarms"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM tidemark."+table+" WHERE rule = ?", r.Rule); err != nil {
				return err
			}
		}
		still := []string{}
		for _, c := range e.Changes {
			if c.Rule == r.Rule {
				still = append(still, c.ID)
			}
		}
		list := asJSON(still)
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.incident_events
			SELECT nextval('tidemark.incident_event'), id, ?::TIMESTAMPTZ, 'withdrawn', '', 'the rule was changed: by the new one it never was'
			FROM tidemark.incidents WHERE rule = ? AND NOT withdrawn AND NOT list_contains(from_json(?::JSON, '["VARCHAR"]'), id)`, e.Now, r.Rule, list); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.incidents SET withdrawn = true, updated_at = ?
			WHERE rule = ? AND NOT withdrawn AND NOT list_contains(from_json(?::JSON, '["VARCHAR"]'), id)`, e.Now, r.Rule, list); err != nil {
			return err
		}
	}
	return nil
}

func saveProgress(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	if len(e.Rules) == 0 {
		return nil
	}
	type row struct {
		Rule        string `json:"rule"`
		Fingerprint string `json:"fingerprint"`
		Seq         int64  `json:"seq"`
		At          int64  `json:"at"`
		Since       *int64 `json:"since"`
	}
	rows := make([]row, len(e.Rules))
	for i, r := range e.Rules {
		rows[i] = row{r.Rule, r.Fingerprint, r.Seq, r.At.UnixMicro(), nil}
		if !r.Since.IsZero() {
			since := r.Since.UnixMicro()
			rows[i].Since = &since
		}
	}
	list := asJSON(rows)
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.evaluations WHERE rule IN (SELECT r.rule FROM (`+listed(`{"rule":"VARCHAR"}`)+`) AS t(r))`, list); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.evaluations SELECT r.rule, ?, r.fingerprint, r.seq, make_timestamptz(r.at), make_timestamptz(r.since), ?::TIMESTAMPTZ FROM (`+
		listed(`{"rule":"VARCHAR","fingerprint":"VARCHAR","seq":"BIGINT","at":"BIGINT","since":"BIGINT"}`)+`) AS t(r)`, e.Dataset, e.Now, list)
	return err
}

// listed gives the elements of a JSON list of objects as rows of one struct
// column, by the names and types of their members; its parameter is the list. It
// comes from VALUES, for what is made of constants is computed while the
// statement is planned, value by value: that took more than half of its time.
func listed(members string) string {
	return `SELECT unnest(from_json(v.list, '[` + members + `]')) FROM (VALUES (?::JSON)) AS v(list)`
}

// pointsAtOnce bounds the rows of one INSERT.
const pointsAtOnce = 5000

type pointRow struct {
	Rule      string `json:"rule"`
	Key       string `json:"key"`
	Start     int64  `json:"s"`
	End       int64  `json:"e"`
	Values    string `json:"v"`
	Breaching *bool  `json:"b"`
	Point     string `json:"p"`
	State     string `json:"st"`
	Records   int64  `json:"n"`
	Late      int64  `json:"l"`
	Revision  int    `json:"r"`
}

const pointType = `{"rule":"VARCHAR","key":"VARCHAR","s":"BIGINT","e":"BIGINT","v":"VARCHAR","b":"BOOLEAN","p":"VARCHAR","st":"VARCHAR","n":"BIGINT","l":"BIGINT","r":"INTEGER"}`

func pointRows(points []engine.Datapoint) []pointRow {
	rows := make([]pointRow, len(points))
	for i, p := range points {
		rows[i] = pointRow{p.Rule, p.Key, p.Start.UnixMicro(), p.End.UnixMicro(), p.Values, p.Breaching, p.Point, p.State, p.Records, p.Late, p.Revision}
	}
	return rows
}

// savePoints writes datapoints; those that are there already are replaced.
func savePoints(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	var old []engine.Datapoint
	for _, p := range e.Points {
		if p.Revision > 0 {
			old = append(old, p)
		}
	}
	for chunk := range slices.Chunk(append(old, e.Gone...), pointsAtOnce) {
		first := slices.MinFunc(chunk, func(a, b engine.Datapoint) int { return a.End.Compare(b.End) }).End
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.datapoints WHERE window_end >= ? AND (rule, key::VARCHAR, epoch_us(window_start), epoch_us(window_end))
			IN (SELECT (r.rule, r.key, r.s, r.e) FROM (`+listed(pointType)+`) AS t(r))`, first, asJSON(pointRows(chunk))); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(e.Points, pointsAtOnce) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.datapoints
			SELECT r.rule, ?, r.key::JSON, make_timestamptz(r.s), make_timestamptz(r.e), r.v::JSON, r.b, r.p, r.st, r.n, r.l, r.r, ?::TIMESTAMPTZ
			FROM (`+listed(pointType)+`) AS t(r)`, e.Dataset, e.Now, asJSON(pointRows(chunk))); err != nil {
			return err
		}
	}
	return nil
}

func saveAlarms(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	type row struct {
		Rule   string `json:"rule"`
		Key    string `json:"key"`
		State  string `json:"state"`
		Since  int64  `json:"since"`
		Reason string `json:"reason"`
	}
	const rowType = `{"rule":"VARCHAR","key":"VARCHAR","state":"VARCHAR","since":"BIGINT","reason":"VARCHAR"}`
	rows := func(list []engine.AlarmState) string {
		out := make([]row, len(list))
		for i, a := range list {
			out[i] = row{a.Rule, a.Key, a.State, a.Since.UnixMicro(), a.Reason}
		}
		return asJSON(out)
	}
	if len(e.Alarms)+len(e.Forgotten) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.alarms WHERE (rule, key::VARCHAR) IN (SELECT (r.rule, r.key) FROM (`+listed(rowType)+`) AS t(r))`,
		rows(append(slices.Clone(e.Alarms), e.Forgotten...))); err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(e.Alarms), func(a engine.AlarmState) bool {
		return slices.ContainsFunc(e.Forgotten, func(f engine.AlarmState) bool { return f.Rule == a.Rule && f.Key == a.Key })
	})
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.alarms SELECT r.rule, ?, r.key::JSON, r.state, make_timestamptz(r.since), r.reason, ?::TIMESTAMPTZ
		FROM (`+listed(rowType)+`) AS t(r)`, e.Dataset, e.Now, rows(kept))
	return err
}

// saveIncidents writes what became of incidents; what people said of them
// stays.
func saveIncidents(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	var grown []engine.Incident
	for _, c := range e.Changes {
		if c.Kind == "" {
			grown = append(grown, c.Incident)
			continue
		}
		if err := saveIncident(ctx, tx, c.Incident, e.Now); err != nil {
			return err
		}
		if err := addIncidentEvent(ctx, tx, engine.IncidentEvent{Incident: c.ID, At: e.Now, Kind: c.Kind, Text: c.Text}); err != nil {
			return err
		}
	}
	return saveGrown(ctx, tx, grown, e.Now)
}

// saveGrown writes what became of incidents that nothing is told of: a few for
// each rule and group that is alarming, with every step.
func saveGrown(ctx context.Context, tx *sql.Tx, grown []engine.Incident, now time.Time) error {
	type row struct {
		ID        string `json:"id"`
		Start     int64  `json:"s"`
		End       *int64 `json:"e"`
		Peak      string `json:"p"`
		Withdrawn bool   `json:"w"`
	}
	for chunk := range slices.Chunk(grown, pointsAtOnce) {
		rows := make([]row, len(chunk))
		for i, k := range chunk {
			rows[i] = row{ID: k.ID, Start: k.Start.UnixMicro(), Peak: k.Peak, Withdrawn: k.Withdrawn}
			if k.End != nil {
				end := k.End.UnixMicro()
				rows[i].End = &end
			}
		}
		// Numbered: of an UPDATE the database counts those of FROM before those of SET.
		done, err := tx.ExecContext(ctx, `UPDATE tidemark.incidents AS i SET started_at = make_timestamptz(r.s), ended_at = make_timestamptz(r.e), peak = r.p::JSON, withdrawn = r.w, updated_at = $1::TIMESTAMPTZ
			FROM (`+strings.Replace(listed(`{"id":"VARCHAR","s":"BIGINT","e":"BIGINT","p":"VARCHAR","w":"BOOLEAN"}`), "?", "$2", 1)+`) AS t(r) WHERE i.id = r.id`, now, asJSON(rows))
		if err != nil {
			return err
		}
		if n, _ := done.RowsAffected(); n == int64(len(chunk)) {
			continue
		}
		for _, k := range chunk { // one of them is not there
			if err := saveIncident(ctx, tx, k, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func saveIncident(ctx context.Context, tx *sql.Tx, i engine.Incident, now time.Time) error {
	done, err := tx.ExecContext(ctx, `UPDATE tidemark.incidents SET started_at = ?, ended_at = ?, peak = ?::JSON, withdrawn = ?, updated_at = ? WHERE id = ?`,
		i.Start, instantOf(i.End), i.Peak, i.Withdrawn, now, i.ID)
	if err != nil {
		return err
	}
	if n, _ := done.RowsAffected(); n > 0 {
		return nil
	}
	labels := i.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO tidemark.incidents VALUES (?, ?, ?, ?::JSON, ?, ?, ?::JSON, ?, ?, ?, from_json(?::JSON, '"MAP(VARCHAR, VARCHAR)"'), ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, ?)`,
		i.ID, i.Rule, i.Dataset, i.Key, i.Start, instantOf(i.End), i.Peak, null(i.Severity), null(i.Summary), null(i.Reason), asJSON(labels),
		i.Fired, i.Latency.Milliseconds(), i.Past, i.Told, i.Withdrawn, now)
	return err
}

func instantOf(t *time.Time) any {
	if t == nil {
		return nil
	}
	return *t
}

func addIncidentEvent(ctx context.Context, tx *sql.Tx, e engine.IncidentEvent) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.incident_events VALUES (nextval('tidemark.incident_event'), ?, ?, ?, ?, ?)`, e.Incident, e.At, e.Kind, e.Who, e.Text)
	return err
}

// Evaluations tells how far the rules of a dataset were evaluated.
func (s *Store) Evaluations(ctx context.Context, dataset string) (map[string]engine.RuleProgress, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT rule, fingerprint, seq, watermark, since FROM tidemark.evaluations WHERE dataset = ?`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]engine.RuleProgress{}
	for rows.Next() {
		var p engine.RuleProgress
		var since sql.NullTime
		if err := rows.Scan(&p.Rule, &p.Fingerprint, &p.Seq, &p.At, &since); err != nil {
			return nil, err
		}
		p.At, p.Since = p.At.UTC(), utc(since)
		out[p.Rule] = p
	}
	return out, rows.Err()
}

// LiveDatapoints are those of a rule that end after from, by group and then by
// time, and the few before them of each group that was heard of since known.
func (s *Store) LiveDatapoints(ctx context.Context, rule string, from, known time.Time, few int) ([]engine.Datapoint, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT key::VARCHAR, window_start, window_end, "values"::VARCHAR, breaching, point, state, records, late, revision FROM (
			SELECT *, count(*) FILTER (WHERE window_end <= ?::TIMESTAMPTZ) OVER (PARTITION BY key ORDER BY window_end DESC ROWS UNBOUNDED PRECEDING) AS back
			FROM tidemark.datapoints WHERE rule = ? QUALIFY max(window_end) OVER (PARTITION BY key) >= ?) WHERE back <= ? ORDER BY key, window_end`, from, rule, known, few)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []engine.Datapoint
	for rows.Next() {
		p := engine.Datapoint{Rule: rule}
		var breaching sql.NullBool
		if err := rows.Scan(&p.Key, &p.Start, &p.End, &p.Values, &breaching, &p.Point, &p.State, &p.Records, &p.Late, &p.Revision); err != nil {
			return nil, err
		}
		p.Start, p.End = p.Start.UTC(), p.End.UTC()
		if breaching.Valid {
			p.Breaching = &breaching.Bool
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// LiveIncidents are those of a rule that last, or lasted until after from.
func (s *Store) LiveIncidents(ctx context.Context, rule string, from time.Time) ([]engine.Incident, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT id, rule, dataset, key::VARCHAR, peak::VARCHAR, started_at, ended_at, coalesce(severity, ''),
		coalesce(summary, ''), coalesce(reason, ''), to_json(labels)::VARCHAR, fired_at, latency_ms, past
		FROM tidemark.incidents WHERE rule = ? AND NOT withdrawn AND (ended_at IS NULL OR ended_at > ?) ORDER BY started_at`, rule, from)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []engine.Incident
	for rows.Next() {
		var i engine.Incident
		var end sql.NullTime
		var labels string
		var latency int64
		if err := rows.Scan(&i.ID, &i.Rule, &i.Dataset, &i.Key, &i.Peak, &i.Start, &end, &i.Severity, &i.Summary, &i.Reason, &labels, &i.Fired, &latency, &i.Past); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(labels), &i.Labels); err != nil {
			return nil, err
		}
		i.Start, i.Fired, i.Latency = i.Start.UTC(), i.Fired.UTC(), time.Duration(latency)*time.Millisecond
		if end.Valid {
			at := end.Time.UTC()
			i.End = &at
		}
		out = append(out, i)
	}
	return out, rows.Err()
}

// AlarmStates are those of a rule's groups, or of all rules with "".
func (s *Store) AlarmStates(ctx context.Context, rule string) ([]engine.AlarmState, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT rule, key::VARCHAR, state, since, coalesce(reason, '') FROM tidemark.alarms WHERE ? IN ('', rule) ORDER BY rule, key`, rule)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []engine.AlarmState{}
	for rows.Next() {
		var a engine.AlarmState
		if err := rows.Scan(&a.Rule, &a.Key, &a.State, &a.Since, &a.Reason); err != nil {
			return nil, err
		}
		a.Since = a.Since.UTC()
		out = append(out, a)
	}
	return out, rows.Err()
}

// NewestSeq is the highest _seq of a dataset's rows.
func (s *Store) NewestSeq(ctx context.Context, dataset string) (newest int64, err error) {
	d, err := s.lookup(dataset)
	if err != nil {
		return 0, err
	}
	return newestSeq(ctx, s.DB(), d.allSegments())
}

// OldestEvent is the oldest event time of a dataset's rows; zero if there is
// none.
func (s *Store) OldestEvent(ctx context.Context, dataset string) (time.Time, error) {
	relation, err := s.Relation(dataset, []engine.Path{{"event_time"}})
	if err != nil {
		return time.Time{}, err
	}
	var oldest sql.NullTime
	err = s.DB().QueryRowContext(ctx, "SELECT min(event_time) FROM "+relation+" WHERE isfinite(event_time)").Scan(&oldest)
	return utc(oldest), err
}

// Stamp tells what a dataset holds: it stays the same, also when the database
// is opened again, as long as no row comes, goes or is read anew, and neither
// its schema nor its watermark moves. It reads two columns.
func (s *Store) Stamp(ctx context.Context, dataset string) (string, error) {
	d, err := s.lookup(dataset)
	if err != nil {
		return "", err
	}
	w, _, err := s.Watermark(ctx, dataset)
	if err != nil {
		return "", err
	}
	v, _ := s.Schema(dataset)
	stamp := fmt.Sprintf("%d %s", v.Version, w.UTC().Format(time.RFC3339Nano))
	for _, g := range d.allSegments() {
		var n, seq int64
		var at sql.NullTime
		if err := s.DB().QueryRowContext(ctx, "SELECT count(*), coalesce(max(_seq), 0), max(ingest_time) FROM "+g.sql()).Scan(&n, &seq, &at); err != nil {
			return "", err
		}
		stamp += fmt.Sprintf(" %d/%d/%d", n, seq, at.Time.UnixMicro())
	}
	return stamp, nil
}

// NewestEvent is how far the records of a dataset tell: its newest event time,
// where a clock that runs ahead counts with when its record arrived. It is
// zero when no record has a time.
func (s *Store) NewestEvent(ctx context.Context, dataset string) (time.Time, error) {
	relation, err := s.Relation(dataset, []engine.Path{{"event_time"}, {"arrival_time"}})
	if err != nil {
		return time.Time{}, err
	}
	var newest sql.NullTime
	err = s.DB().QueryRowContext(ctx, "SELECT max(least(event_time, arrival_time)) FROM "+relation+" WHERE isfinite(event_time)").Scan(&newest)
	return utc(newest), err
}
