package workbench

import (
	"sync"
	"time"
)

// modelPause is how long models that follow a tail rest after each run, so
// that they do not run for every commit.
const modelPause = 10 * time.Second

// modelRuns is what models do at the moment.
type modelRuns struct {
	run sync.Mutex // one at a time

	mu      sync.Mutex
	trouble map[string]error
	last    map[string]time.Time // when models followed a dataset
}

// note keeps how the last run of a model ended.
func (r *modelRuns) note(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.trouble == nil {
		r.trouble = map[string]error{}
	}
	r.trouble[name] = err
}

func (b *Workbench) modelTrouble(name string) error {
	b.models.mu.Lock()
	defer b.models.mu.Unlock()
	return b.models.trouble[name]
}

// rested reports whether models may follow a dataset again.
func (r *modelRuns) rested(dataset string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[string]time.Time{}
	}
	if now.Sub(r.last[dataset]) < modelPause {
		return false
	}
	r.last[dataset] = now
	return true
}
