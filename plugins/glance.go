package plugins

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tidemark.dev/tidemark/plugins/meter"
)

// ManifestSection is the custom section in which a module may carry what
// tm_manifest gives, so that it can be read without running anything.
const ManifestSection = "tidemark.manifest"

// Glance is what a module shows from outside: nothing of it was run.
type Glance struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// ABI is the major version it was made for, "" when it is no plugin.
	ABI string `json:"abi"`
	// Imports are what it wants from the host, as module.name.
	Imports []string `json:"imports"`
	// About is the manifest that it carries, if it carries one: what it says of
	// itself, checked when it is loaded.
	About *Info `json:"about,omitempty"`
	// Problem is why it cannot be a plugin, as far as that can be seen.
	Problem string `json:"problem,omitempty"`
}

// Look reads a module without running it.
func Look(wasm []byte) Glance {
	sum := sha256.Sum256(wasm)
	g := Glance{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(wasm)), Imports: []string{}}
	o, err := meter.Read(wasm)
	if err != nil {
		g.Problem = err.Error()
		return g
	}
	for _, name := range o.Imports {
		g.Imports = append(g.Imports, clean(name))
	}
	slices.Sort(g.Imports)
	for _, name := range o.Exports {
		if v, ok := strings.CutPrefix(name, "tm_abi_"); ok {
			g.ABI = clean(v)
		}
	}
	text, has := o.Custom[ManifestSection]
	if g.ABI == "" {
		g.Problem = "it does not export tm_abi_1, so it is no Tidemark plugin"
	}
	if !has || g.Problem != "" {
		return g
	}
	m, err := carried(text)
	if err != nil {
		g.Problem = err.Error()
		return g
	}
	about := m.info(g.SHA256)
	g.About = &about
	return g
}

func carried(text []byte) (manifest, error) {
	if len(text) > maxManifest {
		return manifest{}, fmt.Errorf("its section %s has more than %d bytes", ManifestSection, maxManifest)
	}
	return parseManifest(text)
}

// checkCarried refuses a module whose section says something else than it says
// when it runs: somebody may have allowed it for what the section says.
func (m manifest) checkCarried(wasm []byte) error {
	o, err := meter.Read(wasm)
	if err != nil {
		return err
	}
	text, has := o.Custom[ManifestSection]
	if !has {
		return nil
	}
	said, err := carried(text)
	if err != nil {
		return err
	}
	a, err := json.Marshal(said)
	if err != nil {
		return err
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("its section %s says something else than its tm_manifest", ManifestSection)
	}
	return nil
}

// Carrying gives the module with its manifest in a section.
func (p *Plugin) Carrying(wasm []byte) ([]byte, error) {
	text, err := json.Marshal(p.manifest)
	if err != nil {
		return nil, err
	}
	return meter.AppendCustom(wasm, ManifestSection, text)
}

func (m manifest) info(sha256 string) Info {
	return Info{m.Name, m.Version, m.ABI, sha256, m.Functions, m.Config, m.Deterministic}
}
