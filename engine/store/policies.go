package store

import (
	"context"
	"database/sql"

	"tidemark.dev/tidemark/engine"
)

// PolicyCount is a policy and how many values it met in all pulls.
type PolicyCount struct {
	Path   string `json:"path"`
	Policy string `json:"policy"`
	Met    int64  `json:"met"`
}

// KeyCheck is what the dataset's values were hashed with: a digest of the
// key, or "" when nothing was hashed yet.
func (s *Store) KeyCheck(ctx context.Context, dataset string) (check string, err error) {
	err = s.DB().QueryRowContext(ctx, `SELECT coalesce(max(key_check), '') FROM tidemark.policies WHERE dataset = ?`, dataset).Scan(&check)
	return check, err
}

// CountPolicies adds to what the policies of a dataset met, and remembers
// which key their hashes have. Policies that are no longer there are kept:
// rows were stored under them.
func (s *Store) CountPolicies(ctx context.Context, dataset, keyCheck string, policies []engine.Policy, met []int64) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for i, p := range policies {
			n := int64(0)
			if i < len(met) {
				n = met[i]
			}
			var before int64
			key := []any{dataset, p.Path.String(), p.String()}
			if err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(met), 0)::BIGINT FROM tidemark.policies WHERE dataset = ? AND path = ? AND policy = ?`, key...).Scan(&before); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM tidemark.policies WHERE dataset = ? AND path = ? AND policy = ?`, key...); err != nil {
				return err
			}
			check := any(nil)
			if p.Kind == engine.Hash {
				check = keyCheck
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO tidemark.policies VALUES (?, ?, ?, ?, ?, ?)`, dataset, p.Path.String(), p.String(), check, before+n, s.opt.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// Policies lists the policies that a dataset was stored under, and what they
// met.
func (s *Store) Policies(ctx context.Context, dataset string) ([]PolicyCount, error) {
	rows, err := s.QueryContext(ctx, `SELECT path, policy, met FROM tidemark.policies WHERE dataset = ? ORDER BY path, policy`, dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []PolicyCount{}
	for rows.Next() {
		var p PolicyCount
		if err := rows.Scan(&p.Path, &p.Policy, &p.Met); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// PulledObject finds what the ledger has of an object, by its URL.
func (s *Store) PulledObject(ctx context.Context, dataset, source, url string) (o engine.Object, ok bool, err error) {
	o = engine.Object{Source: source, URL: url}
	var modified sql.NullTime
	rows, err := s.QueryContext(ctx, `SELECT key, etag, size, modified FROM tidemark.objects WHERE dataset = ? AND source = ? AND (key = ? OR url = ?) ORDER BY pulled_at DESC LIMIT 1`, dataset, source, url, url)
	if err != nil {
		return o, false, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&o.Key, &o.ETag, &o.Size, &modified); err != nil {
			return o, false, err
		}
		o.Modified, ok = modified.Time.UTC(), true
	}
	return o, ok, rows.Err()
}
