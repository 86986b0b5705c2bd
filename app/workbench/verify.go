package workbench

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/store"
)

// Verified says how the objects of sources, the ledger and the rows of the
// datasets agree; its JSON is part of the contract.
type Verified struct {
	OK       bool             `json:"ok" doc:"Nothing is missing, changed, partial, extra, and no count differs."`
	Objects  int64            `json:"objects"`
	Agree    int64            `json:"agree"`
	Missing  int64            `json:"missing" doc:"In the store, and never pulled."`
	Changed  int64            `json:"changed" doc:"Other bytes in the store than were pulled."`
	Partial  int64            `json:"partial" doc:"Begun, and not pulled to the end."`
	Differ   int64            `json:"differ" doc:"Other rows in the table than the ledger says."`
	Extra    int64            `json:"extra" doc:"Rows in the table of objects that the ledger does not have."`
	Gone     int64            `json:"gone" doc:"Pulled, and no longer in the store. Their rows stay."`
	Attached int64            `json:"attached" doc:"Left where they are."`
	Details  []VerifiedObject `json:"details"`
}

// VerifiedObject is one object: what the ledger says of it, and what is there.
type VerifiedObject struct {
	Source  string `json:"source"`
	Dataset string `json:"dataset"`
	Key     string `json:"key"`
	State   string `json:"state" enum:"ok,missing,changed,partial,differ,extra,gone,attached,undecodable"`
	// Rows are in the table, Stored were according to the ledger.
	Rows          int64      `json:"rows"`
	Stored        int64      `json:"stored"`
	Read          int64      `json:"read"`
	Quarantined   int64      `json:"quarantined"`
	Dropped       int64      `json:"dropped"`
	ETag          string     `json:"etag"`
	Size          int64      `json:"size"`
	BytesFetched  int64      `json:"bytes_fetched"`
	MinEventTime  *time.Time `json:"min_event_time"`
	MaxEventTime  *time.Time `json:"max_event_time"`
	SchemaVersion int        `json:"schema_version"`
	Seconds       float64    `json:"seconds"`
	PulledAt      *time.Time `json:"pulled_at"`
}

// Verify lists the sources and compares their objects with the ledger, and the
// ledger with the rows of the datasets. It fetches no object.
func (b *Workbench) Verify(ctx context.Context, names []string) (Verified, error) {
	out := Verified{Details: []VerifiedObject{}}
	sources, err := b.chosen(names)
	if err != nil {
		return out, err
	}
	for _, c := range sources {
		if err := b.verifySource(ctx, c, &out); err != nil {
			return out, err
		}
	}
	slices.SortStableFunc(out.Details, func(x, y VerifiedObject) int {
		return cmp.Or(cmp.Compare(x.Source, y.Source), cmp.Compare(x.Key, y.Key))
	})
	for _, d := range out.Details {
		out.count(d)
	}
	out.OK = out.Missing+out.Changed+out.Partial+out.Differ+out.Extra == 0
	return out, nil
}

func (v *Verified) count(d VerifiedObject) {
	counters := map[string]*int64{
		"missing": &v.Missing, "changed": &v.Changed, "partial": &v.Partial, "differ": &v.Differ, "extra": &v.Extra, "gone": &v.Gone, "attached": &v.Attached,
	}
	if d.State != "extra" {
		v.Objects++
	}
	if n := counters[d.State]; n != nil {
		*n++
	} else {
		v.Agree++
	}
}

func (b *Workbench) verifySource(ctx context.Context, c workspace.Source, out *Verified) error {
	a, err := b.openSource(ctx, c)
	if err != nil {
		return err
	}
	objects, err := listed(ctx, a)
	if err != nil && engine.KindOf(err) != engine.NotFound {
		return err
	}
	d := b.Current().Config.Dataset(c.Dataset)
	ledger, err := b.Store.Ledger(ctx, d.Name, c.Name)
	if err != nil {
		return err
	}
	rows, dedup, err := b.rowsByObject(ctx, c)
	if err != nil {
		return err
	}
	for _, o := range objects {
		entry, has := ledger[o.Key]
		delete(ledger, o.Key)
		v := verified(c, o.Key, entry)
		v.Rows = rows[o.URL]
		delete(rows, o.URL)
		switch {
		case !has && c.Attach, !has:
			v.State, v.ETag, v.Size = "missing", o.Version(), o.Size
		case entry.ETag != o.Version():
			v.State = "changed"
		default:
			v.State = stateOf(entry, v.Rows, dedup)
		}
		out.Details = append(out.Details, v)
	}
	for key, entry := range ledger {
		v := verified(c, key, entry)
		v.Rows, v.State = rows[entry.URL], "gone"
		delete(rows, entry.URL)
		if stateOf(entry, v.Rows, dedup) == "differ" {
			v.State = "differ"
		}
		out.Details = append(out.Details, v)
	}
	for url, n := range rows {
		out.Details = append(out.Details, VerifiedObject{Source: c.Name, Dataset: d.Name, Key: url, State: "extra", Rows: n})
	}
	return nil
}

// stateOf compares an entry of the ledger with the rows that are there. Where
// duplicates are left out there may be fewer.
func stateOf(e store.LedgerEntry, rows int64, dedup bool) string {
	switch {
	case e.State == "attached", e.State == "partial", e.State == "undecodable" && rows == e.Stored:
		return e.State
	case rows == e.Stored, dedup && rows < e.Stored:
		return "ok"
	}
	return "differ"
}

func verified(c workspace.Source, key string, e store.LedgerEntry) VerifiedObject {
	return VerifiedObject{
		Source: c.Name, Dataset: c.Dataset, Key: key, Stored: e.Stored, Read: e.Read, Quarantined: e.Quarantined, Dropped: e.Dropped,
		ETag: e.ETag, Size: e.Size, BytesFetched: e.Fetched, MinEventTime: e.MinTime, MaxEventTime: e.MaxTime,
		SchemaVersion: e.SchemaVersion, Seconds: e.Seconds, PulledAt: e.PulledAt,
	}
}
