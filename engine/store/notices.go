package store

import (
	"context"
	"database/sql"

	"tidemark.dev/tidemark/engine"
)

// noticeTables are the outbox.
var noticeTables = []string{
	`CREATE SEQUENCE IF NOT EXISTS tidemark.notification_id`,
	`CREATE TABLE IF NOT EXISTS tidemark.notifications (
		id BIGINT, key VARCHAR, channel VARCHAR, kind VARCHAR, incident VARCHAR, message JSON, state VARCHAR, attempts INTEGER,
		next_at TIMESTAMPTZ, error VARCHAR, created_at TIMESTAMPTZ, sent_at TIMESTAMPTZ)`,
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
