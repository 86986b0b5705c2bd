package store

import (
	"cmp"
	"context"
	"database/sql"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// noteRoute remembers that a source's records go to a dataset other than that
// of its ledger.
func noteRoute(ctx context.Context, tx *sql.Tx, b engine.Batch) error {
	if b.Ledger == "" || b.Ledger == b.Dataset || len(b.Origins) == 0 {
		return nil
	}
	source := b.Origins[0].Source
	_, err := tx.ExecContext(ctx, `INSERT INTO tidemark.routes SELECT ?, ?, ?
		WHERE NOT EXISTS (SELECT 1 FROM tidemark.routes WHERE dataset = ? AND source = ? AND routed = ?)`,
		b.Ledger, source, b.Dataset, b.Ledger, source, b.Dataset)
	return err
}

// unite defines all_events once more where a transaction makes several
// datasets: each was defined without those after it.
func (s *Store) unite(ctx context.Context, tx *sql.Tx, batches []engine.Batch) error {
	var made []string
	for _, b := range batches {
		if b.Schema != nil {
			made = append(made, b.Dataset)
		}
	}
	if len(made) < 2 {
		return nil
	}
	return s.defineAllEvents(ctx, tx, made...)
}

// deleteRouted removes the rows of objects that are read anew from the other
// datasets that their source was routed to, and names those.
func (s *Store) deleteRouted(ctx context.Context, tx *sql.Tx, batches []engine.Batch) (from []string, err error) {
	for _, b := range batches {
		if len(b.Replace) == 0 || len(b.Origins) == 0 {
			continue
		}
		source := b.Origins[0].Source
		routes, err := routesOf(ctx, tx, source)
		if err != nil {
			return nil, err
		}
		for _, name := range routes[b.Dataset] {
			s.mu.RLock()
			d := s.datasets[name]
			s.mu.RUnlock()
			if err := s.deleteReplaced(ctx, tx, name, d, b.Replace, source); err != nil {
				return nil, err
			}
			from = append(from, name)
		}
	}
	return from, nil
}

// Routes are the datasets that records of a source were routed to, by the
// dataset that its ledger is with.
func (s *Store) Routes(ctx context.Context, source string) (map[string][]string, error) {
	return routesOf(ctx, s, source)
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func routesOf(ctx context.Context, from querier, source string) (map[string][]string, error) {
	rows, err := from.QueryContext(ctx, `SELECT dataset, routed FROM tidemark.routes WHERE source = ? ORDER BY dataset, routed`, source)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]string{}
	for rows.Next() {
		var dataset, routed string
		if err := rows.Scan(&dataset, &routed); err != nil {
			return nil, err
		}
		out[dataset] = append(out[dataset], routed)
	}
	return out, rows.Err()
}

// LedgerOf is the dataset that has the ledger of what a source brought to a
// dataset.
func (s *Store) LedgerOf(ctx context.Context, dataset, source string) (string, error) {
	routes, err := s.Routes(ctx, source)
	for ledger, routed := range routes {
		for _, name := range routed {
			if name == dataset {
				return ledger, err
			}
		}
	}
	return dataset, err
}

// notRouted refuses to drop the ledger of rows that stay: the next pull would
// store them twice.
func (s *Store) notRouted(ctx context.Context, name string) error {
	rows, err := s.QueryContext(ctx, `SELECT DISTINCT routed FROM tidemark.routes WHERE dataset = ? ORDER BY 1`, name)
	if err != nil {
		return err
	}
	defer rows.Close()
	var routed []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return err
		}
		routed = append(routed, one)
	}
	if err := rows.Err(); err != nil || len(routed) == 0 {
		return err
	}
	return engine.Errorf(engine.Conflict, "drop "+name, "it says which objects were pulled into %s", strings.Join(routed, ", ")).
		WithHint("drop those first")
}

// ledger is the dataset that the ledger of a batch is with.
func ledger(b engine.Batch) string { return cmp.Or(b.Ledger, b.Dataset) }
