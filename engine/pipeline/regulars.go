package pipeline

import "tidemark.dev/tidemark/engine"

// remembered is for how many batches a shard that brings nothing is still
// waited for.
const remembered = 8

// regulars are the shards that bring something to one batch after the other.
// At the tip all shards of a source are read at the same moments: once all of
// these have come, nothing is on its way. One that comes now and then is waited
// for as long as it is remembered, so that it costs no batch of its own.
type regulars struct {
	batch   int            // number of the one being built
	came    map[string]int // shards, and the batch that each came with last
	known   int            // how many of them came before this batch
	missing int            // how many of those are not here yet
	relied  int            // first batch in which they are relied upon
}

// heard notes what a shard brought, and reports whether all have come.
func (r *regulars) heard(a engine.Arrivals) bool {
	if a.Behind == 0 && len(a.Records) > 0 {
		r.note(a.Shard)
	}
	if a.Ended {
		r.forget(a.Shard)
	}
	return r.known > 0 && r.missing == 0 && r.batch >= r.relied
}

func (r *regulars) note(shard string) {
	if r.came == nil {
		r.came = map[string]int{}
	}
	switch last, known := r.came[shard]; {
	case known && last == r.batch:
		// It comes as it likes: that it was here does not say that it has no more.
		r.relied = r.batch + remembered
	case known:
		r.missing--
	}
	r.came[shard] = r.batch
}

func (r *regulars) forget(shard string) {
	if last, known := r.came[shard]; known && last < r.batch {
		r.missing--
	}
	delete(r.came, shard)
}

// next begins a batch.
func (r *regulars) next() {
	r.batch++
	for shard, last := range r.came {
		if r.batch-last > remembered {
			delete(r.came, shard)
		}
	}
	r.known = len(r.came)
	r.missing = r.known
}
