package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/plugins"
	"tidemark.dev/tidemark/plugins/bundled"
)

// masked are a million messages with something to mask in each.
const masked = `(SELECT 'user ann' || i || '@example.com from 10.0.' || i % 250 || '.7 took ' || i % 900 || 'ms for checkout of cart, and the rest' AS m FROM range(1000000) t(i))`

// pluginSQL masks a million messages with the bundled plugin, metering on,
// and with two regular expressions of DuckDB's own, which find less.
func (b *bench) pluginSQL() error {
	if _, has := bundled.Lookup("mask_pii"); !has {
		return errors.New("mask_pii was not built: make build does that")
	}
	dir := filepath.Join(b.dir, "plugin-sql")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	bench, err := b.workspace(dir, "")
	if err != nil {
		return err
	}
	defer bench.Close()
	ours := `SELECT sum(length(mask_pii(m))) FROM ` + masked
	theirs := `SELECT sum(length(regexp_replace(regexp_replace(m, '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}', '[email]', 'g'), '\b(\d{1,3}\.){3}\d{1,3}\b', '[ip]', 'g'))) FROM ` + masked
	if err := ask(b, bench, `SELECT mask_pii('loaded')`); err != nil {
		return err
	}
	return b.pair("plugin-sql", "two regexp_replace", 1, func(int) error { return ask(b, bench, ours) }, func(int) error { return ask(b, bench, theirs) })
}

// ask runs a query as a person would, and reads its answer.
func ask(b *bench, bench *workbench.Workbench, query string) error {
	rows, err := bench.Query(b.ctx, query, nil, time.Hour)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("%d rows", n))
	}
	return nil
}

// readyTargets is how long a plugin may take to be ready from the disk cache,
// by what it is made with.
var readyTargets = map[string]time.Duration{"sample_by_key": 100 * time.Millisecond}

// pluginReady loads each bundled plugin from the cache, as a fresh process
// does, and prints what that takes of a processor.
func (b *bench) pluginReady() error {
	cache := filepath.Join(b.dir, "plugin-cache")
	for _, name := range bundled.Names() {
		wasm, _ := bundled.Lookup(name)
		var took []time.Duration
		for i := range 1 + 5*b.runs {
			began := processorTime()
			host, err := plugins.NewHost(b.ctx, plugins.Options{CacheDir: cache})
			if err != nil {
				return err
			}
			p, err := host.Load(b.ctx, name, wasm, plugins.Settings{})
			if err != nil {
				return err
			}
			if i > 0 { // the first compiles
				took = append(took, processorTime()-began)
			}
			if err := errors.Join(p.Close(b.ctx), host.Close(b.ctx)); err != nil {
				return err
			}
		}
		target := readyTargets[name]
		if target == 0 {
			target = 5 * time.Millisecond
		}
		fmt.Printf("%-14s %s: %v of processor time (target %v; median of %d)\n", "plugin-ready", name, median(took).Round(10*time.Microsecond), target, len(took))
	}
	return nil
}
