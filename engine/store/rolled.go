package store

import (
	"context"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Rolled is a rollup as questions can be answered from it.
type Rolled struct {
	plan.Rolled
	// Name is that of its table for people.
	Name string
	// Stamp is another one when the rollup was refreshed or went stale.
	Stamp string
}

// Rolled lists the rollups of a dataset that count rows as they are now and
// keep what is asked for, the finest first. Rows that are newer than UpTo they
// do not count. Who has an answer from one must see that it still has the
// Stamp: only then was the answer's UpTo the table's.
func (s *Store) Rolled(ctx context.Context, name string, kept Kept) (out []Rolled, err error) {
	d, err := s.lookup(name)
	if err != nil || d.attached {
		return nil, nil //nolint:nilerr // what is not there has none
	}
	fields := rollupFields(engine.Dataset{Name: name, Body: d.version.Body}, kept)
	rows, err := s.QueryContext(ctx, `SELECT size, seq, definition, format('{} {} {}', seq, hash(definition), epoch_us(updated_at)) FROM tidemark.rollups WHERE dataset = ? AND updated_at IS NOT NULL ORDER BY size`, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var micros int64
		var r Rolled
		var definition string
		if err := rows.Scan(&micros, &r.UpTo, &definition, &r.Stamp); err != nil {
			return nil, err
		}
		own := rollup{name, time.Duration(micros) * time.Microsecond, fields}
		r.Name, r.Table, r.Size, r.Keys, r.Fields = own.name(), own.table(), own.size, rollupKeys, own.rolledFields()
		want, err := s.wanted(ctx, own)
		if err != nil {
			return nil, err
		}
		if want == definition {
			out = append(out, r)
		}
	}
	return out, rows.Err()
}

// wanted is the definition of a rollup as it would be made now.
func (s *Store) wanted(ctx context.Context, r rollup) (string, error) {
	base, err := r.plan()
	if err != nil {
		return "", err
	}
	return r.definition(ctx, s.DB(), base)
}

func (r rollup) rolledFields() (out []plan.RolledField) {
	for i, f := range r.fields {
		if !f.number {
			continue
		}
		name := func(part string) string { return fmt.Sprintf("f%d_%s", i, part) }
		one := plan.RolledField{Path: f.path, Type: f.plain, Sum: name("sum"), Count: name("count"), Min: name("min"), Max: name("max")}
		if f.plain.Kind != engine.BigInt {
			one.Over = name("over")
		}
		if f.quantiles {
			one.Buckets = name("buckets")
		}
		out = append(out, one)
	}
	return out
}
