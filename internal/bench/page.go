//go:build duckdb_arrow

package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tidemark.dev/tidemark/frontend"
)

// page compares the time from a click in the browser to the first rows of a
// large result on screen with the driver making Arrow of it, and says how
// smoothly it scrolls and how much script the first page loads. It must run in
// the root of the repository, with the page built.
func (b *bench) page() error {
	base, closed, err := b.served("page", frontend.Handler())
	if err != nil {
		return err
	}
	defer closed()
	text := "---\ntitle: Wide\n---\n\n```sql wide\n" + wide + "\n```\n"
	dir := filepath.Join(b.dir, "page", "notebooks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "wide.md"), []byte(text), 0o600); err != nil {
		return err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(b.ctx, "SET threads = 2"); err != nil {
		return err
	}
	w, err := b.browser(strings.TrimSuffix(base.base, "/api/v1") + "/#k=bench")
	if err != nil {
		return err
	}
	defer w.close()
	var ours, theirs []time.Duration
	for i := range b.runs {
		started := time.Now()
		if err := arrowOf(b.ctx, db); err != nil {
			return err
		}
		theirs = append(theirs, time.Since(started))
		if i > 0 {
			if _, err := w.ask("prepare"); err != nil {
				return err
			}
		}
		started = time.Now()
		if _, err := w.ask("rows"); err != nil {
			return err
		}
		ours = append(ours, time.Since(started))
	}
	b.report("first-screen", "the driver making Arrow of all million rows", 1.3, ours, theirs)
	for _, how := range []string{"scroll", "drag"} {
		f, err := w.ask(how)
		if err != nil {
			return err
		}
		fmt.Printf("%-14s %.0f frames a second over a million rows, the longest %.0f ms (target 60; without a graphics card)\n", how, f["fps"], f["worst_ms"])
	}
	script, err := w.ask("script")
	if err != nil {
		return err
	}
	fmt.Printf("%-14s %.0f kB of script on the first page, compressed (target 250)\n", "script", script["gzip_bytes"]/1000)
	return nil
}

// browser is a browser that is told what to do, a word a line.
type browser struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (b *bench) browser(url string) (*browser, error) {
	cmd := exec.CommandContext(b.ctx, "node", "frontend/e2e/bench.mjs", url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &browser{cmd, in, bufio.NewScanner(out)}
	_, err = w.answer()
	return w, err
}

func (w *browser) ask(word string) (map[string]float64, error) {
	if _, err := fmt.Fprintln(w.in, word); err != nil {
		return nil, err
	}
	return w.answer()
}

func (w *browser) answer() (map[string]float64, error) {
	if !w.out.Scan() {
		return nil, fmt.Errorf("the browser ended: %w", w.out.Err())
	}
	var all map[string]any
	if err := json.Unmarshal(w.out.Bytes(), &all); err != nil {
		return nil, err
	}
	numbers := map[string]float64{}
	for k, v := range all {
		switch v := v.(type) {
		case string:
			return nil, fmt.Errorf("in the browser: %s", v)
		case float64:
			numbers[k] = v
		}
	}
	return numbers, nil
}

func (w *browser) close() {
	_ = w.in.Close()
	_ = w.cmd.Wait()
}
