//go:build !duckdb_arrow

package main

import "errors"

func (b *bench) rows() error { return errors.New("build it with -tags duckdb_arrow") }

func (b *bench) page() error { return b.rows() }
