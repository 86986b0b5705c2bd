package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"tidemark.dev/tidemark/engine"
)

// counts is how far a verb has come. A total of 0 is not known.
type counts struct {
	objects, objectsTotal int64
	bytes, bytesTotal     int64
	records               int64
}

const (
	barEvery  = 100 * time.Millisecond // on a terminal
	lineEvery = 5 * time.Second        // elsewhere
)

// progress shows how far a verb has come, on stderr: a bar on a terminal, now
// and then a line elsewhere. Its methods may be called from any goroutine and
// cost next to nothing when there is nothing to show.
type progress struct {
	mu      sync.Mutex
	w       io.Writer
	label   string
	clock   engine.Clock
	bar     *progressbar.ProgressBar
	started time.Time
	shown   time.Time
	last    counts
	silent  bool
}

// newProgress begins to show the progress of what label names: "pull". It is
// silent under --quiet, and under --json unless a person watches.
func (a *app) newProgress(label string) *progress {
	now := a.env.Clock.Now()
	p := &progress{
		w: a.stderr, label: label, clock: a.env.Clock, started: now, shown: now,
		silent: a.quiet || a.json && !a.env.TTY,
	}
	if a.env.TTY && !p.silent {
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetWidth(max(10, min(30, a.env.Columns/4))),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionThrottle(barEvery),
		)
	}
	return p
}

// update says how far it has come now.
func (p *progress) update(c counts) {
	if p.silent {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = c
	now := p.clock.Now()
	every := lineEvery
	if p.bar != nil {
		every = barEvery
	}
	if now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	if p.bar == nil {
		fmt.Fprintf(p.w, "%s: %s\n", p.label, p.describe(now))
		return
	}
	if c.bytesTotal > 0 && c.bytesTotal != p.bar.GetMax64() {
		p.bar.ChangeMax64(c.bytesTotal)
	}
	p.bar.Describe(fmt.Sprintf("%s %s", p.label, c.items()))
	_ = p.bar.Set64(c.bytes) // a terminal that is gone is not told
}

// done clears the bar. The result is for the verb to print.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Exit()
		_ = p.bar.Clear()
	}
	p.silent = true
}

// describe is the progress in one line: "12/40 objects, 1.2 MB of 8.0 MB,
// 5120 records, about 40s left".
func (p *progress) describe(now time.Time) string {
	c := p.last
	parts := []string{c.items()}
	if c.bytesTotal > 0 {
		parts = append(parts, formatBytes(c.bytes)+" of "+formatBytes(c.bytesTotal))
	} else if c.bytes > 0 {
		parts = append(parts, formatBytes(c.bytes))
	}
	if left, ok := c.left(now.Sub(p.started)); ok {
		parts = append(parts, "about "+engine.FormatDuration(left)+" left")
	}
	return strings.Join(parts, ", ")
}

func (c counts) items() string {
	objects := fmt.Sprintf("%d objects", c.objects)
	if c.objectsTotal > 0 {
		objects = fmt.Sprintf("%d/%d objects", c.objects, c.objectsTotal)
	}
	return fmt.Sprintf("%s, %d records", objects, c.records)
}

// left estimates the time that remains, to the second, by bytes if they are
// known, else by objects.
func (c counts) left(elapsed time.Duration) (time.Duration, bool) {
	done, total := c.bytes, c.bytesTotal
	if total == 0 {
		done, total = c.objects, c.objectsTotal
	}
	if done <= 0 || total < done {
		return 0, false
	}
	rest := time.Duration(float64(elapsed) * float64(total-done) / float64(done))
	return rest.Round(time.Second), true
}

// formatBytes is a number of bytes for people: "1.2 MB".
func formatBytes(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	value, unit := float64(n), 0
	for value >= 1000 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
