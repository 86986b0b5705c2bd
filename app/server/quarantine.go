package server

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// QuarantinedRecord is an entry with its bytes.
type QuarantinedRecord struct {
	store.QuarantineEntry
	Raw       *string `json:"raw" doc:"Null where the bytes were not kept: replay fetches the object again."`
	Base64    bool    `json:"base64,omitempty" doc:"raw is no text, and written in base64."`
	Truncated bool    `json:"truncated" doc:"raw is only its beginning."`
}

// DiscardedEntries says which entries were taken out. They can be had back for
// thirty days.
type DiscardedEntries struct {
	Discarded int     `json:"discarded"`
	IDs       []int64 `json:"ids"`
}

// RestoredEntries says which entries are in quarantine again.
type RestoredEntries struct {
	Restored int     `json:"restored"`
	IDs      []int64 `json:"ids"`
}

// ChosenEntries names entries of quarantine: those that have all that is given.
type ChosenEntries struct {
	Dataset string  `json:"dataset,omitempty" doc:"Only entries of this dataset."`
	Reason  string  `json:"reason,omitempty" doc:"Only entries of this reason."`
	Path    string  `json:"path,omitempty" doc:"Only entries where this path is to blame."`
	IDs     []int64 `json:"ids,omitempty" doc:"Only these."`
}

func (c ChosenEntries) filter() store.QuarantineFilter { return store.QuarantineFilter(c) }

// some refuses to do something to all of quarantine where nothing was named.
func (c ChosenEntries) some(op string) error {
	if c.Dataset == "" && c.Reason == "" && c.Path == "" && len(c.IDs) == 0 {
		return engine.Errorf(engine.Invalid, op, "nothing was named").WithHint("name entries by ids, dataset, reason or path")
	}
	return nil
}

func (s *Server) quarantineAPI() {
	handle(s, "GET", "/quarantine", "listQuarantine", "What was set aside, newest first", s.listQuarantine)
	handle(s, "GET", "/quarantine/{id}", "getQuarantine", "One entry with its bytes", s.getQuarantine)
	handle(s, "POST", "/quarantine/replay", "replayQuarantine", "Put what was set aside through the pipeline once more", s.replayQuarantine)
	handle(s, "POST", "/quarantine/discard", "discardQuarantine", "Take entries out; they can be had back for thirty days", s.discardQuarantine)
	handle(s, "POST", "/quarantine/restore", "restoreQuarantine", "Put discarded entries back", s.restoreQuarantine)
}

type quarantineInput struct {
	Dataset string `query:"dataset"`
	Reason  string `query:"reason"`
	Path    string `query:"path"`
	Offset  int    `query:"offset" minimum:"0"`
	Limit   int    `query:"limit" minimum:"1" maximum:"10000" default:"200"`
}

func (s *Server) listQuarantine(ctx context.Context, in *quarantineInput) (store.QuarantinePage, error) {
	return s.bench.Store.QuarantinePage(ctx, store.QuarantineFilter{Dataset: in.Dataset, Reason: in.Reason, Path: in.Path}, in.Offset, in.Limit)
}

// rawLimit is how many bytes of an entry are shown.
const rawLimit = 256 << 10

func (s *Server) getQuarantine(ctx context.Context, in *struct {
	ID int64 `path:"id"`
},
) (QuarantinedRecord, error) {
	e, raw, err := s.bench.Store.QuarantineRaw(ctx, in.ID)
	if err != nil {
		return QuarantinedRecord{}, err
	}
	out := QuarantinedRecord{QuarantineEntry: e}
	if raw == nil {
		return out, nil
	}
	text := utf8.Valid(raw)
	if len(raw) > rawLimit {
		raw, out.Truncated = raw[:rawLimit], true
	}
	shown := strings.ToValidUTF8(string(raw), "")
	if !text {
		shown, out.Base64 = base64.StdEncoding.EncodeToString(raw), true
	}
	out.Raw = &shown
	return out, nil
}

type chosenInput struct{ Body ChosenEntries }

func (s *Server) replayQuarantine(ctx context.Context, in *chosenInput) (workbench.Replayed, error) {
	return s.bench.Replay(ctx, in.Body.filter())
}

func (s *Server) discardQuarantine(ctx context.Context, in *chosenInput) (DiscardedEntries, error) {
	if err := in.Body.some("discard"); err != nil {
		return DiscardedEntries{}, err
	}
	ids, err := s.bench.Discard(ctx, in.Body.filter())
	return DiscardedEntries{len(ids), ids}, err
}

func (s *Server) restoreQuarantine(ctx context.Context, in *chosenInput) (RestoredEntries, error) {
	ids, err := s.bench.Restore(ctx, in.Body.filter())
	return RestoredEntries{len(ids), ids}, err
}
