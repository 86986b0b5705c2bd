package workbench

import (
	"context"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/plugins"
)

// DiffInput says which two versions of a plugin are compared, and on what.
type DiffInput struct {
	Plugin string
	// Dataset whose records and transforms are taken; "" is the only one that
	// uses the plugin.
	Dataset string
	// Last is how many of the last records are run; 0 is 1000.
	Last int
	// Wasm is the new module; nil is the file that is there, beside the one that
	// ran before it.
	Wasm []byte
	// SHA256 lets a file be run for this that waits to be allowed: the one that
	// a person was shown.
	SHA256 string
}

// PluginDiff is what a new version of a plugin does otherwise.
type PluginDiff struct {
	Plugin  string       `json:"plugin"`
	Dataset string       `json:"dataset"`
	Records int          `json:"records"` // that were run
	Old     DiffSide     `json:"old"`
	New     DiffSide     `json:"new"`
	Same    int          `json:"same"`
	Changed int          `json:"changed"`
	Differ  []DiffRecord `json:"differ"` // the first of those that changed
}

// DiffSide is one version and what it did with all records.
type DiffSide struct {
	Version     string  `json:"version"`
	SHA256      string  `json:"sha256"`
	Out         int     `json:"out"` // records
	Dropped     int     `json:"dropped"`
	Rejected    int     `json:"rejected"`
	MS          float64 `json:"ms"`
	MemoryBytes int64   `json:"memory_bytes"`
}

// DiffRecord is a record that the two make different things of.
type DiffRecord struct {
	RawRecord
	Old LensStep `json:"old"`
	New LensStep `json:"new"`
}

const (
	diffRecords = 1000
	diffShown   = 200
)

// DiffPlugin runs two versions of a plugin side by side over the last records
// of a dataset, behind the transforms that stand before it. Nothing is stored.
func (b *Workbench) DiffPlugin(ctx context.Context, in DiffInput) (PluginDiff, error) {
	dataset, err := b.diffDataset(in)
	if err != nil {
		return PluginDiff{}, err
	}
	d, records, err := b.lensRecords(ctx, LensInput{Dataset: dataset, Last: min(maxRawRecords, orDefault(in.Last, diffRecords))})
	if err != nil {
		return PluginDiff{}, err
	}
	was, now, err := b.diffModules(in)
	if err != nil {
		return PluginDiff{}, err
	}
	own, _ := b.Current().Plugin(in.Plugin)
	settings := pluginSettings(own.Settings)
	old, release, err := b.aside(ctx, in.Plugin, was, settings)
	if err != nil {
		return PluginDiff{}, err
	}
	defer release()
	fresh, release, err := b.aside(ctx, in.Plugin, now, settings)
	if err != nil {
		return PluginDiff{}, err
	}
	defer release()
	before := d.Transforms[:max(0, slices.Index(d.Transforms, in.Plugin))]
	m, _, err := mappingOf(d)
	if err != nil {
		return PluginDiff{}, err
	}
	if records, err = b.runBefore(ctx, before, m, records); err != nil {
		return PluginDiff{}, err
	}
	out := PluginDiff{Plugin: in.Plugin, Dataset: dataset, Records: len(records), Differ: []DiffRecord{}}
	a, err := old.all(ctx, m, records, &out.Old)
	if err != nil {
		return out, err
	}
	z, err := fresh.all(ctx, m, records, &out.New)
	if err != nil {
		return out, err
	}
	p, err := b.protector(ctx, d)
	out.compare(records, a, z)
	for i, x := range out.Differ {
		v := veil{p}
		out.Differ[i] = DiffRecord{RawRecord{x.Source, x.Position, v.text(x.Record)}, v.step(x.Old), v.step(x.New)}
	}
	return out, err
}

func orDefault(n, def int) int {
	if n > 0 {
		return n
	}
	return def
}

// compare finds the records that became different things. Versions and hashes
// in reasons are no difference.
func (d *PluginDiff) compare(records []RawRecord, a, z []pipeline.Outcome) {
	for i, r := range records {
		x, y := stepOf(r, a[i]), stepOf(r, z[i])
		if slices.Equal(x.Out, y.Out) && d.plain(x.Rejected) == d.plain(y.Rejected) {
			d.Same++
			continue
		}
		if d.Changed++; len(d.Differ) < diffShown {
			d.Differ = append(d.Differ, DiffRecord{r, x, y})
		}
	}
}

func (d *PluginDiff) plain(reason string) string {
	for _, side := range []DiffSide{d.Old, d.New} {
		reason = strings.ReplaceAll(reason, "@"+side.Version+" ("+side.SHA256[:12]+")", "")
	}
	return reason
}

func stepOf(r RawRecord, o pipeline.Outcome) LensStep {
	s := LensStep{In: []string{r.Record}, Out: []string{}, Rejected: o.Rejected}
	for _, one := range o.Records {
		s.Out = append(s.Out, string(one))
	}
	return s
}

// all runs the stage over all records at once, as a pull would.
func (s *lensStage) all(ctx context.Context, m engine.Mapping, records []RawRecord, side *DiffSide) ([]pipeline.Outcome, error) {
	raw := make([][]byte, len(records))
	for i, r := range records {
		raw[i] = []byte(r.Record)
	}
	var out []pipeline.Outcome
	for range 2 { // the first time warms up
		started := time.Now()
		var err error
		if out, err = pipeline.Through(ctx, s.stage, m, raw); err != nil {
			return nil, err
		}
		side.MS = ms(time.Since(started))
	}
	side.Version, side.SHA256, side.MemoryBytes = s.Version, s.SHA256, s.memory()
	for _, o := range out {
		side.Out += len(o.Records)
		switch {
		case o.Rejected != "":
			side.Rejected++
		case len(o.Records) == 0:
			side.Dropped++
		}
	}
	return out, nil
}

// runBefore takes records through the transforms that stand before the one
// that is compared. What they drop is not compared.
func (b *Workbench) runBefore(ctx context.Context, names []string, m engine.Mapping, records []RawRecord) ([]RawRecord, error) {
	stages, release, err := b.lensStages(ctx, names)
	if err != nil {
		return nil, err
	}
	defer release()
	for _, s := range stages {
		outcomes, err := s.all(ctx, m, records, &DiffSide{})
		if err != nil {
			return nil, err
		}
		var next []RawRecord
		for i, o := range outcomes {
			for _, one := range o.Records {
				next = append(next, RawRecord{records[i].Source, records[i].Position, string(one)})
			}
		}
		records = next
	}
	return records, nil
}

// diffDataset finds the dataset whose records are run.
func (b *Workbench) diffDataset(in DiffInput) (string, error) {
	if in.Dataset != "" {
		return in.Dataset, nil
	}
	var using []string
	for _, d := range b.Current().Config.Datasets {
		if slices.Contains(d.Value.Transforms, in.Plugin) {
			using = append(using, d.Key.Value)
		}
	}
	if len(using) == 1 {
		return using[0], nil
	}
	e := engine.Errorf(engine.Invalid, "compare plugin "+in.Plugin, "%d datasets have it among their transforms", len(using))
	return "", e.WithHint("say on whose records: --dataset NAME")
}

// diffModules finds the two modules that are compared.
func (b *Workbench) diffModules(in DiffInput) (was, now []byte, err error) {
	op := "compare plugin " + in.Plugin
	file, err := b.pluginBytes(in.Plugin)
	if err != nil {
		return nil, nil, err
	}
	g := plugins.Look(file)
	allowed := b.mayRun(&module{name: in.Plugin, sha256: g.SHA256})
	if in.Wasm != nil {
		return file, in.Wasm, allowed
	}
	if allowed != nil && in.SHA256 != g.SHA256 {
		return nil, nil, engine.Errorf(engine.Conflict, op, "%w", errNotAllowed).
			WithHint("to run it on your records once, in the sandbox, without allowing it: --sha256 %s", g.SHA256)
	}
	if was, err = b.before(in.Plugin, g.SHA256); err != nil {
		return nil, nil, engine.Errorf(engine.NotFound, op, "%w", errNoneBefore).WithHint("name the new one: tidemark plugin diff %s FILE.wasm", in.Plugin)
	}
	return was, file, nil
}
