package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"tidemark.dev/tidemark/engine"
)

// noticeTables are the outbox.
var noticeTables = []string{
	`CREATE SEQUENCE IF NOT EXISTS tidemark.notification_id`,
	`CREATE TABLE IF NOT EXISTS tidemark.notifications (
		id BIGINT, key VARCHAR, channel VARCHAR, kind VARCHAR, incident VARCHAR, message JSON, state VARCHAR, attempts INTEGER,
		next_at TIMESTAMPTZ, error VARCHAR, created_at TIMESTAMPTZ, sent_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.silences (
		id VARCHAR, rule VARCHAR, match MAP(VARCHAR, VARCHAR), starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ, who VARCHAR, reason VARCHAR, created_at TIMESTAMPTZ)`,
	`CREATE TABLE IF NOT EXISTS tidemark.digests (channel VARCHAR, until TIMESTAMPTZ)`,
}

// Notification is one line of the outbox.
type Notification struct {
	ID       int64           `json:"id"`
	Key      string          `json:"key"`
	Channel  string          `json:"channel"`
	Kind     string          `json:"kind"`
	Incident string          `json:"incident"`
	Message  json.RawMessage `json:"message"`
	// State is pending, sent, suppressed, or dead when it was given up.
	State     string     `json:"state" enum:"pending,sent,suppressed,dead"`
	Attempts  int        `json:"attempts"`
	NextAt    *time.Time `json:"next_at"`
	Error     string     `json:"error"`
	CreatedAt time.Time  `json:"created_at"`
	SentAt    *time.Time `json:"sent_at"`
}

// AddNotices puts notices into the outbox.
func (s *Store) AddNotices(ctx context.Context, notices []engine.Notice, now time.Time) error {
	if len(notices) == 0 {
		return nil
	}
	return s.inTx(ctx, func(tx *sql.Tx) error { return saveNotices(ctx, tx, engine.Evaluated{Now: now, Notices: notices}) })
}

// Notifications lists the outbox, newest first; state chooses, "" is all.
func (s *Store) Notifications(ctx context.Context, state string, limit int) ([]Notification, error) {
	return s.notifications(ctx, `? IN ('', state) ORDER BY id DESC LIMIT ?`, state, limit)
}

// DueNotices are those that should be sent by now, oldest first: at most so many
// of each channel, so that one that takes nothing keeps no other waiting.
func (s *Store) DueNotices(ctx context.Context, now time.Time, limit int) ([]Notification, error) {
	return s.notifications(ctx, `state = 'pending' AND next_at <= ? QUALIFY row_number() OVER (PARTITION BY channel ORDER BY id) <= ? ORDER BY id`, now, limit)
}

// AlarmsAwaited are the notices of alarms whose end waits to be told.
func (s *Store) AlarmsAwaited(ctx context.Context) ([]Notification, error) {
	return s.notifications(ctx, `kind = 'alarm' AND incident IN (SELECT incident FROM tidemark.notifications WHERE kind = 'ok' AND state = 'pending') ORDER BY id`)
}

func (s *Store) notifications(ctx context.Context, where string, args ...any) ([]Notification, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT id, key, channel, kind, coalesce(incident, ''), message::VARCHAR, state, attempts, next_at, coalesce(error, ''), created_at, sent_at
		FROM tidemark.notifications WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Notification{}
	for rows.Next() {
		var n Notification
		var message string
		var next, sent sql.NullTime
		if err := rows.Scan(&n.ID, &n.Key, &n.Channel, &n.Kind, &n.Incident, &message, &n.State, &n.Attempts, &next, &n.Error, &n.CreatedAt, &sent); err != nil {
			return nil, err
		}
		n.Message, n.NextAt, n.SentAt, n.CreatedAt = json.RawMessage(message), instant(next), instant(sent), n.CreatedAt.UTC()
		out = append(out, n)
	}
	return out, rows.Err()
}

// MoveNotice writes down what became of a notice; at is when it was sent, or
// when it is tried next.
func (s *Store) MoveNotice(ctx context.Context, n Notification, state, why string, attempts int, at time.Time) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		set := "next_at = ?"
		if state == "sent" {
			set = "sent_at = ?"
		}
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.notifications SET state = ?, error = ?, attempts = ?, `+set+` WHERE id = ?`, state, null(why), attempts, at, n.ID); err != nil {
			return err
		}
		if n.Incident == "" || state == "pending" {
			return nil
		}
		text := n.Kind + " to " + n.Channel
		if state != "sent" {
			text += ": " + state + ", " + why
		}
		return addIncidentEvent(ctx, tx, engine.IncidentEvent{Incident: n.Incident, At: at, Kind: engine.IncidentNotified, Text: text})
	})
}

// RetryNotices tries dead notices again: one, or all with 0. That an alarm is
// over, which nobody was told because nobody knew of it, waits with its notice.
func (s *Store) RetryNotices(ctx context.Context, id int64, now time.Time) (n int64, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE tidemark.notifications AS o SET state = 'pending', error = NULL, next_at = ? FROM tidemark.notifications AS a
			WHERE o.kind = 'ok' AND o.state = 'suppressed' AND a.kind = 'alarm' AND a.state = 'dead' AND ? IN (0, a.id) AND a.incident = o.incident AND a.channel = o.channel`, now, id); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE tidemark.notifications SET state = 'pending', attempts = 0, next_at = ? WHERE state = 'dead' AND ? IN (0, id)`, now, id)
		if err == nil {
			n, err = done.RowsAffected()
		}
		return err
	})
	return n, err
}

// TakeUntold gives the incidents that were found while catching up and nobody
// was told of, and puts the notices that tell of them into the outbox with it.
func (s *Store) TakeUntold(ctx context.Context, now time.Time, tell func([]IncidentRow) []engine.Notice) error {
	list, err := s.incidents(ctx, "SELECT "+incidentColumns+" FROM tidemark.incidents WHERE past AND NOT told AND NOT withdrawn ORDER BY started_at, id")
	if err != nil || len(list) == 0 {
		return err
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, i := range list {
			if _, err := tx.ExecContext(ctx, `UPDATE tidemark.incidents SET told = true WHERE id = ?`, i.ID); err != nil {
				return err
			}
		}
		return saveNotices(ctx, tx, engine.Evaluated{Now: now, Notices: tell(list)})
	})
}

// DigestUntil is up to when a channel's daily digests have told; zero if it
// never had one.
func (s *Store) DigestUntil(ctx context.Context, channel string) (time.Time, error) {
	var until sql.NullTime
	err := s.DB().QueryRowContext(ctx, `SELECT max(until) FROM tidemark.digests WHERE channel = ?`, channel).Scan(&until)
	return until.Time.UTC(), err
}

// AddDigest puts what a channel is told of its last days into the outbox, and
// writes down with it up to when that goes.
func (s *Store) AddDigest(ctx context.Context, channel string, until time.Time, notices []engine.Notice, now time.Time) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.digests WHERE channel = ?`, channel); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.digests VALUES (?, ?)`, channel, until); err != nil {
			return err
		}
		return saveNotices(ctx, tx, engine.Evaluated{Now: now, Notices: notices})
	})
}

// GivenUp are the notifications of a channel that became dead letters.
type GivenUp struct {
	Channel string
	Count   int
	// Key and Error are those of the last.
	Key, Error string
}

// GivenUp lists by channel what became a dead letter since that was told last,
// if that is long enough ago. Keys that tell are prefix, channel, "/" and more.
func (s *Store) GivenUp(ctx context.Context, prefix string, told time.Time) ([]GivenUp, error) {
	rows, err := s.DB().QueryContext(ctx, `WITH told AS (
			SELECT split_part(key[length(?) + 1:], '/', 1) AS channel, max(created_at) AS at FROM tidemark.notifications WHERE starts_with(key, ?) GROUP BY ALL)
		SELECT d.channel, count(*), arg_max(d.key, d.next_at), coalesce(arg_max(d.error, d.next_at), '')
		FROM tidemark.notifications AS d LEFT JOIN told AS t ON t.channel = d.channel
		WHERE d.state = 'dead' AND d.kind <> 'failure' AND (t.at IS NULL OR d.next_at >= t.at AND t.at <= ?)
		GROUP BY ALL ORDER BY ALL`, prefix, prefix, told)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []GivenUp
	for rows.Next() {
		var g GivenUp
		if err := rows.Scan(&g.Channel, &g.Count, &g.Key, &g.Error); err != nil {
			return nil, err
		}
		list = append(list, g)
	}
	return list, rows.Err()
}

// Silence keeps notifications back for a time.
type Silence struct {
	ID     string            `json:"id"`
	Rule   string            `json:"rule" doc:"Only this rule; empty is all."`
	Match  map[string]string `json:"match" doc:"Only incidents with these labels or group values; * stands for any text."`
	From   time.Time         `json:"from"`
	To     time.Time         `json:"to"`
	Who    string            `json:"who"`
	Reason string            `json:"reason"`
}

// Silences lists those that are not over.
func (s *Store) Silences(ctx context.Context, now time.Time) ([]Silence, error) {
	rows, err := s.DB().QueryContext(ctx, `SELECT id, rule, to_json(match)::VARCHAR, starts_at, ends_at, coalesce(who, ''), coalesce(reason, '') FROM tidemark.silences WHERE ends_at > ? ORDER BY starts_at, id`, now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Silence{}
	for rows.Next() {
		var x Silence
		var match string
		if err := rows.Scan(&x.ID, &x.Rule, &match, &x.From, &x.To, &x.Who, &x.Reason); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(match), &x.Match); err != nil {
			return nil, err
		}
		x.From, x.To = x.From.UTC(), x.To.UTC()
		out = append(out, x)
	}
	return out, rows.Err()
}

// AddSilence writes one down.
func (s *Store) AddSilence(ctx context.Context, x Silence, now time.Time) error {
	if x.Match == nil {
		x.Match = map[string]string{}
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.silences VALUES (?, ?, from_json(?::JSON, '"MAP(VARCHAR, VARCHAR)"'), ?, ?, ?, ?, ?)`,
			x.ID, x.Rule, asJSON(x.Match), x.From, x.To, null(x.Who), null(x.Reason), now)
		return err
	})
}

// EndSilence ends one now.
func (s *Store) EndSilence(ctx context.Context, id string, now time.Time) (found bool, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE tidemark.silences SET ends_at = ? WHERE id = ? AND ends_at > ?`, now, id, now)
		if err == nil {
			var n int64
			n, err = done.RowsAffected()
			found = n > 0
		}
		return err
	})
	return found, err
}

// saveNotices puts notices into the outbox; a channel gets each key once.
func saveNotices(ctx context.Context, tx *sql.Tx, e engine.Evaluated) error {
	for _, n := range e.Notices {
		due := e.Now
		if n.NotBefore.After(due) {
			due = n.NotBefore
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.notifications
			SELECT nextval('tidemark.notification_id'), ?, ?, ?, ?, ?::JSON, 'pending', 0, ?::TIMESTAMPTZ, NULL, ?::TIMESTAMPTZ, NULL
			WHERE NOT EXISTS (SELECT 1 FROM tidemark.notifications WHERE key = ? AND channel = ?)`,
			n.Key, n.Channel, n.Kind, null(n.Incident), n.Message, due, e.Now, n.Key, n.Channel); err != nil {
			return err
		}
	}
	return nil
}
