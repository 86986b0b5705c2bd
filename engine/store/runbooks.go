package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"tidemark.dev/tidemark/engine"
)

// runbookTables hold the notebooks that run for incidents, and each cell that
// has run.
var runbookTables = []string{
	`CREATE SEQUENCE IF NOT EXISTS tidemark.runbook_id`,
	`CREATE TABLE IF NOT EXISTS tidemark.runbooks (
		id BIGINT, incident VARCHAR, file VARCHAR, text VARCHAR, params JSON, ends_at TIMESTAMPTZ, who VARCHAR, state VARCHAR, cells INTEGER,
		attempts INTEGER, error VARCHAR, created_at TIMESTAMPTZ, finished_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.runbook_steps (run BIGINT, step INTEGER, result JSON, seconds DOUBLE, finished_at TIMESTAMPTZ)`,
}

// Runbook is a notebook that runs, or has run, for an incident.
type Runbook struct {
	ID       int64  `json:"id"`
	Incident string `json:"incident"`
	File     string `json:"file"`
	Text     string `json:"-"`
	// Params are what the notebook may take of the incident.
	Params map[string]string `json:"params"`
	// To is where what it looks at ends.
	To  time.Time `json:"to"`
	Who string    `json:"who" doc:"Who started it; empty if the alarm did."`
	// State is pending, running, done, or failed.
	State string `json:"state" enum:"pending,running,done,failed"`
	Cells int    `json:"cells" doc:"How many the notebook has; 0 before it is read."`
	Steps int    `json:"steps" doc:"How many of them are done."`
	// Attempts counts how often the next cell was begun.
	Attempts   int        `json:"attempts"`
	Error      string     `json:"error"`
	CreatedAt  time.Time  `json:"created_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// saveRunbooks queues what alarms start; an incident starts one at most.
func saveRunbooks(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	for _, r := range e.Runbooks {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM tidemark.runbooks WHERE incident = ? AND who IS NULL`, r.Incident).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if _, err := addRunbook(ctx, tx, r, e.Now); err != nil {
			return err
		}
	}
	return nil
}

func addRunbook(ctx context.Context, tx *sql.Tx, r engine.Runbook, now time.Time) (id int64, err error) {
	state, done := "pending", any(nil)
	if r.Error != "" {
		state, done = "failed", now
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO tidemark.runbooks VALUES (nextval('tidemark.runbook_id'), ?, ?, ?, ?::JSON, ?, ?, ?, 0, 0, ?, ?, ?) RETURNING id`,
		r.Incident, r.File, r.Text, asJSON(r.Params), r.To, null(r.Who), state, null(r.Error), now, done).Scan(&id)
	if err != nil || r.Error == "" {
		return id, err
	}
	return id, addIncidentEvent(ctx, tx, engine.IncidentEvent{Incident: r.Incident, At: now, Kind: engine.IncidentRunbook, Who: r.Who, Text: r.File + " did not run: " + r.Error})
}

// AddRunbook queues a notebook for an incident.
func (s *Store) AddRunbook(ctx context.Context, r engine.Runbook, now time.Time) (id int64, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		id, err = addRunbook(ctx, tx, r, now)
		return err
	})
	return id, err
}

const runbookColumns = `id, incident, file, text, params::VARCHAR, ends_at, coalesce(who, ''), state, cells,
	(SELECT count(*) FROM tidemark.runbook_steps AS s WHERE s.run = r.id), attempts, coalesce(error, ''), created_at, finished_at`

// RunbooksToDo are those that have not ended, the oldest first.
func (s *Store) RunbooksToDo(ctx context.Context) ([]Runbook, error) {
	return s.runbooks(ctx, `state IN ('pending', 'running') ORDER BY id`)
}

// Runbooks are those of an incident, the newest first.
func (s *Store) Runbooks(ctx context.Context, incident string) ([]Runbook, error) {
	return s.runbooks(ctx, `incident = ? ORDER BY id DESC`, incident)
}

func (s *Store) runbooks(ctx context.Context, where string, args ...any) ([]Runbook, error) {
	rows, err := s.DB().QueryContext(ctx, "SELECT "+runbookColumns+" FROM tidemark.runbooks AS r WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Runbook{}
	for rows.Next() {
		var r Runbook
		var params string
		var done sql.NullTime
		if err := rows.Scan(&r.ID, &r.Incident, &r.File, &r.Text, &params, &r.To, &r.Who, &r.State, &r.Cells, &r.Steps, &r.Attempts, &r.Error, &r.CreatedAt, &done); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(params), &r.Params); err != nil {
			return nil, err
		}
		r.To, r.CreatedAt, r.FinishedAt = r.To.UTC(), r.CreatedAt.UTC(), instant(done)
		out = append(out, r)
	}
	return out, rows.Err()
}

// RunbookSteps are the results of the cells that have run, as JSON, in order.
func (s *Store) RunbookSteps(ctx context.Context, run int64) ([]json.RawMessage, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT result::VARCHAR FROM tidemark.runbook_steps WHERE run = ? ORDER BY step`, run)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []json.RawMessage{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, json.RawMessage(text))
	}
	return out, rows.Err()
}

// AimRunbook says what a run that begins looks at: to when, and with which
// values.
func (s *Store) AimRunbook(ctx context.Context, r Runbook) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.runbooks SET ends_at = ?, params = ?::JSON WHERE id = ?`, r.To, asJSON(r.Params), r.ID)
		return err
	})
}

// BeginStep says that a run is about to run a cell; it gives how often that
// was begun.
func (s *Store) BeginStep(ctx context.Context, run int64, cells int) (attempts int, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `UPDATE tidemark.runbooks SET state = 'running', cells = ?, attempts = attempts + 1 WHERE id = ? RETURNING attempts`, cells, run).Scan(&attempts)
	})
	return attempts, err
}

// LeaveStep says that a cell was begun and given up in peace.
func (s *Store) LeaveStep(ctx context.Context, run int64) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.runbooks SET attempts = attempts - 1 WHERE id = ?`, run)
		return err
	})
}

// SaveStep keeps what a cell gave.
func (s *Store) SaveStep(ctx context.Context, run int64, step int, result []byte, took time.Duration, now time.Time) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.runbook_steps VALUES (?, ?, ?::JSON, ?, ?)`, run, step, string(result), took.Seconds(), now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE tidemark.runbooks SET attempts = 0 WHERE id = ?`, run)
		return err
	})
}

// EndRunbook says how a run ended, and tells it in the incident's timeline.
func (s *Store) EndRunbook(ctx context.Context, r Runbook, problem, said string, now time.Time) error {
	state := "done"
	if problem != "" {
		state = "failed"
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.runbooks SET state = ?, error = ?, finished_at = ? WHERE id = ?`, state, null(problem), now, r.ID); err != nil {
			return err
		}
		return addIncidentEvent(ctx, tx, engine.IncidentEvent{Incident: r.Incident, At: now, Kind: engine.IncidentRunbook, Who: r.Who, Text: said})
	})
}
