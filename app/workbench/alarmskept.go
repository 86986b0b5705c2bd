package workbench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/atomicfile"
)

// keptAlarms are the alarms that backtests of whole datasets have found. They
// are kept beside the database, so that a workspace that is opened again has
// them at once; what they were found in is part of the question.
type keptAlarms struct {
	mu    sync.Mutex
	rules map[string]keptRule // by file; nil until it is read
}

type keptRule struct {
	Of       string         `json:"of"`
	Episodes []AlarmEpisode `json:"episodes"`
}

// alarmsOf is when a rule would have been in alarm over all that is stored.
func (b *Workbench) alarmsOf(ctx context.Context, info RuleInfo) ([]AlarmEpisode, error) {
	of := b.alarmsKey(ctx, info)
	if kept, ok := b.alarmsKept(info.File); ok && of != "" && kept.Of == of {
		return kept.Episodes, nil
	}
	t, err := b.RunBacktest(ctx, BacktestRun{RuleChoice: RuleChoice{File: info.File}})
	if err != nil {
		return nil, err
	}
	out := []AlarmEpisode{}
	for _, e := range t.Report.Episodes {
		out = append(out, t.alarm(info, e))
	}
	// What changed meanwhile may or may not be in the answer.
	if of != "" && b.alarmsKey(ctx, info) == of {
		b.keepAlarms(info.File, keptRule{of, out})
	}
	return out, nil
}

// alarmsKey is all that the alarms of a rule follow from: its text, the
// settings, what the dataset holds, and the program that judges. It is empty
// where that cannot be told.
func (b *Workbench) alarmsKey(ctx context.Context, info RuleInfo) string {
	if b.Store.Attached(info.Dataset) {
		return ""
	}
	stamp, err := b.Store.Stamp(ctx, info.Dataset)
	if err != nil {
		return ""
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q", stamp, info.File, programStamp())
	for _, name := range []string{info.File, workspace.FileName} {
		text, err := os.ReadFile(b.Workspace.Path(name))
		if err != nil {
			return ""
		}
		fmt.Fprintf(h, " %q", text)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// programStamp tells one build of the program from another.
var programStamp = sync.OnceValue(func() string {
	name, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
})

func (b *Workbench) alarmsFile() string { return filepath.Join(b.Workspace.StateDir(), "alarms.json") }

func (b *Workbench) alarmsKept(file string) (keptRule, bool) {
	k := &b.keptAlarms
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules == nil {
		k.rules = readAlarms(b.alarmsFile())
	}
	r, ok := k.rules[file]
	return r, ok
}

// readAlarms reads what was kept; what cannot be read is found again.
func readAlarms(path string) map[string]keptRule {
	rules := map[string]keptRule{}
	text, err := os.ReadFile(path)
	if err != nil {
		return rules
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&rules); err != nil && !errors.Is(err, io.EOF) || rules == nil {
		return map[string]keptRule{}
	}
	return rules
}

// forgetAlarms leaves nothing of what was in a dataset that is dropped.
func (b *Workbench) forgetAlarms() {
	b.keptAlarms.mu.Lock()
	defer b.keptAlarms.mu.Unlock()
	b.keptAlarms.rules = map[string]keptRule{}
	if err := os.Remove(b.alarmsFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		slog.Warn("the alarms that were found could not be removed", "error", err)
	}
}

func (b *Workbench) keepAlarms(file string, r keptRule) {
	k := &b.keptAlarms
	k.mu.Lock()
	defer k.mu.Unlock()
	kept := map[string]keptRule{file: r}
	for _, f := range b.Current().Rules {
		if old, ok := k.rules[f]; ok && f != file {
			kept[f] = old
		}
	}
	k.rules = kept
	text, err := json.Marshal(kept)
	if err == nil {
		err = atomicfile.Write(b.alarmsFile(), text, 0o600)
	}
	if err != nil {
		slog.Warn("the alarms that were found could not be kept", "error", err)
	}
}
