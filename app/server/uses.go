package server

import (
	"slices"
	"sync"

	"tidemark.dev/tidemark/app/workbench"
)

// uses are what a query cost of attached datasets.
type uses struct {
	mu  sync.Mutex
	all []workbench.Use
}

func (u *uses) add(one workbench.Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all = append(u.all, one)
}

func (u *uses) list() []workbench.Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.all)
}
