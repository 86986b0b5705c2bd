package workbench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/app/workspace/atomicfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
)

// protection is what keeps a dataset's sensitive values from being stored.
type protection struct {
	policies []engine.Policy
	key      []byte
	check    string // tells the key from another
}

// Unmet is a policy, a key or a dedup whose path no record has had so far.
type Unmet struct {
	Dataset string `json:"dataset"`
	Path    string `json:"path"`
	Policy  string `json:"policy" doc:"As it stands in columns; or key, or dedup."`
	Hint    string `json:"hint"`
}

// protection reads a dataset's policies, and the key where there are any, or
// where the source is private for another dataset's sake.
func (b *Workbench) protection(ctx context.Context, d workspace.Dataset, private bool) (p protection, err error) {
	for _, c := range d.Columns {
		one, err := engine.ParsePolicy(c.Key.Value, c.Value.Value)
		if err != nil {
			return p, fmt.Errorf("datasets.%s.columns: %w", d.Name, err)
		}
		p.policies = append(p.policies, tablePath(one))
	}
	if len(p.policies) == 0 && !private {
		return p, nil
	}
	if !b.inMemory {
		return p, engine.Errorf(engine.Unavailable, "pull into "+d.Name, "%s has columns with policies, and this system has no folder in memory with %d MB free", d.Name, minStaging>>20).
			WithHint("make room in %s (docker: --shm-size=2g), or take columns out and mask with a transform", shm)
	}
	return p, b.takeKey(ctx, d.Name, &p)
}

// tablePath makes a bare name the path that it means: an envelope column, or
// a member of body.
func tablePath(p engine.Policy) engine.Policy {
	for _, c := range engine.Envelope {
		if p.Path[0] == c.Name {
			return p
		}
	}
	if p.Path[0] != "body" || len(p.Path) == 1 {
		p.Path = append(engine.Path{"body"}, p.Path...)
	}
	return p
}

// takeKey reads the workspace's key, or makes one where nothing in the dataset
// is hashed with another.
func (b *Workbench) takeKey(ctx context.Context, dataset string, p *protection) error {
	path := b.Current().HashKeyPath()
	text, err := os.ReadFile(path)
	known, checkErr := b.Store.KeyCheck(ctx, dataset)
	if checkErr != nil {
		return checkErr
	}
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && known != "":
		return lostKey(dataset, path, "is gone")
	case missing:
		text, err = newKey(path)
	}
	if err != nil {
		return engine.Errorf(engine.Unavailable, "read the key of hashes", "%w", err)
	}
	if p.key, err = hex.DecodeString(strings.TrimSpace(string(text))); err != nil || len(p.key) < 16 {
		return engine.Errorf(engine.Invalid, "read the key of hashes", "%s is no key", path).WithHint("put it back from a copy of yours")
	}
	p.check = pipeline.Digest(p.key, []byte("tidemark key check"))
	if known != "" && known != p.check {
		return lostKey(dataset, path, "is another one")
	}
	return nil
}

func lostKey(dataset, path, how string) error {
	return engine.Errorf(engine.Conflict, "pull into "+dataset, "the key that its values are hashed with %s: equal values would no longer be equal", how).
		WithHint("put %s back from a copy, or begin anew: tidemark dataset drop %s, then pull", path, dataset)
}

func newKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	text := []byte(hex.EncodeToString(key) + "\n")
	return text, atomicfile.Write(path, text, 0o600)
}

// countPolicies keeps what the policies of a dataset met.
func (b *Workbench) countPolicies(ctx context.Context, dataset string, p protection, met []int64) error {
	if len(p.policies) == 0 {
		return nil
	}
	return b.Store.CountPolicies(context.WithoutCancel(ctx), dataset, p.check, p.policies, met)
}

// unmet lists what the settings of a dataset name and no record ever had.
func (b *Workbench) unmet(ctx context.Context, d workspace.Dataset) ([]Unmet, error) {
	out, err := b.unmetPolicies(ctx, d)
	return append(out, b.unmetKeys(d)...), err
}

// unmetKeys lists the paths that tell records apart and that no record has had
// a value at: without one, every record is kept.
func (b *Workbench) unmetKeys(d workspace.Dataset) (out []Unmet) {
	at, err := b.Store.Dataset(d.Name)
	if err != nil {
		return nil // nothing is stored, so nothing is amiss
	}
	look := func(what, path string) {
		p, err := engine.ParsePath(path)
		if err != nil {
			return // the file's check says so
		}
		if _, t, err := at.Resolve(p); err == nil && t.Known() {
			return
		}
		out = append(out, Unmet{Dataset: d.Name, Path: path, Policy: what, Hint: b.nearPath(d.Name, path)})
	}
	for _, path := range d.Key {
		look("key", path)
	}
	if d.Dedup != "" {
		look("dedup", d.Dedup)
	}
	return out
}

func (b *Workbench) unmetPolicies(ctx context.Context, d workspace.Dataset) ([]Unmet, error) {
	var out []Unmet
	counts, err := b.Store.Policies(ctx, d.Name)
	if err != nil {
		return nil, err
	}
	now := map[string]bool{}
	for _, c := range d.Columns {
		if one, err := engine.ParsePolicy(c.Key.Value, c.Value.Value); err == nil {
			one = tablePath(one)
			now[one.Path.String()+" "+one.String()] = true
		}
	}
	for _, c := range counts {
		if c.Met == 0 && now[c.Path+" "+c.Policy] {
			out = append(out, Unmet{Dataset: d.Name, Path: c.Path, Policy: c.Policy, Hint: b.nearPath(d.Name, c.Path)})
		}
	}
	return out, nil
}

func (b *Workbench) nearPath(dataset, path string) string {
	d, err := b.Store.Dataset(dataset)
	if err != nil {
		return spell
	}
	var paths []string
	d.Walk(func(p engine.Path, _ engine.Type) { paths = append(paths, p[1:].String()) })
	if near := engine.Nearest(strings.TrimPrefix(path, "body."), paths); near != "" {
		return "did you mean body." + near + "?"
	}
	return spell
}

const spell = "is it spelled as in the records?"

// PoliciesOf lists the policies of a dataset by the path they are about.
func (b *Workbench) PoliciesOf(dataset string) map[string]string {
	out := map[string]string{}
	for _, c := range b.Current().Config.Dataset(dataset).Columns {
		if one, err := engine.ParsePolicy(c.Key.Value, c.Value.Value); err == nil {
			out[tablePath(one).Path.String()] = one.String()
		}
	}
	return out
}
