package store

import (
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"tidemark.dev/tidemark/engine/store/result"
)

// Sink takes the rows of a query as they are computed, from one goroutine.
type Sink interface {
	// Begin is called once, before the first rows.
	Begin(columns result.Delivered, schema *arrow.Schema) error
	// Batch takes rows; it may keep them if it retains the batch.
	Batch(batch arrow.RecordBatch) error
}

// ErrEnough is what a sink answers that wants no more rows.
var ErrEnough = errors.New("the sink has had enough")
